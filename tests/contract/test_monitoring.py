"""Dashboards and alerts ask for what there is, and the runbook knows every alert."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from services.registry.settings import Settings
from tests.registry.families import every_family

ROOT = Path(__file__).parents[2]
DASHBOARDS = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
PANELS = [panel for path in DASHBOARDS for panel in json.loads(path.read_text())["panels"]]
RULES = yaml.safe_load((ROOT / "deploy/prometheus/rules.yml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
RUNBOOK = ROOT / "docs/operations/runbook.md"
PROMETHEUS_OWN = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "severity"}}
AT_RUN_TIME = {"trm_http_requests_total", "trm_http_request_seconds_bucket"}  # their labels have no values before


def series() -> dict[str, dict[str, set[str]]]:
    """Every time series that the service exports: by its labels, their values."""
    found: dict[str, dict[str, set[str]]] = {}
    for family in every_family():
        for sample in family.samples:
            labels = found.setdefault(sample.name, {})
            for label, value in sample.labels.items():
                labels.setdefault(label, set()).add(value)
        if family.type == "counter":
            found.setdefault(f"{family.name}_total", {})
        if family.type == "histogram":
            for end in ("bucket", "count", "sum"):
                found.setdefault(f"{family.name}_{end}", {})
    return found


def selectors(node: Any) -> Iterator[Any]:  # noqa: ANN401 - the parser has no types
    """The vector selectors of a parsed expression."""
    if isinstance(node, promql_parser.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "args"):
        below = getattr(node, name, None) or []
        for child in below if isinstance(below, list) else [below]:
            yield from selectors(child)


def expressions() -> list[str]:
    shown = [target["expr"] for panel in PANELS for target in panel["targets"] if "expr" in target]
    return shown + [alert["expr"] for alert in ALERTS]


def wrong(expression: str) -> list[str]:
    """Names, labels and values of an expression that no series has."""
    known, found = series(), []
    for selector in selectors(promql_parser.parse(expression.replace("$__rate_interval", "1m"))):
        if selector.name in PROMETHEUS_OWN:
            found += [m.name for m in selector.matchers.matchers if m.name not in PROMETHEUS_OWN[selector.name]]
        elif selector.name not in known:
            found.append(selector.name)
        elif selector.name not in AT_RUN_TIME:
            for m in selector.matchers.matchers:
                if not any(re.fullmatch(m.value, value) for value in known[selector.name].get(m.name, ())):
                    found.append(f"{selector.name}{{{m.name}={m.value}}}")
    return found


@pytest.mark.parametrize("expression", expressions())
def test_dashboards_and_rules_ask_for_series_that_exist(expression: str) -> None:
    assert wrong(expression) == []


def test_steps_are_shown_as_whole_numbers_and_runs_by_their_names() -> None:
    for expression in expressions():
        if "trm_solve_steps_bucket" in expression:
            assert expression.startswith("ceil(")  # within a bucket of one value a quantile is not that value
    queries = [target["rawSql"] for panel in PANELS for target in panel["targets"] if "rawSql" in target]
    assert all(re.search(r"coalesce\((r\.)?name, (r\.)?preset\)", query) for query in queries)


def test_what_does_not_exist_is_noticed() -> None:
    assert wrong("rate(trm_nothing_total[5m]) + up") == ["trm_nothing_total"]
    assert wrong('trm_jobs{status="asleep"}') == ["trm_jobs{status=asleep}"]
    assert wrong('sum(rate(trm_lease_expirations_total{color="red"}[1m]))') == [
        "trm_lease_expirations_total{color=red}"
    ]
    with pytest.raises(ValueError, match="unclosed"):
        wrong("sum(")


def test_dashboard_panels_are_explained_and_do_not_overlap() -> None:
    for path in DASHBOARDS:
        board = json.loads(path.read_text())
        assert len(board["uid"]) <= 40
        assert all(panel["description"] for panel in board["panels"])
        ids = [panel["id"] for panel in board["panels"]]
        places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in board["panels"]]
        assert len(set(ids)) == len(ids)
        assert len(set(places)) == len(places)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_how_bad_it_is_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("info", "warning", "critical")
    assert re.fullmatch(r"\d+[smhd]", alert["for"])
    assert alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["runbook_url"] == f"docs/operations/runbook.md#{alert['alert'].lower()}"


def test_every_alert_is_made_to_fire_by_the_rules_own_test() -> None:
    tests = yaml.safe_load((ROOT / "deploy/prometheus/rules.test.yml").read_text())["tests"]
    expected = [test["promql_expr_test"][0]["exp_samples"] for test in tests]
    assert expected == [[{"labels": "{}", "value": len(ALERTS)}], []]
    given = {re.split("{| ", one["series"])[0] for test in tests for one in test["input_series"]}
    assert given <= series().keys() | {"up"}


def sections() -> dict[str, str]:
    """The runbook's sections by their title."""
    _, *parts = re.split(r"^## ", RUNBOOK.read_text(), flags=re.MULTILINE)
    return {title: body for title, _, body in (part.partition("\n") for part in parts)}


def test_the_runbook_has_one_section_for_each_alert() -> None:
    assert list(sections()) == [alert["alert"] for alert in ALERTS]
    for body in sections().values():
        assert re.findall(r"^\*\*(\w+)\*\*", body, re.MULTILINE) == ["Means", "Look", "Do"]


@pytest.mark.parametrize("page", sorted((ROOT / "docs/operations").glob("*.md")), ids=lambda page: page.name)
def test_pages_for_operators_name_what_exists(page: Path) -> None:
    written = page.read_text()
    settings = {f"TRM_{name.upper()}" for name in Settings.model_fields} | {"TRM_DB_PASSWORD"}
    assert set(re.findall(r"TRM_[A-Z_]+", written)) <= settings
    assert set(re.findall(r"`(trm_[a-z_]+)[`{]", written)) <= series().keys()
    anchors = {title.lower() for title in sections()}
    assert set(re.findall(r"\]\(#([a-z]+)\)", written)) <= anchors


def test_the_runbook_quotes_lines_of_the_logs_as_they_are() -> None:
    code = "".join(path.read_text() for room in ("services", "workers") for path in (ROOT / room).rglob("*.py"))
    quoted = set(re.findall(r"`([a-z]+\.[a-z_]+)`", RUNBOOK.read_text())) - {"train.batch_size"}
    assert [event for event in quoted if f'"{event}"' not in code] == []
    assert len(quoted) > 5
