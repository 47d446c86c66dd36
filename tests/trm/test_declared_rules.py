"""Trainings on puzzles whose data set states its rules: verified, solved until the rules agree, exported with them."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import trm
from trm.cli import build
from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.data.augment import augment
from trm.errors import PuzzleError
from trm.interface.effort import Effort
from trm.network.messages import Units
from trm.network.model import TinyRecursiveModel
from trm.puzzles import grids
from trm.puzzles.datasets.datasets import save_dataset
from trm.puzzles.generate import generate
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.rules import check_many
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import jigsaw_spec, spec_for
from trm.solving.solver import MOST_SHAPES, Solver

UNITS = ModelConfig(
    mixer="units", feed_forward="normed_swiglu", hidden_size=16, expansion=2, prefix_tokens=0, recursions=2, latent_steps=2,
    random_start=True,
)  # fmt: skip
FOUR = jigsaw_spec(4, "AAAB CABB CCDB CDDD")
BOXES = "AABB AABB CCDD CCDD"


def jigsaws(spec: PuzzleSpec, count: int, seed: int = 0) -> PuzzleSet:
    pairs = list(generate(spec.rows, count, seed, givens=8, regions=spec.regions))
    questions, answers = (np.stack(part) for part in zip(*pairs, strict=True))
    return PuzzleSet(spec, questions, answers)


def test_regions_that_are_boxes_give_the_same_messages() -> None:
    boxed, regions = (Units(UNITS, spec).double() for spec in (spec_for(4), jigsaw_spec(4, BOXES)))
    for parameter in boxed.parameters():
        torch.nn.init.normal_(parameter)
    regions.load_state_dict(boxed.state_dict())  # what was learnt knows no regions
    x = torch.randn(2, 64, 16, dtype=torch.float64)
    torch.testing.assert_close(boxed(x), regions(x))


def test_other_regions_give_other_messages() -> None:
    one, other = (Units(UNITS, spec) for spec in (jigsaw_spec(4, BOXES), FOUR))
    for parameter in one.parameters():
        torch.nn.init.normal_(parameter)
    other.load_state_dict(one.state_dict())
    x = torch.randn(2, 64, 16)
    assert not torch.allclose(one(x), other(x))


def test_augmented_jigsaws_stay_right() -> None:
    puzzles = jigsaws(FOUR, 6)
    before = torch.from_numpy(puzzles.questions), torch.from_numpy(puzzles.answers)
    questions, answers = augment(FOUR, before[0], before[1], torch.Generator().manual_seed(1))
    assert (questions.numpy() != puzzles.questions).any()
    assert check_many(FOUR, questions.numpy(), answers.numpy()) is not None
    assert np.asarray(check_many(FOUR, questions.numpy(), answers.numpy())).all()


def test_a_model_of_any_size_takes_the_regions_that_a_puzzle_brings() -> None:
    model = TinyRecursiveModel(UNITS, spec_for(9))
    model.initialise(torch.Generator().manual_seed(0))
    config = RunConfig(preset="x", dataset="x", puzzle=spec_for(9), model=UNITS, train=TrainConfig(precision="float32"))
    solver = Solver(model, config, torch.device("cpu"))
    puzzles = jigsaws(FOUR, 2)
    written = [grids.text(FOUR, question) + (FOUR.regions or "") for question in puzzles.questions]
    solutions = solver.solve_all(written, Effort(max_steps=2))
    assert [solution.spec for solution in solutions] == [FOUR, FOUR]
    assert all(solution.verified is not None for solution in solutions)


def test_a_solver_stays_ready_for_a_few_shapes_only() -> None:
    config = RunConfig(preset="x", dataset="x", puzzle=spec_for(4), model=UNITS, train=TrainConfig(precision="float32"))
    model = TinyRecursiveModel(UNITS, spec_for(4))
    model.initialise(torch.Generator().manual_seed(0))
    solver = Solver(model, config, torch.device("cpu"))
    layouts = ["AABB AABB CCDD CCDD", "AAAB CABB CCDB CDDD", *("ABCD" * 4, "AAAABBBBCCCCDDDD")]
    shapes = [*(spec_for(size) for size in (6, 8, 9, 10, 12, 14, 15)), *(jigsaw_spec(4, layout) for layout in layouts)]
    kept = [solver.resize(shape) for shape in shapes]
    assert [solver.resize(shape) for shape in shapes[-MOST_SHAPES:]] == kept[-MOST_SHAPES:]
    assert solver.resize(shapes[0]) is not kept[0]


def test_a_model_of_one_layout_refuses_another() -> None:
    config = RunConfig(preset="x", dataset="x", puzzle=FOUR, model=ModelConfig(hidden_size=16), train=TrainConfig())
    model = TinyRecursiveModel(config.model, FOUR)
    model.initialise(torch.Generator().manual_seed(0))
    with pytest.raises(PuzzleError, match="regions of its own"):
        Solver(model, config, torch.device("cpu")).solve("1" + "." * 15 + BOXES.replace(" ", ""))


@pytest.mark.slow
def test_jigsaws_are_learnt_and_every_answer_is_verified(tmp_path: Path) -> None:
    puzzles = jigsaws(FOUR, 240)
    data = tmp_path / "jigsaws"
    save_dataset(
        data, "jigsaws", {"train": puzzles.select(np.arange(200)), "test": puzzles.select(np.arange(200, 240))}
    )
    quick = {
        "mixer": "units", "feed_forward": "normed_swiglu", "hidden_size": 32, "expansion": 2, "prefix_tokens": 0,
        "random_start": True, "steps": 120, "evaluate_every": 1000, "train.batch_size": 32, "label_smoothing": 0.0,
    }  # fmt: skip
    run = trm.train("sudoku-4x4", data, tmp_path / "run", device="cpu", on_event=lambda _event: None, **quick)
    result = trm.evaluate(run.checkpoint, data)
    assert result.verified is not None
    assert result.verified >= 0.9
    solution = run.solver().solve(grids.text(FOUR, puzzles.questions[210]), Effort(until_verified=True))
    assert solution.verified is True

    exported = tmp_path / "exported"
    invoked = CliRunner().invoke(build(), ["export", str(run.checkpoint), "--out", str(exported)])
    assert invoked.exit_code == 0, invoked.output
    assert json.loads((exported / "config.json").read_text())["config"]["puzzle"]["rules"]["regions"] == FOUR.regions
