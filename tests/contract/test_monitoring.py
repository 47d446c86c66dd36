"""Dashboards and alerts ask for what there is, and the runbook knows every alert."""

import json
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.grafana.boards.__main__ import make_files
from deploy.site.metrics import every_family
from services.registry.db.reader import READABLE, READER
from services.registry.settings import Settings
from tests.dashboards import BOARDS, PANELS, TARGETS, VARIABLES

ROOT = Path(__file__).parents[2]
SQL = [target["rawSql"] for _, target in TARGETS if "rawSql" in target] + [one["query"] for one in VARIABLES.values()]
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
    shown = [target["expr"] for _, target in TARGETS if "expr" in target]
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
        if "histogram_quantile" in expression and "trm_solve_steps_bucket" in expression:
            assert expression.startswith("ceil(")  # within a bucket of one value a quantile is not that value
    named = [query for query in SQL if " AS metric" in query]
    assert len(named) > 5
    assert all("coalesce(r.name, r.preset)" in query or "'step '" in query for query in named)


def test_what_does_not_exist_is_noticed() -> None:
    assert wrong("rate(trm_nothing_total[5m]) + up") == ["trm_nothing_total"]
    assert wrong('trm_jobs{status="asleep"}') == ["trm_jobs{status=asleep}"]
    assert wrong('sum(rate(trm_lease_expirations_total{color="red"}[1m]))') == [
        "trm_lease_expirations_total{color=red}"
    ]
    with pytest.raises(ValueError, match="unclosed"):
        wrong("sum(")


def test_the_boards_are_what_their_source_makes() -> None:
    made = make_files()
    assert [path for path, content in made.items() if path.read_text() != content] == [], "make boards"
    assert {path.stem for path in made if path.suffix == ".json"} == {*BOARDS}
    assert all(uid == board["uid"] and len(uid) <= 40 for uid, board in BOARDS.items())
    titles = [board["title"] for board in BOARDS.values()]
    assert sorted(titles) == ["Service", "Solving and halting", "Training", "Workers and storage"]


def lost(given: object, kept: object, path: str = "") -> list[str]:
    """Where a document has keys or values that another has not."""
    if isinstance(given, dict) and isinstance(kept, dict):
        return [
            found
            for key, value in given.items()
            for found in (lost(value, kept[key], f"{path}/{key}") if key in kept else [f"{path}/{key}"])
        ]
    if isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        return [found for n, (a, b) in enumerate(zip(given, kept, strict=True)) for found in lost(a, b, f"{path}/{n}")]
    return [] if given == kept else [path]


@pytest.mark.parametrize("board", BOARDS.values(), ids=[*BOARDS])
def test_grafanas_own_library_reads_every_key_of_a_board(board: dict[str, Any]) -> None:
    register_default_plugins()

    def again() -> dict[str, Any]:
        read: dict[str, Any] = json.loads(JSONEncoder().encode(Dashboard.from_json(board)))
        return read

    assert lost(board, again()) == []
    board = json.loads(json.dumps(board))
    board["panels"][1]["tilte"] = board["panels"][1]["options"]["graphMod"] = "?"
    assert lost(board, again()) == ["/panels/1/options/graphMod", "/panels/1/tilte"]


def test_the_library_is_the_one_for_the_grafana_that_compose_starts() -> None:
    image = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]["image"]
    assert version("grafana-foundation-sdk").partition("!")[2] == image.partition(":")[2]


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_explains_itself(panel: dict[str, Any]) -> None:
    assert panel["title"].endswith("?")
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["targets"]
    for target in panel["targets"]:
        assert target["datasource"]["uid"] in {"trm-prometheus", "trm-postgres"}
        if panel["type"] == "timeseries" and "expr" in target:
            assert target["legendFormat"]
        if "expr" in target:
            windows = re.findall(r"(?:rate|increase)\([^\[]*\[([^\]]+)\]", target["expr"])
            assert set(windows) <= {"$__rate_interval", "1h"}


def test_a_threshold_that_an_alert_has_is_the_same() -> None:
    """A panel that names an alert turns red where that fires."""
    limits = {alert["alert"]: re.findall(r"[<>] ([\d.]+)$", alert["expr"]) for alert in ALERTS}
    named = 0
    for panel in PANELS:
        for alert in re.findall(r"The alert (\w+) fires", panel["description"]):
            steps = [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]]
            [limit] = limits[alert]
            assert float(limit) in {0.0, *map(float, steps[1:])}, panel["title"]
            named += 1
    assert named >= 4


def test_titles_are_said_once_and_panels_do_not_overlap() -> None:
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)
    for board in BOARDS.values():
        ids = [panel["id"] for panel in board["panels"]]
        assert ids == [*range(1, len(ids) + 1)]
        taken = [
            (x, y)
            for panel in board["panels"]
            for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
            for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
        ]
        assert len(set(taken)) == len(taken)
        assert max(x for x, _ in taken) < 24


def urls(node: object) -> Iterator[str]:
    """Every address in a document."""
    if isinstance(node, dict):
        yield from [value for key, value in node.items() if key == "url"]
        node = [*node.values()]
    for below in node if isinstance(node, list) else ():
        yield from urls(below)


def test_links_lead_to_pages_of_the_console_and_between_boards() -> None:
    source = (ROOT / "services/console/src/main.tsx").read_text()
    lists, items = re.findall(r"const (?:LISTS|ITEMS): Record<string, Page> = {(.*?)}", source, re.DOTALL)
    pages = {f"#/{name}" for name in re.findall(r"(\w+):", lists)}
    pages |= {f"#/{name}/${{__value.raw}}" for name in re.findall(r"(\w+):", items)}
    for board in BOARDS.values():
        found = {url.removeprefix("${console}/") for url in urls(board)}
        assert found <= pages
        assert len(found) > 1
        assert {link["type"] for link in board["links"]} == {"dashboards", "link"}
        assert [link["tags"] for link in board["links"] if link["type"] == "dashboards"] == [board["tags"]]
        [console] = [one for one in board["templating"]["list"] if one["name"] == "console"]
        assert console["query"].startswith("http")
    assert all(panel["links"] for panel in PANELS)


def test_dashboards_read_the_database_as_a_role_that_may_read_just_that() -> None:
    sources = yaml.safe_load((ROOT / "deploy/grafana/provisioning/datasources/trm.yml").read_text())["datasources"]
    [source] = [one for one in sources if one["uid"] == "trm-postgres"]
    assert source["user"] == READER
    assert source["secureJsonData"]["password"] == "$__file{/run/secrets/trm_reader_password}"
    secrets = "secrets:/run/secrets:ro"  # a setting's file there is named after it
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert all(secrets in services[name]["volumes"] for name in ("grafana", "migrate"))
    assert "TRM_DB_PASSWORD" not in str(services["grafana"])
    words = set(re.findall(r"\w+", " ".join(SQL)))
    assert {
        (table, column) for table, columns in READABLE.items() for column in columns if column not in words
    } == set()
    assert words >= READABLE.keys()


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
