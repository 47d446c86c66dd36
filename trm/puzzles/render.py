"""Puzzles for people: a ruled grid in colour."""

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from trm.config import PuzzleSpec
from trm.puzzles import grids
from trm.puzzles.rules import conflicts


def render(
    spec: PuzzleSpec,
    tokens: NDArray[np.int32],
    givens: NDArray[np.int32] | None = None,
    previous: NDArray[np.int32] | None = None,
) -> Text:
    """The grid with givens bold, cells changed since `previous` in yellow, and clashing cells in red."""
    clashing = {cell for pair in conflicts(spec, tokens) for cell in pair}
    box_rows, box_cols = spec.box or (spec.rows, spec.cols)
    symbols = [symbol for row in grids.rows(spec, tokens) for symbol in row]
    out = Text()
    for row in range(spec.rows):
        if row and row % box_rows == 0:
            out.append("+".join("-" * (2 * box_cols + 1) for _ in range(spec.cols // box_cols)) + "\n", style="dim")
        for col in range(spec.cols):
            if col and col % box_cols == 0:
                out.append(" |", style="dim")
            cell = row * spec.cols + col
            out.append(f" {symbols[cell]}", style=_style(cell, tokens, givens, previous, clashing))
        out.append("\n")
    return out


def _style(
    cell: int,
    tokens: NDArray[np.int32],
    givens: NDArray[np.int32] | None,
    previous: NDArray[np.int32] | None,
    clashing: set[int],
) -> str:
    if cell in clashing:
        return "bold red"
    if givens is not None and givens[cell] > 1:
        return "bold"
    return "yellow" if previous is not None and previous[cell] != tokens[cell] else "cyan"
