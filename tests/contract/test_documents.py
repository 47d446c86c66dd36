"""What the documents say can be followed: links, commands, and the figures that are written elsewhere as well."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import typer
from pydantic import BaseModel

from services.gateway.schemas.solve_job import SolveJobRequest
from services.gateway.schemas.training_job import TrainingJobRequest
from services.gateway.schemas.webhook import WebhookRequest
from trm.cli import build
from trm.config.presets import PRESETS
from trm.interface.measured import Count
from trm.interface.pretrained import names, pretrained
from trm.puzzles.datasets.datasets import load

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/golden/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "trm").rglob("*.md")),
]
API = json.loads((ROOT / "docs/openapi.json").read_text())["paths"]
ROUTES = {re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in API}
REQUESTS: dict[str, type[BaseModel]] = {
    "/v1/training-jobs": TrainingJobRequest,
    "/v1/solve-jobs": SolveJobRequest,
    "/v1/webhooks": WebhookRequest,
}
LEADERBOARD = (ROOT / "docs/reference/leaderboard.md").read_text()


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """The names that a hub gives to the headings of a page."""
    prose = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
    seen = Counter[str]()
    result = set()
    for name in plain:
        result.add(f"{name}-{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return result


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_resolve(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_document_is_linked_from_another() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", page.read_text())
    }
    assert [named(page) for page in (ROOT / "docs").rglob("*.md") if page not in linked] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_make_commands_exist(page: Path) -> None:
    verbs = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert {a or b for a, b in re.findall(r"`make ([a-z-]+)|^make ([a-z-]+)", page.read_text(), re.MULTILINE)} <= verbs


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_trm_commands_exist_with_their_options(page: Path) -> None:
    known = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in typer.main.get_group(build()).commands.items()
    }
    for command, rest in re.findall(r"python -m trm ([a-z]+)([^\n`]*)", page.read_text()):
        assert command in known
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= known[command], f"{command}{rest}"
        assert set(re.findall(r"--preset ([a-z0-9-]+)", rest)) <= PRESETS.keys()
        assert set(re.findall(r"--model ([a-z0-9-]+)", rest)) <= set(names())


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_requests_are_ones_that_the_api_takes(page: Path) -> None:
    asked = re.findall(r"(?:\$API|GET |POST )(/v1/[\w/{}-]+)", page.read_text())
    assert [path for path in asked if not any(route.fullmatch(path) for route in ROUTES)] == []
    for path, body in re.findall(r"\$API(/v1/[\w-]+) .*--json '(.*?)'", page.read_text()):
        REQUESTS[path].model_validate_json(body)


def our_rows(name: str) -> Iterator[str]:
    """The rows that a shipped model's card makes for the leaderboard."""
    model = pretrained(name)
    measured = model.measured
    ways: list[tuple[Mapping[str, object], Count, float]] = [({}, measured.exact, float(len(measured.step_exact)))]
    ways += [(w.effort, w.exact, w.mean_total_steps) for w in (measured.halting, measured.harder) if w is not None]
    for effort, exact, steps in ways:
        options = "".join(f" --effort {key}={json.dumps(value)}" for key, value in effort.items())
        limit = f" --limit {exact.n}" if exact.n < measured.exact.n else ""
        command = f"python -m trm evaluate --model {name}{options}{limit}"
        yield f"| `{name}` | {model.parameters:,} | {exact} | {steps:.2f} | {model.cost} | `{command}` |"


@pytest.mark.parametrize("name", names())
def test_the_leaderboard_says_what_the_cards_of_shipped_models_say(name: str) -> None:
    assert [row for row in our_rows(name) if row not in LEADERBOARD] == []


def test_the_leaderboard_says_how_the_demo_does() -> None:
    n = len(load("sudoku-4x4", "test"))
    assert re.search(rf"^\| `sudoku-4x4` .*{re.escape(str(Count(right=n, n=n)))}", LEADERBOARD, re.MULTILINE)


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if "(paper: " in preset.summary])
def test_the_leaderboard_says_what_presets_say_of_the_paper(name: str) -> None:
    [published] = re.findall(r"\(paper: ([\d.]+) %", PRESETS[name].summary)
    [row] = [row for row in LEADERBOARD.splitlines() if f"`{name}`" in row and row.startswith("|")]
    assert re.search(rf"\| {re.escape(published)} \|", row)
