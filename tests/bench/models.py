"""The models that are measured: ours, and the official algorithm's in the same sizes."""

from pathlib import Path

import torch

from tests.bench.official import Official, Shape
from trm.config import RunConfig
from trm.data import Splits
from trm.model import TinyRecursiveModel
from trm.presets import resolve
from trm.puzzles.datasets import load, spec_of
from trm.puzzles.puzzle_set import PuzzleSet
from trm.trainer import Trainer

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


def official(dtype: torch.dtype = torch.bfloat16) -> Official:
    """The official Sudoku model with random weights: what it computes takes the same time whatever they are."""
    torch.manual_seed(0)
    return Official(Shape(cells=81, vocabulary=11), dtype)


def official_like(config: RunConfig) -> Official:
    """The official algorithm in the sizes of another of our models."""
    model, puzzle = config.model, config.puzzle
    shape = Shape(
        cells=puzzle.cells, vocabulary=puzzle.vocab_size, prefix=model.prefix_tokens, width=model.hidden_size, layers=model.layers,
        n=model.latent_steps, T=model.recursions, supervision_steps=model.max_supervision_steps,
    )  # fmt: skip
    torch.manual_seed(0)
    return Official(shape, torch.float32 if config.train.precision == "float32" else torch.bfloat16)


SHIPPED = Path(__file__).parents[2] / "trm" / "models" / "sudoku-6x6"
