"""What an evaluation counts: right values by hand, and the same in an engine and in a training."""

import numpy as np
import pytest
import torch

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.errors import DatasetError
from trm.evaluation.accuracy import evaluate as evaluate_training
from trm.evaluation.calibration import Reliability
from trm.evaluation.evaluation import evaluate
from trm.evaluation.examine import examine
from trm.evaluation.tally import Given, Tally, group_by_value
from trm.interface.effort import Effort
from trm.interface.report import Report
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import load
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.spec import PuzzleSpec
from trm.solving.solver import Solver

SPEC = PuzzleSpec(kind="grid", rows=1, cols=2, symbols=("a", "b"))
PUZZLES = PuzzleSet(SPEC, np.array([[1, 1], [2, 2]], np.int32), np.array([[1, 2], [2, 1]], np.int32))
RIGHT, HALF, WRONG = [1, 2], [1, 1], [2, 1]  # answers to the first puzzle


def noted(
    *steps: tuple[list[int], list[int], int, list[list[int]], list[float]], chains: int = 1, most: int = 3
) -> Tally:
    tally = Tally(PUZZLES, chains, most)
    for puzzles, numbers, step, answers, sure in steps:
        at = np.full(len(puzzles), step)
        tally.note(np.array(puzzles), np.array(numbers), at, np.array(answers, np.int32), np.array(sure, np.float32))
    return tally


def test_accuracy_and_compute_grow_step_by_step_and_a_stopped_puzzle_keeps_its_answer() -> None:
    tally = noted(
        ([0, 1], [0, 0], 1, [HALF, [2, 1]], [0.2, 0.9]),  # the second is right at once, and stops
        ([0], [0], 2, [WRONG], [0.4]),
        ([0], [0], 3, [RIGHT], [0.6]),
    )
    steps = tally.steps(has_rules=False)
    assert [step.exact.value for step in steps] == [0.5, 0.5, 1.0]
    assert [step.cell_accuracy for step in steps] == [0.75, 0.5, 1.0]
    assert [step.mean_total_steps for step in steps] == [1.0, 1.5, 2.0]
    assert [step.verified for step in steps] == [None] * 3


def test_of_several_chains_the_surest_answers() -> None:
    tally = noted(
        ([0, 0, 1, 1], [0, 1, 0, 1], 1, [RIGHT, WRONG, [1, 1], [2, 1]], [0.9, 0.1, 0.3, 0.7]),
        ([0, 0, 1, 1], [0, 1, 0, 1], 2, [RIGHT, WRONG, [1, 1], [2, 1]], [0.1, 0.9, 0.3, 0.7]),
        chains=2,
    )
    assert [step.exact.value for step in tally.steps(has_rules=False)] == [1.0, 0.5]
    assert [step.mean_total_steps for step in tally.steps(has_rules=False)] == [2.0, 4.0]


def test_the_report_counts_the_answers_that_were_given() -> None:
    tally = noted(([0, 1], [0, 0], 1, [HALF, [2, 1]], [0.25, 0.95]))
    ones = np.array([1, 1])
    report = tally.report(Given(np.array([HALF, [2, 1]], np.int32), ones, ones, ["budget", "halted"]))
    assert (report.n, report.exact.value, report.cell_accuracy) == (2, 0.5, 0.75)
    assert report.exact.low == pytest.approx(0.0945, abs=1e-4)  # Wilson
    assert report.stopped == {"budget": 1, "halted": 1}
    assert (report.verified, report.by_rating, report.by_clues) == (None, None, None)
    assert len(report.steps) == 1
    assert Report.model_validate_json(report.model_dump_json()) == report


def test_calibration_by_hand() -> None:
    reliability = Reliability(3)
    probability = np.array([0.25, 0.95, 0.25, 1.0], np.float32)
    reliability.note(np.array([0, 0, 1, 1]), probability, np.array([False, True, True, False]))
    found = reliability.calibration()  # the third puzzle was never answered
    assert found.answers == 4
    assert [(b.low, b.answers, b.right.value) for b in found.bins] == [(0.2, 2, 0.5), (0.9, 2, 0.5)]
    assert found.bins[1].halt_probability == pytest.approx(0.975)
    assert found.error.value == pytest.approx(0.5 * 0.25 + 0.5 * 0.475)
    assert found.brier.value == pytest.approx((0.0625 + 0.0025 + 0.5625 + 1.0) / 4)
    assert found.error.low <= found.error.value <= found.error.high


