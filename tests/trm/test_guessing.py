"""Restarts and guesses: what a chain does when the rules accept no answer."""

import numpy as np
import pytest
import torch

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.errors import ConfigError
from trm.interface.effort import HALTING, RETRYING, Effort, usual_effort
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import load
from trm.puzzles.maze import spec_for as maze_spec
from trm.puzzles.sudoku import BLANK, spec_for
from trm.solving.guessing import draw_guess
from trm.solving.slots import NoiseSeed, Slots
from trm.solving.solver import Solver

UNITS = ModelConfig(
    mixer="units", feed_forward="normed_swiglu", hidden_size=8, expansion=2, prefix_tokens=0, recursions=1, latent_steps=1,
    random_start=True,
)  # fmt: skip
SEARCH = Effort(max_steps=40, until_verified=True, restart_steps=8, guess_every=1)


def untrained() -> TinyRecursiveModel:
    model = TinyRecursiveModel(UNITS, spec_for(4))
    model.initialise(torch.Generator().manual_seed(0))
    return model.eval()


def made(noise_seed: NoiseSeed, count: int = 1) -> Slots:
    slots = Slots(untrained(), 4, torch.float32)
    slots.enter(load("sudoku-4x4", "test").questions[:count], None, np.arange(count), noise_seed)
    return slots


def test_the_surest_undecided_blank_is_filled_by_a_draw() -> None:
    logits = torch.full((4, 4), -9.0)
    logits[0, 2] = 9.0  # given
    logits[1, 3] = 9.0  # decided
    logits[2, 2:] = torch.tensor([1.0, 0.0])  # 73 % and 27 %
    logits[3, 2:] = torch.tensor([0.1, 0.0])
    inputs = torch.tensor([2, BLANK, BLANK, BLANK])
    drawn = [draw_guess(logits, inputs, torch.Generator().manual_seed(seed)) for seed in range(400)]
    cells, tokens = zip(*(guess for guess in drawn if guess), strict=True)
    assert (len(drawn), set(cells), set(tokens)) == (400, {2}, {2, 3})
    assert 0.68 < np.mean(np.array(tokens) == 2) < 0.78
    inputs[2:] = 2
    assert draw_guess(logits, inputs, torch.Generator()) is None


def test_guesses_become_givens_after_the_second_restart_and_the_next_takes_them_back() -> None:
    slots, question = made(NoiseSeed(seed=1, restart=8, guess=2)), load("sudoku-4x4", "test").questions[0]
    filled, answers = [], []
    for _ in range(26):
        answers.append(slots.step().answers[0])
        filled.append(int((slots.inputs[0].numpy() != question).sum()))
    assert filled[:16] == [0] * 16  # two rounds without
    assert filled[16:24] == [0, 0, 1, 1, 2, 2, 3, 3]  # after two of eight steps one every other step
    assert filled[24:] == [0, 0]
    slots = made(NoiseSeed(seed=1, restart=8, guess=2))
    assert all(np.array_equal(slots.step().answers[0], answer) for answer in answers)  # the same seed, the same guesses


def test_a_restart_begins_at_another_place() -> None:
    slots = made(NoiseSeed(seed=1, restart=3))
    plain = made(NoiseSeed(seed=1))
    ours, theirs = ([s.step().answers[0] for _ in range(6)] for s in (slots, plain))
    assert all(np.array_equal(a, b) for a, b in zip(ours[:3], theirs[:3], strict=True))
    assert not np.array_equal(ours[0], ours[3]) or not np.array_equal(ours[1], ours[4])


def test_what_a_chain_guesses_does_not_depend_on_its_neighbours() -> None:
    config = RunConfig(preset="x", dataset="x", puzzle=spec_for(4), model=UNITS, train=TrainConfig(precision="float32"))
    puzzles = load("sudoku-4x4", "test").take(3)
    together = Solver(untrained(), config, torch.device("cpu"), slots=4).solve_tokens(puzzles.questions, SEARCH)
    alone = [
        Solver(untrained(), config, torch.device("cpu")).solve_tokens(q[None], SEARCH)[0] for q in puzzles.questions
    ]
    assert [s.total_steps for s in together] == [s.total_steps for s in alone]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"restart_steps": 8}, "set until_verified"),
        ({"until_verified": True, "guess_every": 2}, "set restart_steps"),
    ],
)
def test_efforts_that_make_no_sense_are_refused(wrong: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Effort.model_validate(wrong)


def test_models_and_puzzles_that_cannot_are_told_so() -> None:
    with pytest.raises(ConfigError, match="always starts alike"):
        SEARCH.require_possible(spec_for(4), UNITS.model_copy(update={"random_start": False}))
    with pytest.raises(ConfigError, match="Only a Sudoku"):
        SEARCH.require_possible(maze_spec(5, 5), UNITS)


def test_where_nothing_is_asked_a_model_searches_if_it_can_and_else_halts() -> None:
    assert usual_effort(spec_for(4), UNITS).restart_steps == 8
    assert usual_effort(spec_for(4), UNITS.model_copy(update={"random_start": False})) == HALTING
    assert usual_effort(maze_spec(5, 5), UNITS) == RETRYING
    for effort in (usual_effort(spec_for(4), UNITS), HALTING):
        effort.require_possible(spec_for(4), UNITS)
