"""What changes over a training: the learning rate, and the depth of the recursion."""

import math

from trm.config.model import ModelConfig
from trm.config.train import TrainConfig
from trm.network.recursion import Depth


def learning_rate_factor(step: int, config: TrainConfig) -> float:
    """What to multiply the peak learning rate with in update `step`, counted from 1: warm-up, then decay to a floor."""
    if step < config.warmup_steps:
        return step / config.warmup_steps
    if config.schedule == "cosine":
        progress = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        height = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
    else:  # stable, then linear down over the last share
        height = min(1.0, (config.steps - step) / max(1.0, config.decay_share * config.steps))
    return config.min_learning_rate_ratio + (1 - config.min_learning_rate_ratio) * height


def depth_at(step: int, model: ModelConfig, train: TrainConfig) -> Depth:
    """Depth of the recursion in update `step`, counted from 1: that of the curriculum's stage, then the model's own."""
    for stage in train.depth_curriculum:
        if step <= stage.until * train.steps:
            return Depth(stage.recursions, stage.latent_steps)
    return Depth(model.recursions, model.latent_steps)


def reveal_at(step: int, train: TrainConfig) -> float:
    """The largest share of a puzzle's blanks that is revealed in update `step`, counted from 1."""
    return train.reveal * max(0.0, 1 - step / (train.reveal_until * train.steps))
