"""What the machine can do at best, and what the work amounts to: the yardsticks behind every floor."""

import platform
import re
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from trm.network.device import dtype_of

SHAPES = ((3072, 512, 1552), (2048, 2048, 2048), (4096, 1024, 4096))  # of the matrix products that are tried
FAST = 2e11  # FLOP/s of a processor


def processor() -> str:
    """What the kernel calls the processor, and whether it has the wide instructions that matter here."""
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    flags = [name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if re.search(rf"\b{name}\b", text)]
    return ", ".join([model[1] if model else platform.machine(), *flags])


def dtype_at_best(device: torch.device) -> torch.dtype:
    """What both sides compute in: bfloat16 where the device has it."""
    return dtype_of("bfloat16", device)


def batch_for(device: torch.device) -> int:
    """Puzzles at a time: as many as the published recipe on a GPU, on a CPU 32, or 8 where an update of 32 would take ten seconds."""
    if device.type == "cuda":
        return 768
    return 32 if matrix_peak(device) > FAST else 8


@cache
def matrix_peak(device: torch.device) -> float:
    """The fastest matrix product found, in FLOP/s: a measured ceiling, not a datasheet's."""
    best, dtype = 0.0, dtype_at_best(device)
    for rows, inner, cols in SHAPES if device.type == "cpu" else ((8192, 8192, 8192), (16384, 4096, 16384)):
        a, b = torch.randn(rows, inner, device=device).to(dtype), torch.randn(inner, cols, device=device).to(dtype)
        best = max(best, 2 * rows * inner * cols / fastest(lambda a=a, b=b: a @ b, device, 6))  # type: ignore[misc]
    return best


def memory_bandwidth(device: torch.device) -> float:
    """Bytes a second of a copy that no cache holds, read and written ones counted."""
    source = torch.empty(1 << (27 if device.type == "cpu" else 30), dtype=torch.uint8, device=device).fill_(1)
    target = torch.empty_like(source)
    return 2 * len(source) / fastest(lambda: target.copy_(source), device, 5)


def fastest(run: Callable[[], object], device: torch.device, times: int) -> float:
    """The shortest of some runs, in seconds."""
    run()
    best = float("inf")
    for _ in range(times):
        _wait(device)
        begun = time.perf_counter()
        run()
        _wait(device)
        best = min(best, time.perf_counter() - begun)
    return best


def flops(run: Callable[[], object]) -> int:
    """Floating point operations of the matrix products in a run: a multiplication and an addition count as two."""
    with FlopCounterMode(display=False) as counter:
        run()
    total: int = counter.get_total_flops()
    return total


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
