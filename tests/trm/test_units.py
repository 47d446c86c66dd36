"""The units body: it commutes with every symmetry of Sudoku, one set of weights serves every size, and an answer keeps the givens."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.data.augment import sudoku_cells, sudoku_digits
from trm.errors import WrongGridSize
from trm.interface.effort import Effort
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import load
from trm.puzzles.maze import spec_for as spec_for_maze
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK, spec_for
from trm.solving.solver import Solver

UNITS = ModelConfig(
    mixer="units", feed_forward="normed_swiglu", hidden_size=16, expansion=2, prefix_tokens=0, recursions=2, latent_steps=2,
    random_start=True,
)  # fmt: skip
CPU = torch.device("cpu")
SIZES = (4, 6, 9, 12)


def made(spec: PuzzleSpec, seed: int = 0) -> TinyRecursiveModel:
    model = TinyRecursiveModel(UNITS, spec)
    model.initialise(torch.Generator().manual_seed(seed))
    torch.nn.init.normal_(model.halt_head.weight, generator=torch.Generator().manual_seed(seed))
    return model.double()


def drawn(model: TinyRecursiveModel, seed: int, count: int = 2) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    size = model.puzzle.rows
    inputs = torch.randint(BLANK, BLANK + size + 1, (count, model.puzzle.cells), generator=generator, dtype=torch.int32)
    return inputs, *model.initial_state(count, torch.float64, generator)


def permuted(model: TinyRecursiveModel, state: Tensor, cells: Tensor, symbols: Tensor) -> Tensor:
    """A state whose candidate (cell, symbol) is what was candidate (cells[cell], before the relabelling)."""
    size = model.puzzle.rows
    grid = state.view(len(state), -1, size, state.shape[-1])[:, cells]
    relabelled = torch.empty_like(grid)
    relabelled[:, :, symbols[2:].long() - 2] = grid
    return relabelled.flatten(1, 2)


@given(seed=st.integers(0, 2**31), size=st.sampled_from(SIZES))
@settings(max_examples=20, deadline=None)
def test_a_supervision_step_commutes_with_every_symmetry(seed: int, size: int) -> None:
    spec = spec_for(size)
    model, generator = made(spec), torch.Generator().manual_seed(seed)
    assert spec.box is not None
    inputs, y, z = drawn(model, seed)
    cells, symbols = sudoku_cells(spec.box, 1, generator)[0], sudoku_digits(spec, 1, generator)[0]
    rows = model.puzzle_rows(torch.zeros(2, dtype=torch.int64))
    plain = model(inputs, rows, y, z)
    seen = model(symbols[inputs[:, cells].long()], rows, *(permuted(model, s, cells, symbols) for s in (y, z)))
    expected = torch.empty_like(plain.logits)
    expected[..., symbols.long()] = plain.logits[:, cells]
    torch.testing.assert_close(seen.logits, expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(seen.halt_logit, plain.halt_logit, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(seen.z, permuted(model, plain.z, cells, symbols), rtol=1e-9, atol=1e-9)


def test_another_grouping_of_cells_is_no_symmetry() -> None:
    """The test above can fail: swapping two columns of different stacks changes the answer."""
    model = made(spec_for(4))
    inputs, y, z = drawn(model, 1)
    rows, cells = (
        model.puzzle_rows(torch.zeros(2, dtype=torch.int64)),
        torch.arange(16).view(4, 4)[:, [0, 2, 1, 3]].flatten(),
    )
    same = torch.arange(6)
    seen = model(inputs[:, cells], rows, *(permuted(model, s, cells, same) for s in (y, z)))
    assert not torch.allclose(seen.z, permuted(model, model(inputs, rows, y, z).z, cells, same))


@pytest.mark.parametrize("size", [*SIZES, 16])
def test_the_same_weights_answer_every_size_and_keep_the_givens(size: int) -> None:
    small, model = made(spec_for(4)), made(spec_for(size), seed=1)
    model.load_state_dict(small.state_dict())
    inputs, y, z = drawn(model, 3)
    output = model(inputs, model.puzzle_rows(torch.zeros(2, dtype=torch.int64)), y, z)
    answers = output.logits.argmax(-1)
    assert answers.min() > BLANK  # neither padding nor blank is an answer
    assert bool((answers == inputs)[inputs > BLANK].all())


def test_it_has_as_few_weights_as_it_says() -> None:
    model = TinyRecursiveModel(UNITS.model_copy(update={"hidden_size": 32}), spec_for(9))
    assert model.parameter_count() == 37_058


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": {"prefix_tokens": 16}}, "no prefix"),
        ({"model": {"experts": 2}}, "no experts"),
        ({"train": {"label_smoothing": 0.1}}, "label_smoothing"),
        ({"puzzle": PuzzleSpec(kind="grid", rows=2, cols=2, symbols=("a", "b"))}, "units of a Sudoku"),
    ],
)
def test_what_does_not_go_together_is_refused(changes: dict[str, object], reason: str) -> None:
    whole = {"preset": "x", "dataset": "x", "puzzle": spec_for(4), "model": UNITS.model_dump()}
    whole |= {k: (whole.get(k, {}) | v if isinstance(v, dict) else v) for k, v in changes.items()}  # type: ignore[operator]
    with pytest.raises(ValueError, match=reason):
        RunConfig.model_validate(whole)


def test_states_of_random_starts_differ_between_candidates() -> None:
    _, y, z = drawn(made(spec_for(4)), 0)
    assert len(np.unique(torch.cat((y, z)).flatten(0, 1).numpy(), axis=0)) == 4 * 64


def test_a_solver_answers_other_sizes_as_a_model_made_for_them() -> None:
    nine, four = spec_for(9), load("sudoku-4x4", "test").take(8)
    config = RunConfig(preset="x", dataset="x", puzzle=nine, model=UNITS, train=TrainConfig(precision="float32"))
    model, alone = made(nine).float(), made(four.spec).float()
    alone.load_state_dict(model.state_dict())
    ours = Solver(model, config, CPU).resize(four.spec).solve_tokens(four.questions)
    theirs = Solver(alone, config.model_copy(update={"puzzle": four.spec}), CPU).solve_tokens(four.questions)
    assert [s.answer for s in ours] == [s.answer for s in theirs]
    with pytest.raises(WrongGridSize, match="sudoku puzzles of every size"):
        Solver(model, config, CPU).resize(spec_for_maze(9, 9))


def test_a_text_is_solved_in_the_size_that_it_has() -> None:
    config = RunConfig(preset="x", dataset="x", puzzle=spec_for(9), model=UNITS, train=TrainConfig(precision="float32"))
    solver = Solver(made(spec_for(9)).float(), config, CPU)
    solutions = solver.solve_all(
        ["...4....2....4.3", "." * 36, "1" + "." * 80, "...4....2....4.3"], Effort(max_steps=1)
    )
    assert [len(solution.answer) for solution in solutions] == [16, 36, 81, 16]
    assert len(str(solutions[0]).splitlines()) == 4 + 1
    with pytest.raises(WrongGridSize, match="no 5x5 Sudoku"):
        solver.solve("." * 25)


def test_a_model_of_one_size_says_so() -> None:
    config = RunConfig(preset="x", dataset="x", puzzle=spec_for(4), model=ModelConfig(hidden_size=16))
    with pytest.raises(WrongGridSize, match="4x4 sudoku puzzles, not 9x9"):
        Solver(TinyRecursiveModel(config.model, config.puzzle), config, CPU).resize(spec_for(9))
