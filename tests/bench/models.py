"""The models that are measured: ours, and the official algorithm's in the same sizes."""

from pathlib import Path

import torch

from tests.bench.machine import dtype_at_best
from tests.bench.official import Official, Shape
from trm.config.overrides import resolve
from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.network.device import dtype_of
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import load, spec_of
from trm.puzzles.puzzle_set import PuzzleSet
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
SUDOKU, WITH_PREFIX, WITHOUT_PREFIX = "sudoku-extreme-1k", 16, 0


def sudokus(count: int) -> PuzzleSet:
    """Hard 9x9 Sudokus."""
    return load(SUDOKU, "train").take(count)


def configuration(prefix: int, batch: int, **train: object) -> RunConfig:
    """The official Sudoku recipe with or without the prefix tokens."""
    changes = {"train.batch_size": batch, "model.prefix_tokens": prefix}
    return resolve("sudoku-extreme", spec_of(SUDOKU), changes | {f"train.{k}": v for k, v in train.items()}, SUDOKU)


def trainer(prefix: int, batch: int, device: torch.device, *, compiled: bool) -> Trainer:
    """A fresh training of the full-size model."""
    puzzles = sudokus(256)
    return Trainer(configuration(prefix, batch), Splits(puzzles, None, puzzles), device, compiled=compiled)


def untrained(prefix: int) -> TinyRecursiveModel:
    """The full-size model with its first weights."""
    model = TinyRecursiveModel(configuration(prefix, 1).model, spec_of(SUDOKU))
    model.initialise(torch.Generator().manual_seed(0))
    return model


def official(device: torch.device = CPU, *, steps: int = 16, compiled: bool = True) -> Official:
    """The official Sudoku model with random weights: what it computes takes the same time whatever they are.

    Compiled is the network, not the unrolled 21 calls of it: that takes a minute longer and was no faster when compared.
    """
    torch.manual_seed(0)
    model = Official(Shape(cells=81, vocabulary=11, supervision_steps=steps), dtype_at_best(device)).to(device)
    if compiled:
        torch._dynamo.config.recompile_limit = (
            64  # it is asked for in several sizes: beyond the default of 8 it would run eagerly
        )
        model.network = torch.compile(model.network, dynamic=False)  # type: ignore[method-assign]
    return model


def official_like(config: RunConfig) -> Official:
    """The official algorithm in the sizes of another of our models."""
    model, puzzle = config.model, config.puzzle
    shape = Shape(
        cells=puzzle.cells, vocabulary=puzzle.vocab_size, prefix=model.prefix_tokens, width=model.hidden_size, layers=model.layers,
        n=model.latent_steps, T=model.recursions, supervision_steps=model.max_supervision_steps,
    )  # fmt: skip
    torch.manual_seed(0)
    return Official(shape, dtype_of(config.train.precision, CPU))


SHIPPED = Path(__file__).parents[2] / "trm" / "models" / "sudoku-6x6"
