"""The learning rate over a training: linear warm-up, then cosine decay to a share of the peak."""

import math

from trm.config import TrainConfig


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """What to multiply the peak learning rate with in update `step`, counted from 1."""
    if step < config.warmup_steps:
        return step / config.warmup_steps
    progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    return config.min_learning_rate_ratio + (1 - config.min_learning_rate_ratio) * cosine
