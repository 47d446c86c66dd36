"""Augmentation on the fly, on the device: every puzzle that enters a slot is first put through a random symmetry of its kind."""

import torch
from torch import Tensor

from trm.config import PuzzleSpec


def augment(spec: PuzzleSpec, questions: Tensor, answers: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Questions and answers `(K, L)` under one random symmetry per puzzle; unchanged for kinds that have none."""
    if spec.box is None:
        return questions, answers
    cells = sudoku_cells(spec.box, len(questions), generator).to(questions.device)  # (K, L)
    digits = sudoku_digits(spec, len(questions), generator).to(questions.device, questions.dtype)  # (K, V)
    return tuple(digits.gather(1, grid.gather(1, cells).long()) for grid in (questions, answers))  # type: ignore[return-value]


def sudoku_digits(spec: PuzzleSpec, count: int, generator: torch.Generator) -> Tensor:
    """Random relabellings `(K, V)` of the digit tokens; padding 0 and blank 1 stay."""
    fixed = torch.arange(2).expand(count, 2)
    return torch.cat((fixed, 2 + permutations(count, spec.rows, generator)), dim=1)


def sudoku_cells(box: tuple[int, int], count: int, generator: torch.Generator) -> Tensor:
    """For each new cell the old one it is taken from, `(K, L)`: rows and columns shuffled within and as bands, then a transposition."""
    size = box[0] * box[1]
    rows = banded(count, size // box[0], box[0], generator)
    cols = banded(count, size // box[1], box[1], generator)
    cells = rows.unsqueeze(2) * size + cols.unsqueeze(1)  # (K, size, size)
    if box[0] == box[1]:  # otherwise a transposed grid has boxes of another shape
        turned = torch.rand(count, generator=generator) < 0.5
        cells = torch.where(turned.view(-1, 1, 1), cells.transpose(1, 2), cells)
    return cells.flatten(1)


def banded(count: int, bands: int, width: int, generator: torch.Generator) -> Tensor:
    """Random orders `(K, bands * width)` of lines that keep bands together."""
    outer = permutations(count, bands, generator).unsqueeze(2)  # (K, bands, 1)
    inner = permutations(count * bands, width, generator).view(count, bands, width)
    return (outer * width + inner).flatten(1)


def permutations(count: int, size: int, generator: torch.Generator) -> Tensor:
    """Independent uniform permutations `(count, size)`."""
    return torch.rand(count, size, generator=generator).argsort(dim=1)
