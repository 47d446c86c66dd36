"""Returns memory to the system after a large request: the C library would keep it."""

import ctypes
import gc

M_ARENA_MAX = -8  # of glibc's malloc.h
ARENAS = 4  # each keeps free memory of its own, and there would be eight a core
LARGE_BYTES = 1 << 20  # sent; looking for what is free takes some milliseconds


def keep_few_arenas() -> None:
    """Before there are threads; does nothing where the C library is not glibc."""
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_ARENA_MAX, ARENAS)


def give_memory_back() -> None:
    """After a large request. A refusal's traceback and what it refused hold each other: garbage goes first."""
    gc.collect()
    if trim := getattr(ctypes.CDLL(None), "malloc_trim", None):
        trim(0)
