"""What the documents say can be followed: links, commands, and the figures that are written elsewhere as well."""

import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from services.gateway.schemas.evaluation_job import EvaluationJobRequest
from services.gateway.schemas.solve_job import SolveJobRequest
from services.gateway.schemas.training_job import TrainingJobRequest
from services.gateway.schemas.webhook import WebhookRequest
from services.registry.settings import Settings
from tests.openapi import PATHS, SCHEMAS
from trm.cli.commands import COMMANDS, load_command
from trm.config.model import ModelConfig
from trm.config.overrides import resolve
from trm.config.presets import PRESETS
from trm.config.train import TrainConfig
from trm.interface.effort import Effort
from trm.interface.measured import Count
from trm.interface.pretrained import names, pretrained
from trm.puzzles import grids, search
from trm.puzzles.datasets.datasets import load
from trm.puzzles.sudoku import spec_for

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "tests/golden/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "trm").rglob("*.md")),
]
ROUTES = {re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in PATHS}
REQUESTS: dict[str, type[BaseModel]] = {
    "/v1/training-jobs": TrainingJobRequest,
    "/v1/solve-jobs": SolveJobRequest,
    "/v1/evaluation-jobs": EvaluationJobRequest,
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
    for words, rest in re.findall(
        r"(?:python -m |^\$ |^|`)trm ((?:[a-z]+ ?)+)([^\n`]*)", page.read_text(), re.MULTILINE
    ):
        name, *others = words.split()
        assert name in COMMANDS, f"trm {words}{rest}"
        command = load_command(name)
        if others and (inner := getattr(command, "commands", {})):
            assert others[0] in inner, f"trm {words}{rest}"
            command = inner[others[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) - {"--help"} <= known, f"trm {words}{rest}"
        assert set(re.findall(r"--preset ([a-z0-9-]+)", rest)) <= PRESETS.keys()
        if "python -m" in page.read_text():
            promoted = re.findall(r"trm models promote ([a-z0-9-]+)", page.read_text())
            assert set(re.findall(r"--model ([a-z0-9-]+)", rest)) <= {*names(), *promoted}


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
        limit = f" --limit {exact.n}" if exact.n < len(load(measured.dataset, measured.split)) else ""
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


def puzzles_of(example: Mapping[str, Any]) -> list[Any]:
    return [example["puzzle"]] if "puzzle" in example else example.get("puzzles", [])


SOLVE_EXAMPLES = SCHEMAS["SolveJobRequest"]["examples"]


@pytest.mark.parametrize("example", SOLVE_EXAMPLES)
def test_every_puzzle_of_the_openapi_file_has_one_answer(example: Mapping[str, Any]) -> None:
    spec = pretrained("sudoku-6x6").config.puzzle
    for puzzle in puzzles_of(example):
        assert len(search.solutions(spec, grids.parse(spec, puzzle))) == 1


def test_the_solution_of_the_openapi_file_is_one() -> None:
    [example] = SCHEMAS["Solution"]["examples"]
    spec = spec_for(4)
    question = grids.parse(spec, example["question"])
    assert grids.text(spec, search.require_unique(spec, question)) == example["answer"]


@pytest.mark.parametrize("section", ["model", "train"])
def test_every_documented_setting_can_be_sent(section: str) -> None:
    """With the value that it has in a preset, as a JSON body brings it."""
    settings = getattr(PRESETS["sudoku-4x4"], section).model_dump(mode="json")
    page = (ROOT / "docs/reference/settings.md").read_text()
    for name, value in settings.items():
        assert f"`{section}.{name}`" in page
        body = json.dumps({"preset": "sudoku-4x4", "overrides": {f"{section}.{name}": value}})
        overrides = TrainingJobRequest.model_validate_json(body).overrides
        assert resolve("sudoku-4x4", spec_for(4), dict(overrides)).model_dump()[section].keys() == settings.keys()


STAGES = [{"until": 0.5, "recursions": 1, "latent_steps": 1}]


def test_a_depth_curriculum_can_be_sent() -> None:
    body = json.dumps({"preset": "sudoku-4x4", "overrides": {"train.depth_curriculum": STAGES}})
    config = resolve("sudoku-4x4", spec_for(4), dict(TrainingJobRequest.model_validate_json(body).overrides))
    assert config.train.model_dump(mode="json")["depth_curriculum"] == STAGES


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_snippets_in_python_import_what_there_is(page: Path) -> None:
    for snippet in re.findall(r"^```python\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL):
        for module, imported in re.findall(r"^from (trm[\w.]*) import ([\w, ]+)$", snippet, re.MULTILINE):
            found = importlib.import_module(module)
            assert all(hasattr(found, name.strip()) for name in imported.split(",")), f"{module}: {imported}"


DEPLOYED = {f"TRM_{name.upper()}" for name in Settings.model_fields} | {
    *("TRM_URL", "TRM_API_KEY"),  # of a client of the service
    *("TRM_DB_PASSWORD", "TRM_PORT", "TRM_WORKER_CPUS", "TRM_WORKER_MEMORY"),  # of docker compose
}
TRAINED = {
    f"{part}.{name}"
    for part, config in (("model", ModelConfig), ("train", TrainConfig))
    for name in config.model_fields
}
FILES = {"train.csv", "model.safetensors"}


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != "CHANGELOG.md"], ids=named
)  # it names earlier ones too
def test_settings_that_a_page_names_are_known(page: Path) -> None:
    text = page.read_text()
    assert set(re.findall(r"\bTRM_[A-Z_]*[A-Z]\b", text)) <= DEPLOYED
    assert set(re.findall(r"(?<![\w/.])(?:model|train)\.[a-z0-9_]+(?![\w/.(])", text)) - FILES <= TRAINED
    assert set(re.findall(r"--effort ([a-z_]+)=", text)) - {"key"} <= set(Effort.model_fields)
