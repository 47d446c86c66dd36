"""The engine answers as the plain loop does, in whatever order requests come; it is fair, bounded, and drops what is not needed."""

import re
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from trm.errors import CompilerMissing, ConfigError, EngineFull
from trm.interface.effort import Effort
from trm.interface.solution import Solution
from trm.network.compiling import why_not
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solving import engine as engine_module
from trm.solving.engine import Engine
from trm.solving.solve_request import SolveRequest
from trm.solving.solver import Solver


def plain_loop(solver: Solver, question: NDArray[np.int32], halts_at: float | None) -> tuple[list[int], int, float]:
    """Answer, steps and halt probability of one puzzle alone, by nothing but the model."""
    model, inputs = solver.model, torch.from_numpy(question[None])
    rows = model.puzzle_rows(torch.zeros(1, dtype=torch.int64))
    y, z = model.initial_state(1, solver.dtype)
    with torch.inference_mode():
        step, probability = 0, -1.0
        while step < model.config.max_supervision_steps and (halts_at is None or probability < halts_at):
            output = model(inputs, rows, y, z)
            y, z, probability = output.y, output.z, float(output.halt_logit.sigmoid())
            step += 1
    return output.logits.argmax(-1)[0].tolist(), step, probability


class Asked:
    """An inquiry and what came of it."""

    def __init__(self, solver: Solver, questions: NDArray[np.int32], effort: Effort, priority: int = 0) -> None:
        self.found: dict[int, Solution] = {}
        self.order: list[int] = []
        self.solve_request = SolveRequest(
            questions, effort, solver.spec, solver.config.model, on_solution=self.take, priority=priority
        )

    def take(self, index: int, solution: Solution) -> None:
        assert index not in self.found
        self.found[index] = solution
        self.order.append(index)


@pytest.fixture(scope="module")
def expected(solver: Solver, puzzles: PuzzleSet) -> dict[float | None, list[tuple[list[int], int, float]]]:
    return {at: [plain_loop(solver, question, at) for question in puzzles.questions] for at in (None, 0.5, 0.9)}


ARRIVAL = st.tuples(
    st.integers(0, 30),  # after so many steps of the engine
    st.integers(0, 52),  # the first puzzle
    st.integers(1, 8),  # how many
    st.sampled_from([None, 0.5, 0.9]),  # halts at
)


@given(slots=st.integers(1, 24), cohorts=st.sampled_from([1, 2, 3]), arrivals=st.lists(ARRIVAL, min_size=1, max_size=6))
@hypothesis_settings(max_examples=15, deadline=None)
def test_answers_are_those_of_the_plain_loop_in_any_order_of_arrival(
    solver: Solver,
    puzzles: PuzzleSet,
    expected: dict[float | None, list[tuple[list[int], int, float]]],
    slots: int,
    cohorts: int,
    arrivals: list[tuple[int, int, int, float | None]],
) -> None:
    """Bit for bit in the answers and steps; the probability may differ in float32's last digits with the batch's size."""
    engine = Engine(solver.model, solver.dtype, slots=slots, cohorts=cohorts)
    asked: list[tuple[int, float | None, Asked]] = []
    for step in range(1000):
        for at, first, count, halts_at in arrivals:
            if at == step:
                one = Asked(solver, puzzles.questions[first : first + count], Effort(halt_threshold=halts_at))
                engine.submit(one.solve_request)
                asked.append((first, halts_at, one))
        if not engine.step() and len(asked) == len(arrivals):
            break
    for first, halts_at, one in asked:
        assert len(one.found) == len(one.solve_request.questions)
        for index, solution in one.found.items():
            answer, steps, probability = expected[halts_at][first + index]
            assert (solution.tokens.tolist(), solution.steps) == (answer, steps)
            assert solution.halt_probability == pytest.approx(probability, rel=1e-4)


def test_a_halted_puzzle_makes_room_at_once(solver: Solver, puzzles: PuzzleSet) -> None:
    """With W slots, S steps of work take little more than S / W steps of the engine: the places are refilled."""
    asked = Asked(solver, puzzles.questions, Effort(halt_threshold=0.5))
    engine = Engine(solver.model, solver.dtype, slots=4, cohorts=1)
    engine.submit(asked.solve_request)
    made = 1
    while engine.step():
        made += 1
    work = sum(solution.steps for solution in asked.found.values())
    assert engine.steps == work  # and no step is spent on a puzzle that has halted
    longest = solver.model.config.max_supervision_steps
    assert work / 4 <= made <= work / 4 + longest


