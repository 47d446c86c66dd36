"""Has the C library give large blocks back to the system when they are freed, rather than keep them for the next large request."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h
BLOCK_BYTES = 1 << 20
ARENAS = 4  # each keeps free memory of its own, and there would be eight a core


def give_memory_back() -> None:
    """Set this process's allocator so; does nothing where the C library is not glibc."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    for name, value in ((M_MMAP_THRESHOLD, BLOCK_BYTES), (M_TRIM_THRESHOLD, BLOCK_BYTES), (M_ARENA_MAX, ARENAS)):
        mallopt(name, value)