def test_a_halting_head_that_has_diverged_is_sure_of_nothing() -> None:
    reliability = Reliability(1)
    reliability.note(np.zeros(1, int), np.array([np.nan], np.float32), np.array([True]))
    assert reliability.calibration().brier.value == 1.0


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Answers of one puzzle are all alike: intervals that took them as independent would be far too narrow."""
    generator, inside, steps = np.random.default_rng(1), 0, 16
    for _ in range(60):
        reliability = Reliability(200)
        right = generator.random(200) < 0.7
        for _ in range(steps):
            reliability.note(np.arange(200), np.full(200, 0.75, np.float32), right)
        found = reliability.calibration()
        inside += found.bins[0].right.low <= 0.7 <= found.bins[0].right.high
    assert inside >= 51  # 57 are expected


def test_puzzles_are_grouped_by_a_number() -> None:
    right, total = np.array([True, False, True, True]), np.array([1, 2, 3, 5])
    groups = group_by_value(np.array([7.0, np.nan, 3.0, 7.0]), right, total)
    assert groups is not None
    assert [(g.low, g.high, g.n, g.exact.value, g.mean_total_steps) for g in groups] == [
        (3, 3, 1, 1.0, 3.0),
        (7, 7, 2, 1.0, 3.0),
    ]
    assert group_by_value(np.full(4, np.nan), right, total) is None
    many = group_by_value(np.arange(1000), np.ones(1000, bool), np.ones(1000, int))
    assert many is not None
    assert [(g.low, g.n) for g in many] == [(0, 200), (200, 200), (400, 200), (600, 200), (800, 200)]


@pytest.fixture(scope="module")
def puzzles() -> PuzzleSet:
    return load("sudoku-4x4", "test").take(40)


@pytest.fixture(scope="module")
def config(puzzles: PuzzleSet) -> RunConfig:
    model = ModelConfig(hidden_size=16, layers=1, latent_steps=1, recursions=1, max_supervision_steps=4)
    return RunConfig(
        preset="t", dataset="sudoku-4x4", puzzle=puzzles.spec, model=model, train=TrainConfig(precision="float32")
    )


@pytest.fixture(scope="module")
def solver(config: RunConfig) -> Solver:
    model = TinyRecursiveModel(config.model, config.puzzle)
    model.initialise(torch.Generator().manual_seed(0))
    return Solver(model, config, torch.device("cpu"), slots=16)


def test_an_engine_and_a_training_find_the_same(solver: Solver, puzzles: PuzzleSet) -> None:
    report = examine(solver, puzzles)
    test = evaluate_training(solver.model, puzzles, step=1, split="test", dtype=torch.float32, batch_size=16)
    assert test.report is not None
    assert Report.model_validate(test.report) == report
    assert [step.exact.value for step in report.steps] == test.step_exact_accuracy
    assert (report.exact.value, report.cell_accuracy) == (test.exact_accuracy, test.cell_accuracy)
    assert [group.n for group in report.by_clues or ()] != []
    validated = evaluate_training(solver.model, puzzles, step=1, split="validation", dtype=torch.float32, batch_size=16)
    assert validated.report is None


@pytest.mark.parametrize(
    "effort",
    [
        Effort(halt_threshold=0.5),
        Effort(views=3, until_verified=True, max_steps=6),
        Effort(stable_steps=1, choose="first"),
    ],
)
def test_any_effort_gives_what_the_solver_gives(solver: Solver, puzzles: PuzzleSet, effort: Effort) -> None:
    report, plain = examine(solver, puzzles, effort), evaluate(solver, puzzles, effort=effort)
    assert (report.n, report.exact.value, report.stopped) == (plain.n, plain.exact_accuracy, plain.stopped)
    assert report.cell_accuracy == pytest.approx(plain.cell_accuracy)
    assert report.mean_total_steps == plain.mean_total_steps == pytest.approx(report.steps[-1].mean_total_steps)
    assert report.calibration.answers == round(plain.mean_total_steps * plain.n)


def test_puzzles_without_answers_are_left_out_and_some_must_have_one(solver: Solver, puzzles: PuzzleSet) -> None:
    answers = puzzles.answers.copy()
    answers[:10] = 0
    some = PuzzleSet(puzzles.spec, puzzles.questions, answers)
    assert examine(solver, some).n == 30
    test = evaluate_training(solver.model, some, step=1, split="test", dtype=torch.float32, batch_size=16)
    assert test.report is not None
    assert (test.report["n"], test.n) == (30, 30)
    with pytest.raises(DatasetError):
        examine(solver, some.take(10))
