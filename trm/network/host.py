"""What a process that computes asks of its host: cores and memory. To be settled before torch is loaded."""

import ctypes
import os

SPINS = "2000"  # a few microseconds: bridges the gap between two kernels, and then leaves the core to other threads
M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # malloc.h


def share_cores() -> None:
    """Let idle OpenMP threads spin only briefly: two processes that spin on the same cores take several times as long.

    Choices of the user's in GOMP_SPINCOUNT and OMP_WAIT_POLICY stay.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", SPINS)


def keep_big_buffers() -> None:
    """Let glibc keep what is freed rather than give it back: every call of a model would page-fault its buffers again.

    For a process that computes and little else: it keeps the memory of its largest moment. No effect with other C libraries.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
