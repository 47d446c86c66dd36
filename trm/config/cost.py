"""What a training costs in arithmetic, roughly: from its configuration alone, without the model."""

from typing import NamedTuple

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.puzzles.datasets.datasets import BUILTIN
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
GPU_UPDATE_SECONDS = 5e-3  # at least: an assumption of some thousand kernels, each launched in a few microseconds


class Body(NamedTuple):
    """A mixer that passes messages: how many matrices a token's messages take, and its share of CORE, as measured with 32 channels."""

    messages: int
    efficiency: float


BODIES = {"units": Body(1, 0.3), "neighbours": Body(4, 1.4), "directed_neighbours": Body(5, 1.4)}


def recursion_flops(model: ModelConfig, puzzle: PuzzleSpec) -> float:
    """Operations of one recursion on one puzzle."""
    return _call_flops(model, puzzle) * (model.latent_steps + 1)


def _call_flops(model: ModelConfig, puzzle: PuzzleSpec) -> float:
    """Operations of one call of the network on one puzzle."""
    matrices: float = INNER_MATRICES
    if body := BODIES.get(model.mixer):
        matrices = (2 * body.messages + 1) * model.expansion
    return 2.0 * _count_tokens(model, puzzle) * matrices * model.hidden_size**2 * model.layers


def carry_bytes(model: ModelConfig, puzzle: PuzzleSpec) -> int:
    """The most bytes that the carry of one chain takes, stored by itself with those of the puzzle's other chains."""
    states = (1 + model.latent_count) * _count_tokens(model, puzzle) * model.hidden_size
    return WORD * (states + puzzle.cells * (puzzle.vocab_size + GRIDS)) + CARRY_OVERHEAD


def update_flops(config: RunConfig) -> float:
    """Operations of one optimizer update, the mean over the curriculum."""
    return _update_flops(config.model, config.train, config.puzzle)


def evaluation_updates(config: RunConfig) -> float:
    """Number of updates that cost as much as answering one puzzle with all supervision steps."""
    chain = config.model.max_supervision_steps * config.model.recursions
    return chain * recursion_flops(config.model, config.puzzle) / update_flops(config)


def efficiency(model: ModelConfig) -> float:
    """Share of the usual rate of arithmetic that this model reaches."""
    if body := BODIES.get(model.mixer):
        return body.efficiency
    return float(min(1.0, (model.hidden_size / WIDE) ** WASTE))


def assume_update_seconds(model: ModelConfig, train: TrainConfig, puzzle: PuzzleSpec, cores: int | None) -> float:
    """Seconds of an update on so many processor cores, or on an H100 where `cores` is None; nothing of it is measured here."""
    work = _update_flops(model, train, puzzle) / efficiency(model)
    return max(GPU_UPDATE_SECONDS, work / H100) if cores is None else work / (cores * CORE)


def hardware(model: ModelConfig, train: TrainConfig, puzzle: PuzzleSpec) -> str:
    """What to train this on, and about how long that takes."""
    on_cpu, on_gpu = (train.steps * assume_update_seconds(model, train, puzzle, cores) for cores in (2, None))
    if on_cpu < DAY / 3:
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
    sizes = (puzzle, *(BUILTIN[name].spec for name in train.also))
    return train.batch_size * _count_calls(model, train) * sum(_call_flops(model, size) for size in sizes)


def _count_calls(model: ModelConfig, train: TrainConfig) -> float:
    """Calls of the network for one chain of an update, gradients included, the mean over the curriculum."""
    depths = [(stage.until, stage.recursions, stage.latent_steps) for stage in train.depth_curriculum]
    calls, begin = 0.0, 0.0
    for until, recursions, latent_steps in (*depths, (1.0, model.recursions, model.latent_steps)):
        passes: float = recursions - 1 + GRADIENT
        if train.starts > 1:  # all chains without a gradient, then the best of them once more with it
            passes = recursions + passes / train.starts
        calls += (until - begin) * passes * (latent_steps + 1)
        begin = until
    return calls


def _count_tokens(model: ModelConfig, puzzle: PuzzleSpec) -> int:
    return puzzle.cells * (puzzle.rows if model.mixer == "units" else 1) + model.prefix_tokens
