"""Training: one update of ours against one of the official algorithm, both compiled, in turns."""

import statistics
from collections.abc import Callable, Iterator

import torch

from tests.bench.machine import flops, matrix_peak
from tests.bench.models import CPU, WITH_PREFIX, WITHOUT_PREFIX, official, trainer
from tests.bench.official import OfficialTrainer
from tests.bench.row import Row, in_turns

BATCH = 32  # on the CPU
GPU_BATCH = 768


def rows(quick: bool) -> Iterator[Row]:
    """On the CPU, batch 32, bfloat16."""
    yield from _compared(CPU, BATCH, rounds=2 if quick else 4, where="batch 32, CPU")


def gpu_rows(device: torch.device) -> Iterator[Row]:
    """On a GPU, batch 768, bfloat16; and the share of the matrix peak that an update's arithmetic comes to."""
    yield from _compared(device, GPU_BATCH, rounds=20, where=f"batch 768, {torch.cuda.get_device_name(device)}")
    ours, peak = trainer(WITH_PREFIX, GPU_BATCH, device, compiled=True), matrix_peak(device)
    work = flops(trainer(WITH_PREFIX, GPU_BATCH, device, compiled=False).update)
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


def _compared(device: torch.device, batch: int, rounds: int, where: str) -> Iterator[Row]:
    same, default = (trainer(p, batch, device, compiled=True) for p in (WITH_PREFIX, WITHOUT_PREFIX))
    network = official().to(device)
    theirs = OfficialTrainer(torch.compile(network, dynamic=False), network, batch)
    puzzles = torch.randint(1, 11, (batch, 81), dtype=torch.int32, device=device)
    runs = (same.update, default.update, lambda: theirs.update(puzzles, puzzles))
    ours, shorter, official_seconds = (
        statistics.median(s)
        for s in in_turns(
            *(_waiting(r, device) for r in runs), rounds=rounds, warm_up=6 if device.type == "cuda" else 2
        )
    )
    peak = matrix_peak(device)
    floors = [flops(trainer(p, batch, device, compiled=False).update) / peak for p in (WITH_PREFIX, WITHOUT_PREFIX)]
    yield Row(
        f"training update, equal mathematics ({where})",
        ours,
        official_seconds,
        "s",
        target=1.0 if device.type == "cpu" else 1.5,
        floor=floors[0],
        note="official algorithm, bfloat16, compiled",
    )
    yield Row(
        f"training update without prefix ({where})",
        shorter,
        official_seconds,
        "s",
        target=1.35,
        floor=floors[1],
        note="official algorithm, bfloat16, compiled",
    )


def _waiting(run: Callable[[], object], device: torch.device) -> Callable[[], None]:
    def both() -> None:
        run()
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    return both