def test_shares_are_equal_among_requests(solver: Solver, puzzles: PuzzleSet) -> None:
    """A small request does not wait for a large one that came first: it gets places as they come free."""
    engine = Engine(solver.model, solver.dtype, slots=8, cohorts=1)
    large = Asked(solver, puzzles.questions, Effort(max_steps=2))
    small = Asked(solver, puzzles.questions[:4], Effort(max_steps=2))
    engine.submit(large.solve_request)
    engine.step()
    engine.submit(small.solve_request)
    while not small.solve_request.is_finished:
        engine.step()
    assert len(large.found) == 12  # eight before, four of eight beside it
    engine.run()
    assert len(large.found) == 60


def test_a_higher_priority_goes_first(solver: Solver, puzzles: PuzzleSet) -> None:
    engine = Engine(solver.model, solver.dtype, slots=8, cohorts=1)
    low, high = (Asked(solver, puzzles.questions[:24], Effort(max_steps=1), priority=p) for p in (0, 1))
    engine.submit(low.solve_request)
    engine.submit(high.solve_request)
    for _ in range(3):
        engine.step()
    assert (len(low.found), len(high.found)) == (0, 24)


def test_chains_of_a_puzzle_enter_together(solver: Solver, puzzles: PuzzleSet) -> None:
    """Six of eight slots are taken by one puzzle's chains: the next waits for its turn, although two are free."""
    engine = Engine(solver.model, solver.dtype, slots=8, cohorts=1)
    asked = Asked(solver, puzzles.questions[:3], Effort(views=6, max_steps=1))
    engine.submit(asked.solve_request)
    for answered in (1, 2, 3):
        engine.step()
        assert len(asked.found) == answered
    with pytest.raises(ConfigError, match="9 chains step together, and there are 8 slots"):
        engine.submit(Asked(solver, puzzles.questions, Effort(views=9)).solve_request)


def test_a_stopped_request_leaves_its_slots(solver: Solver, puzzles: PuzzleSet) -> None:
    engine = Engine(solver.model, solver.dtype, slots=8, cohorts=1)
    asked = Asked(solver, puzzles.questions, Effort())
    engine.submit(asked.solve_request)
    engine.step()
    assert engine.occupied == 8
    asked.solve_request.stop()
    assert not engine.step()
    assert (engine.occupied, engine.is_idle, asked.found) == (0, True, {})


def test_the_queue_is_bounded(solver: Solver, puzzles: PuzzleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "MOST_INQUIRIES", 2)
    engine = Engine(solver.model, solver.dtype, slots=1, cohorts=1)
    for _ in range(2):
        engine.submit(Asked(solver, puzzles.questions[:1], Effort()).solve_request)
    with pytest.raises(EngineFull, match="Try again"):
        engine.submit(Asked(solver, puzzles.questions[:1], Effort()).solve_request)
    engine.run()
    engine.submit(Asked(solver, puzzles.questions[:1], Effort()).solve_request)


def test_many_threads_may_submit(solver: Solver, puzzles: PuzzleSet) -> None:
    engine = Engine(solver.model, solver.dtype, slots=16, cohorts=1)
    asked = [Asked(solver, puzzles.questions[i : i + 5], Effort(halt_threshold=0.5)) for i in range(32)]
    threads = [threading.Thread(target=engine.submit, args=[one.solve_request]) for one in asked]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) or engine.step():
        pass
    assert all(len(one.found) == 5 for one in asked)


def test_compiled_blocks_answer_alike(learned: Path, puzzles: PuzzleSet) -> None:
    if (reason := why_not(torch.device("cpu"))) is not None:  # then that is what is promised
        with pytest.raises(CompilerMissing, match=re.escape(reason)):
            Solver.load(learned, "cpu", compiling="always")
        return
    eager, compiled = Solver.load(learned, "cpu"), Solver.load(learned, "cpu", compiling="always")
    compiled.engine.warm_up()
    ours, theirs = (s.solve_tokens(puzzles.questions[:20], Effort(halt_threshold=0.5)) for s in (compiled, eager))
    assert [s.tokens.tolist() for s in ours] == [s.tokens.tolist() for s in theirs]
