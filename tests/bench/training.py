"""Training: one update of ours against one of the official algorithm, both compiled, in turns."""

import statistics
from collections.abc import Callable, Iterator

import torch

from tests.bench.machine import batch_for, flops, matrix_peak
from tests.bench.models import CPU, WITH_PREFIX, WITHOUT_PREFIX, official, trainer
from tests.bench.official import OfficialTrainer
from tests.bench.row import Row, in_turns

OFFICIAL = "official algorithm, compiled"


def rows(quick: bool) -> Iterator[Row]:
    """On the CPU."""
    yield from _compared(CPU, rounds=2 if quick else 4, where="CPU")


def gpu_rows(device: torch.device) -> Iterator[Row]:
    """On a GPU, and the share of the matrix peak that an update's arithmetic comes to."""
    yield from _compared(device, rounds=20, where=torch.cuda.get_device_name(device))
    batch = batch_for(device)
    ours, peak = trainer(WITH_PREFIX, batch, device, compiled=True), matrix_peak(device)
    work = batch * _flops(WITH_PREFIX)
    seconds = statistics.median(in_turns(_waiting(ours.update, device), rounds=20, warm_up=6)[0])
    yield Row(
        "model FLOPs utilisation of an update",
        work / seconds / peak,
        0.5,
        "share of the measured matrix peak",
        lower_is_better=False,
        target=1.0,
        floor=1.0,
    )


def _compared(device: torch.device, rounds: int, where: str) -> Iterator[Row]:
    batch = batch_for(device)
    same, default = (trainer(p, batch, device, compiled=True) for p in (WITH_PREFIX, WITHOUT_PREFIX))
    theirs = OfficialTrainer(official(device), batch)
    puzzles = torch.randint(1, 11, (batch, 81), dtype=torch.int32, device=device)
    runs = (same.update, default.update, lambda: theirs.update(puzzles, puzzles))
    ours, shorter, official_seconds = (
        statistics.median(s)
        for s in in_turns(
            *(_waiting(r, device) for r in runs), rounds=rounds, warm_up=6 if device.type == "cuda" else 1
        )
    )
    peak = matrix_peak(device)
    floors = [batch * _flops(prefix) / peak for prefix in (WITH_PREFIX, WITHOUT_PREFIX)]
    yield Row(
        f"training update, equal mathematics (batch {batch}, {where})",
        ours,
        official_seconds,
        "s",
        target=1.0 if device.type == "cpu" else 1.5,
        floor=floors[0],
        note=OFFICIAL,
    )
    yield Row(
        f"training update without prefix (batch {batch}, {where})",
        shorter,
        official_seconds,
        "s",
        target=1.35,
        floor=floors[1],
        note=OFFICIAL,
    )


def _flops(prefix: int) -> int:
    """Of an update, for each slot."""
    return flops(trainer(prefix, 1, CPU, compiled=False).update)


def _waiting(run: Callable[[], object], device: torch.device) -> Callable[[], None]:
    def both() -> None:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return both
