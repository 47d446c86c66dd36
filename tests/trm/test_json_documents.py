"""What the commands that work on this machine print with --json: one document, with the fields of the guide's table."""

import csv
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.commands import FIELDS
from tests.trm.test_convert import Run
from trm.cli import build
from trm.config.presets import PRESETS
from trm.config.run import RunConfig
from trm.interface.events import parse
from trm.puzzles.datasets.datasets import BUILTIN
from trm.training.session import Session
from trm.training.trainer import Trainer

pytestmark = pytest.mark.training
PUZZLE = "4...366.....3.524121.56...3..4546..."
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("documents")


@pytest.fixture
def checkpoint(trainer: Trainer, folder: Path) -> Path:
    out = folder / "trained"
    if not out.exists():
        list(Session(trainer, out=out).run())
    return max(out.glob("step_*"))


def printed(*arguments: object, code: int = 0) -> list[Any]:
    """The documents of a command, one a line; what it says to people is on stderr."""
    ended = CliRunner().invoke(build(), [*map(str, arguments), "--json"], catch_exceptions=False)
    assert ended.exit_code == code, ended.output
    return [json.loads(line) for line in ended.stdout.splitlines()]


def document(command: str, *arguments: object, code: int = 0) -> Any:  # noqa: ANN401  what JSON holds
    """The one document of a command, whose fields are those of the guide."""
    [found] = printed(*command.split(), *arguments, code=code)
    fields, of_each = FIELDS[command]
    assert found.keys() == fields
    if fields == {"data"}:
        assert found["data"]
        assert all(part.keys() == of_each for part in found["data"])
    return found


def test_what_there_is_is_listed() -> None:
    assert [model["name"] for model in document("models")["data"]] == ["maze", "sudoku", "sudoku-6x6"]
    assert [preset["name"] for preset in document("inspect --presets")["data"]] == [*PRESETS]
    sets = {one["name"]: one["splits"] for one in document("datasets")["data"]}
    assert sets.keys() == BUILTIN.keys()
    assert sets["sudoku-4x4"] == {"train": 1200, "validation": 95, "test": 555}
    assert sets["arc-1"] == {"train": None, "test": None}
    assert "no-ema" in [one["name"] for one in document("ablate --list")["data"]]


def test_a_puzzle_is_solved_and_a_model_examined() -> None:
    assert document("solve", PUZZLE)["verified"] is True
    told = document("evaluate", "--model", "sudoku-6x6", "--limit", 4)
    assert (told["n"], told["exact_accuracy"]) == (4, 1)


def test_a_data_set_is_made_and_examined(folder: Path) -> None:
    made = document("generate", folder / "made", "--size", 4, "--count", 30)
    assert made["path"] == str(folder / "made")
    with gzip.open(folder / "made/test.csv.gz", "rt") as file:
        assert next(csv.DictReader(file))["source"] == "trm generate --kind sudoku --size 4 --count 30 --seed 0"
    report = document("audit", folder / "made")
    assert report["clean"] is True
    assert report["puzzle"]["rows"] == 4
    assert {name: split["puzzles"] for name, split in report["splits"].items()} == made["splits"]
    assert report["findings"][0] == "No test puzzle is equivalent to a training puzzle."


def test_an_audit_that_finds_something_says_so_in_json_too(folder: Path) -> None:
    twice = "question,answer\n" + ".2.43......31...,1234341221434321\n" * 2
    for split in ("train", "test"):
        (folder / f"{split}.csv").write_text(twice)
    assert document("audit", folder, code=1)["clean"] is False


def test_a_checkpoint_is_shown_handed_on_and_put_together(checkpoint: Path, folder: Path, config: RunConfig) -> None:
    shown = document("inspect", checkpoint)
    assert (shown["step"], RunConfig.model_validate(shown["config"])) == (8, config)
    exported = document("export", checkpoint, "--out", folder / "exported")
    assert exported["bytes"] > 0
    packed = document("pack", checkpoint, "--out", folder / "pack", "--piece-mb", 0.01)
    assert packed["pieces"] == len([*(folder / "pack").iterdir()]) - 1 > 1  # and the manifest
    again = document("unpack", folder / "pack", "--out", folder / "again")
    assert document("inspect", again["path"]) == shown | {"path": again["path"]}


def test_an_official_checkpoint_is_converted(tmp_path: Path) -> None:
    official = Run(tmp_path)
    official.convert()
    files = (tmp_path / "step_250", "--config", tmp_path / "all_config.yaml", "--data", "sudoku-4x4")
    assert document("convert", *files, "--out", tmp_path / "other")["step"] == 250


@pytest.mark.slow
def test_recorded_outputs_are_compared(tmp_path: Path) -> None:
    case = GOLDEN / "trm-mlp"
    for end in (".json", ".safetensors"):
        (tmp_path / f"trm-mlp{end}").write_bytes(case.with_suffix(end).read_bytes())
    told = document("golden", tmp_path)
    assert (told["cases"], told["failed"], told["refused"]) == (["trm-mlp"], [], {})
    assert all(one["passed"] and one["error"] < 1e-4 for one in told["comparisons"])


def test_a_training_prints_its_events(folder: Path) -> None:
    tiny = {"model.hidden_size": 8, "model.layers": 1, "train.steps": 1, "train.batch_size": 8, "train.test_puzzles": 8}
    settings = [part for name, value in tiny.items() for part in ("--set", f"{name}={value}")]
    events = printed("train", "--ranks", 1, "--device", "cpu", "--out", folder / "events", *settings)
    assert events[0]["event"] == "started"
    assert events[-1]["event"] == "finished"
    assert all(parse(json.dumps(event)) for event in events)


@pytest.mark.slow
def test_ablations_are_told_when_all_are_trained(folder: Path) -> None:
    tiny = {"model.hidden_size": 8, "model.layers": 1, "train.steps": 1, "train.batch_size": 8, "train.test_puzzles": 8}
    settings = [part for name, value in tiny.items() for part in ("--set", f"{name}={value}")]
    told = document(
        "ablate", "--only", "no-ema", "--seeds", 1, "--jobs", 1, "--device", "cpu", "--out", folder / "ab", *settings
    )
    assert [trial["ablation"] for trial in told["trials"]] == ["base", "no-ema"]
