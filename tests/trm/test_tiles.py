"""Tiles of a step are computed on all threads at once, each with products of its own."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from trm.interface.effort import Effort
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solving.solver import Solver
from trm.solving.tiles import map_tiles


@pytest.fixture
def three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_tiles_cover_every_chain_once_and_in_order(count: int) -> None:
    tiles = map_tiles(lambda tile: tile, count, 5, wide=False)
    assert [place for tile in tiles for place in range(tile.start, tile.stop)] == list(range(count))
    assert max(tile.stop - tile.start for tile in tiles) <= 5
    assert len(tiles) >= min(3, count)


@pytest.mark.usefixtures("three_threads")
def test_tiles_run_at_the_same_time_with_one_thread_each() -> None:
    together = threading.Barrier(3)

    def meet(tile: slice) -> tuple[str, int]:
        together.wait(30)
        return threading.current_thread().name, torch.get_num_threads()

    seen = map_tiles(meet, 3, 1, wide=True)
    assert len({name for name, _ in seen}) == 3
    assert [threads for _, threads in seen] == [1, 1, 1]
    assert torch.get_num_threads() == 3  # of the thread that asked


@pytest.mark.usefixtures("three_threads")
@pytest.mark.parametrize(("wide", "threads"), [(True, 3), (False, 1)])
def test_a_single_chain_has_the_threads_that_its_products_gain_from(wide: bool, threads: int) -> None:
    assert map_tiles(lambda _: torch.get_num_threads(), 1, 1, wide=wide) == [threads]
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_a_failed_tile_is_told_when_the_others_have_ended() -> None:
    ended = []

    def fail_first(tile: slice) -> None:
        if tile.start == 0:
            raise ValueError("first")
        time.sleep(0.05)
        ended.append(tile.start)

    with pytest.raises(ValueError, match="first"):
        map_tiles(fail_first, 5, 1, wide=False)
    assert sorted(ended) == [1, 2, 3, 4]


@pytest.mark.usefixtures("three_threads")
def test_answers_are_those_of_one_thread(solver: Solver, puzzles: PuzzleSet) -> None:
    many = solver.solve_tokens(puzzles.questions[:7], Effort(max_steps=4))
    torch.set_num_threads(1)
    one = solver.solve_tokens(puzzles.questions[:7], Effort(max_steps=4))
    tokens = [np.stack([solution.tokens for solution in solutions]) for solutions in (many, one)]
    np.testing.assert_array_equal(tokens[0], tokens[1])
    halting = [[solution.halt_probability for solution in solutions] for solutions in (many, one)]
    np.testing.assert_allclose(halting[0], halting[1], rtol=1e-4)
