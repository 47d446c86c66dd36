"""Thread and memory settings of a computing process; to be made before torch is loaded."""

import ctypes
import os
from contextlib import suppress
from pathlib import Path

SPINS = "2000"  # a few microseconds: bridges the gap between two kernels, and then leaves the core to other threads
LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def share_cores() -> None:
    """Let idle OpenMP threads spin only briefly: two processes that spin on the same cores take several times as long.

    Choices of the user's in GOMP_SPINCOUNT and OMP_WAIT_POLICY stay.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def memory_bytes() -> int:
    """The memory that this process may use: the machine's, or what its cgroup allows."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in LIMITS:
        with suppress(OSError, ValueError):  # no such version of cgroups, or `max`
            return min(machine, int(limit.read_text()))
    return machine


def keep_big_buffers() -> None:
    """Let glibc keep what is freed rather than give it back: every call of a model would page-fault its buffers again.

    For a process that computes and little else: it keeps the memory of its largest moment. No effect with other C libraries.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
