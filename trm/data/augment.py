"""Augmentation on the fly: every puzzle that enters a slot is first put through a random symmetry of its kind."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm.network.device import on_device
from trm.puzzles.maze import solve
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK
from trm.puzzles.symmetries.symmetry import turned_cells, views


def augment(spec: PuzzleSpec, questions: Tensor, answers: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Questions and answers `(K, L)` under one random symmetry per puzzle; unchanged for kinds that have none."""
    if spec.kind != "sudoku":
        return questions, answers
    count = len(questions)
    if spec.box is None:  # a jigsaw: a turn or reflection that keeps its regions, most often none but the identity
        known = torch.from_numpy(turned_cells(spec))
        drawn = known[torch.randint(len(known), (count,), generator=generator)]
    else:
        drawn = sudoku_cells(spec.box, count, generator)
    cells = on_device(drawn, questions.device)  # (K, L)
    digits = on_device(sudoku_digits(spec, len(questions), generator).to(questions.dtype), questions.device)  # (K, V)
    return tuple(digits.gather(1, grid.gather(1, cells).long()) for grid in (questions, answers))  # type: ignore[return-value]


def reveal(questions: Tensor, answers: Tensor, most: float, generator: torch.Generator) -> Tensor:
    """Sudokus `(K, L)` with blanks filled in: each puzzle draws a share below `most`, and each of its blanks is filled with that chance."""
    share = on_device(most * torch.rand(len(questions), 1, generator=generator), questions.device)
    drawn = on_device(torch.rand(questions.shape, generator=generator), questions.device)
    return torch.where((questions == BLANK) & (drawn < share), answers, questions)


def sudoku_digits(spec: PuzzleSpec, count: int, generator: torch.Generator) -> Tensor:
    """Random relabellings `(K, V)` of the digit tokens; padding 0 and blank 1 stay."""
    fixed = torch.arange(2).expand(count, 2)
    return torch.cat((fixed, 2 + permutations(count, spec.rows, generator)), dim=1)


def sudoku_cells(box: tuple[int, int], count: int, generator: torch.Generator) -> Tensor:
    """For each new cell the old one it is taken from, `(K, L)`: rows and columns shuffled within and as bands, then a transposition."""
    size = box[0] * box[1]
    rows = draw_banded(count, size // box[0], box[0], generator)
    cols = draw_banded(count, size // box[1], box[1], generator)
    cells = rows.unsqueeze(2) * size + cols.unsqueeze(1)  # (K, size, size)
    if box[0] == box[1]:  # otherwise a transposed grid has boxes of another shape
        turned = torch.rand(count, generator=generator) < 0.5
        cells = torch.where(turned.view(-1, 1, 1), cells.transpose(1, 2), cells)
    return cells.flatten(1)


def draw_banded(count: int, bands: int, width: int, generator: torch.Generator) -> Tensor:
    """Random orders `(K, bands * width)` of lines that keep bands together."""
    outer = permutations(count, bands, generator).unsqueeze(2)  # (K, bands, 1)
    inner = permutations(count * bands, width, generator).view(count, bands, width)
    return (outer * width + inner).flatten(1)


def permutations(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Independent uniform permutations `(count, size)`."""
    return torch.rand(count, size, generator=generator).argsort(dim=1)


def maze_images(spec: PuzzleSpec, questions: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """All images of mazes `(n, L)` under their symmetries, `(n images, L)`, those of one maze together, answers drawn again.

    Turning the answer along would keep a shortest path, but not the one that the labels' rule for ties picks.
    """
    turned = np.stack([view.apply(questions) for view in views(spec, 8, 0)], axis=1).reshape(-1, spec.cells)
    answers = np.stack([solve(spec, question) for question in turned])
    return turned, answers
