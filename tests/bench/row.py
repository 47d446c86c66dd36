"""A line of the bench table, and how two things are timed so that their ratio can be trusted."""

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table

PATIENCE, LEAST_ROUNDS = 30.0, 2  # seconds


@dataclass(frozen=True)
class Row:
    """One comparison; `ratio` says how many times better ours is, whichever way the unit counts."""

    name: str
    ours: float
    baseline: float
    unit: str
    lower_is_better: bool = True
    target: float | None = None  # the ratio that we hold ourselves to
    floor: float | None = None  # what the machine or the arithmetic allows at best, in the same unit
    note: str = ""

    @property
    def ratio(self) -> float:
        """How many times better ours is than the baseline."""
        return self.baseline / self.ours if self.lower_is_better else self.ours / self.baseline

    def as_dict(self) -> dict[str, Any]:
        """The row as `bench.json` has it."""
        return asdict(self) | {"ratio": self.ratio}


def table(found: list[Row]) -> Table:
    """What people read: a ratio above 1 is better than the baseline, below its target it is red."""
    shown = Table(
        "what", "ours", "baseline", "unit", "ratio", "target", "floor", "baseline is", box=None, header_style="bold"
    )
    for row in found:
        met = row.target is None or row.ratio >= row.target
        shown.add_row(
            row.name,
            f"{row.ours:.4g}",
            f"{row.baseline:.4g}",
            row.unit,
            f"[{'green' if met else 'red'}]{row.ratio:.2f}[/]",
            "" if row.target is None else f"{row.target:g}",
            "" if row.floor is None else f"{row.floor:.4g}",
            row.note,
        )
    return shown


def in_turns(
    *runs: Callable[[], object], rounds: int, warm_up: int = 1, patience: float = PATIENCE
) -> list[list[float]]:
    """Seconds of each of `rounds` calls of each run, taken in turns so that a machine that slows down slows them all.

    A slow machine makes fewer rounds, once it has measured for `patience` seconds, but at least two.
    """
    for _ in range(warm_up):
        for run in runs:
            run()
    seconds: list[list[float]] = [[] for _ in runs]
    start = time.perf_counter()
    for done in range(rounds):
        if done >= LEAST_ROUNDS and time.perf_counter() - start > patience:
            break
        for run, own in zip(runs, seconds, strict=True):
            begun = time.perf_counter()
            run()
            own.append(time.perf_counter() - begun)
    return seconds


def medians(*runs: Callable[[], object], rounds: int, warm_up: int = 1) -> list[float]:
    """Median seconds of each run, taken in turns."""
    return [statistics.median(own) for own in in_turns(*runs, rounds=rounds, warm_up=warm_up)]
