"""Tiles: the chains of a step are advanced a few at a time, so that activations stay in the cache, on all threads at once.

Each thread computes the products of its own tile alone. Threads that share a product wait for each other at its end, and where
other processes use the same cores, for one that is not running: docs/explanation/performance.md has the measurement.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from threading import Barrier
from typing import TypeVar

import torch

Result = TypeVar("Result")


def map_tiles(advance: Callable[[slice], Result], count: int, most: int, *, wide: bool) -> list[Result]:
    """Advance chains 0 to `count` in tiles of at most `most`; the results in order.

    Uses as many threads as torch does in the calling thread, each for tiles of its own. A single chain of a `wide` network has them
    all inside its products; the products of a narrow one are too small to be divided.
    """
    available = torch.get_num_threads()
    threads = min(available, count)
    size = min(most, -(-count // threads))
    tiles = [slice(first, min(first + size, count)) for first in range(0, count, size)]
    if available == 1 or (threads == 1 and wide):
        return [advance(tile) for tile in tiles]
    futures = [_start_pool(threads).submit(advance, tile) for tile in tiles]
    wait(futures)  # also when one fails: none may still write when the next step begins
    return [future.result() for future in futures]


@cache
def _start_pool(threads: int) -> ThreadPoolExecutor:
    """Threads that compute their products alone, once in a process."""
    pool, started, own = ThreadPoolExecutor(threads, "tile"), Barrier(threads), torch.get_num_threads()
    for _ in pool.map(lambda _: _compute_alone(started), range(threads)):
        pass
    torch.set_num_threads(own)  # it is also what threads begin with that start later
    return pool


def _compute_alone(started: Barrier) -> None:
    started.wait()  # so that each thread of the pool comes here once
    torch.get_num_threads()  # a thread's first look sets what the process has, so that it must come before
    torch.set_num_threads(1)
