"""What a training costs in arithmetic, roughly: from its configuration alone, without the model."""

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.puzzles.spec import PuzzleSpec

BACKWARD = 2  # times the arithmetic of the forward pass
GRADIENT = 1 + BACKWARD  # of the recursion that has one
# of D x D weights in a layer: four of mixing, and two thirds of three of the feed-forward, four times as wide
INNER_MATRICES = 12
WORD = 4  # bytes of a float32 or an int32
GRIDS = 2  # in a carry: the question with its guesses, and the answer
CARRY_OVERHEAD = 1024  # bytes: the names and shapes of its tensors
DAY = 86_400.0
# floating point operations a second that are reached in training, with as many channels as `WIDE`
H100, CORE = 3e14, 1.5e11
WIDE = 512
WASTE = 1.4  # narrower ones reach less, by this power of their number: measured on a CPU with 64 and 512


def recursion_flops(model: ModelConfig, cells: int) -> float:
    """Operations of one recursion on one puzzle."""
    tokens = cells + model.prefix_tokens
    return 2.0 * tokens * INNER_MATRICES * model.hidden_size**2 * model.layers * (model.latent_steps + 1)


def carry_bytes(model: ModelConfig, puzzle: PuzzleSpec) -> int:
    """The most bytes that the carry of one chain takes, stored by itself with those of the puzzle's other chains."""
    tokens = puzzle.cells * (puzzle.rows if model.mixer == "units" else 1) + model.prefix_tokens
    states = (1 + model.latent_count) * tokens * model.hidden_size
    return WORD * (states + puzzle.cells * (puzzle.vocab_size + GRIDS)) + CARRY_OVERHEAD


def update_flops(config: RunConfig) -> float:
    """Operations of one optimizer update."""
    return _update_flops(config.model, config.train, config.puzzle)


def evaluation_updates(config: RunConfig) -> float:
    """Number of updates that cost as much as answering one puzzle with all supervision steps."""
    recursions, batch = config.model.recursions, config.train.batch_size
    return config.model.max_supervision_steps * recursions / (batch * (recursions - 1 + GRADIENT))


def efficiency(model: ModelConfig) -> float:
    """Share of the usual rate of arithmetic that a model of this width reaches."""
    return float(min(1.0, (model.hidden_size / WIDE) ** WASTE))


def hardware(model: ModelConfig, train: TrainConfig, puzzle: PuzzleSpec) -> str:
    """What to train this on, and about how long that takes."""
    flops = train.steps * _update_flops(model, train, puzzle)
    on_cpu, on_gpu = flops / (2 * CORE * efficiency(model)), flops / (H100 * efficiency(model))
    if on_cpu < DAY / 4:
        return f"A CPU is enough: {duration(on_cpu)} on two cores."
    return f"A GPU: {duration(on_gpu)} on an H100; two CPU cores would take {duration(on_cpu)}."


def duration(seconds: float) -> str:
    """An approximate duration in words."""
    for size, unit in ((365 * DAY, "year"), (7 * DAY, "week"), (DAY, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size or (unit == "minute" and seconds >= 45):
            count = round(seconds / size)
            return f"about {count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"


def _update_flops(model: ModelConfig, train: TrainConfig, puzzle: PuzzleSpec) -> float:
    return train.batch_size * (model.recursions - 1 + GRADIENT) * recursion_flops(model, puzzle.cells)
