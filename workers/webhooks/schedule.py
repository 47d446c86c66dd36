"""When a webhook's message is tried again: a pure table."""

import random

# after the first attempt, the second ...
PAUSES_SECONDS = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2  # of each pause, either way: endpoints that fell together are not called together


def pause_seconds(attempt: int, generator: random.Random) -> float | None:
    """Delay after this failed attempt, counted from 1; None after the last."""
    if attempt > len(PAUSES_SECONDS):
        return None
    return PAUSES_SECONDS[attempt - 1] * generator.uniform(1 - JITTER, 1 + JITTER)
