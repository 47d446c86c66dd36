"""Returns memory to the system after a large request: the C library would keep it."""

import ctypes
import gc

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 4  # each keeps free memory of its own, and there would be eight a core
LARGE_BYTES = 1 << 20  # sent; looking for what is free takes some milliseconds


def keep_few_arenas() -> None:
    """Limit malloc to few arenas; call before threads start. Has no effect with other C libraries than glibc."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_ARENA_MAX, ARENAS)


def give_memory_back() -> None:
    """Return freed memory after a large request; collects reference cycles of tracebacks first."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
