"""The shipped models are what their cards say."""

import json
import math
import re
from pathlib import Path

import pytest
from safetensors.torch import load_file
from typer.testing import CliRunner

from trm.checkpoints.checkpoint import verify
from trm.cli import build
from trm.errors import ConfigError, UnknownModel
from trm.evaluation.accuracy import evaluate
from trm.interface.interval import wilson
from trm.interface.measured import Measured
from trm.interface.pretrained import names, pretrained
from trm.interop.card import Facts, card
from trm.puzzles.datasets.datasets import BUILTIN, load
from trm.solving.solver import Solver

SAMPLE = 30
LEAST_MEASURED = 5_000  # puzzles of a test split too long for two cores


def test_wilson_intervals() -> None:
    low, high = wilson(81, 263)  # Newcombe 1998, table I: 0.2553 to 0.3662
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == 1
    with pytest.raises(ValueError, match="at least one"):
        wilson(0, 0)


def stored_as(folder: Path) -> str:
    return str(load_file(folder / "model.safetensors")["embedding"].dtype).removeprefix("torch.")


@pytest.mark.parametrize("name", names())
def test_the_files_are_intact_and_the_card_is_made_of_them(name: str) -> None:
    model = pretrained(name)
    meta = verify(model.folder)
    assert meta.config == model.config
    solver = Solver.load(model.folder, "cpu")
    assert solver.model.parameter_count() == model.parameters
    shown = (model.folder / "README.md").read_text()
    facts = Facts(meta, model.parameters, solver.model.tokens, stored_as(model.folder), model.licence, model.cost)
    made = card(facts, model.measured, with_program=False).splitlines()
    differing = [line for line in made if line not in shown.splitlines()]
    assert [line.split(" | ")[0] for line in differing] == ["| checkpoint"]  # the exported folder's own digest
    assert model.measured.exact.n >= min(len(load(model.config.dataset, "test")), LEAST_MEASURED)


@pytest.mark.parametrize("name", names())
def test_a_card_leaves_nothing_out(name: str) -> None:
    """Recipe, data and cost, accuracy with its interval, by step and when it halts, calibration, limits, licences."""
    model = pretrained(name)
    shown = (model.folder / "README.md").read_text()
    facts = {row[2:].split(" | ")[0]: row for row in re.findall(r"^\| .+ \| .+ \|$", shown, re.MULTILINE)}
    for fact in ("recipe", "cost of the training", "data set", "licence of the weights"):
        assert fact in facts, fact
    assert "unknown" not in (model.licence, model.cost)
    assert f"Licence of the data: {BUILTIN[model.config.dataset].licence}." in facts["data set"]
    assert str(model.measured.exact) in facts[f"one pass of {model.config.model.max_supervision_steps} steps"]
    for part in ("`halt_threshold=0.5`", "after each supervision step", "halt probability against", "## Limits"):
        assert part in shown, part


@pytest.mark.slow
@pytest.mark.parametrize("name", names())
def test_a_sample_repeats_what_the_card_says(name: str) -> None:
    """One answer less is allowed for, since sums round in another order on another machine; after a supervision step, where more
    answers are near the edge, two."""
    model = pretrained(name)
    measured, solver = model.measured, Solver.load(model.folder, "cpu")
    sample = load(model.config.dataset, "test").take(SAMPLE)
    got = evaluate(solver.model, sample, step=0, split="test", dtype=solver.dtype, batch_size=solver.engine.capacity)
    assert got.exact_accuracy is not None
    assert SAMPLE * got.exact_accuracy >= least_right(measured.exact.right, measured.exact.n) - 1.01
    for share, right in zip(got.step_exact_accuracy, measured.step_exact, strict=True):
        assert share is not None
        assert SAMPLE * share >= least_right(right, measured.exact.n) - 2.01


def least_right(right: int, n: int) -> float:
    """Of a sample: it cannot hold more wrong answers than all n puzzles do, nor by chance many more than its share."""
    share = right / n
    return max(SAMPLE - (n - right), SAMPLE * share - 5 * math.sqrt(SAMPLE * share * (1 - share)))


def test_what_was_measured_is_consistent() -> None:
    for name in names():
        measured: Measured = pretrained(name).measured
        assert measured.step_exact[-1] == measured.exact.right
        assert sum(b.answers for b in measured.calibration) == measured.exact.n * len(measured.step_exact)


def test_commands_take_shipped_models_by_name(tmp_path: Path) -> None:
    found = CliRunner().invoke(
        build(), ["evaluate", "--model", "sudoku-6x6", "--limit", "20", "--device", "cpu", "--json"]
    )
    result = json.loads(found.stdout)
    assert (result["n"], result["exact_accuracy"] >= 0.95) == (20, True)
    for options in ([], ["--model", "sudoku-6x6", "--checkpoint", str(tmp_path)]):
        with pytest.raises(ConfigError, match="either"):
            CliRunner().invoke(build(), ["evaluate", *options], catch_exceptions=False)
    with pytest.raises(UnknownModel, match="sudoku-6x6"):
        CliRunner().invoke(build(), ["evaluate", "--model", "sudoku-99"], catch_exceptions=False)
