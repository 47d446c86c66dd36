"""Puzzles as text and as tokens."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trm.errors import PuzzleError, UnknownSymbol, WrongGridSize
from trm.puzzles.spec import PuzzleSpec

Given = str | Sequence[object]
PADDING = "?"  # what `text` writes for padding, which untrained models answer with
BLANKS = ("0", "_", "", "None")  # what people write for an empty Sudoku cell, besides the dot
OPENS = (".", "_")  # and for an open maze cell, where blanks at the end of a line would be lost


def parse(spec: PuzzleSpec, given: Given, *, padding: bool = False) -> NDArray[np.int32]:
    """Tokens `(L,)` of a grid given as one string, as rows of cells, or as a flat list of cells.

    With `padding`, what `text` wrote for padding is read back. Raises WrongGridSize, or UnknownSymbol naming row and column from 1.
    """
    cells = _cells(spec, given)
    if len(cells) != spec.cells:
        raise WrongGridSize(f"The grid has {len(cells)} cells; {spec.rows}x{spec.cols} = {spec.cells} are expected.")
    tokens = {symbol: token for token, symbol in enumerate(spec.symbols, start=1)}
    if spec.kind == "sudoku":
        tokens |= dict.fromkeys(BLANKS, 1)
    if padding:
        tokens.setdefault(PADDING, 0)
    elif spec.kind == "maze":
        tokens |= dict.fromkeys(OPENS, 2)
    try:
        return np.array([tokens[cell] for cell in cells], dtype=np.int32)
    except KeyError:
        at = next(i for i, cell in enumerate(cells) if cell not in tokens)
    raise UnknownSymbol(
        f"Row {at // spec.cols + 1}, column {at % spec.cols + 1} holds {cells[at]!r}. Symbols: {' '.join(map(repr, spec.symbols))}."
    )


def _cells(spec: PuzzleSpec, given: Given) -> list[str]:
    if isinstance(given, str):
        if not _one_character_each(spec):
            return given.split()
        # white space separates lines only where it is no symbol itself
        return list(given.replace("\r", "").replace("\n", "") if " " in spec.symbols else "".join(given.split()))
    cells: list[str] = []
    for row in given:
        if isinstance(row, str) and len(row) == spec.cols > 1:
            cells += row
        elif isinstance(row, Sequence) and not isinstance(row, str):
            if len(row) != spec.cols:
                raise WrongGridSize(f"A row has {len(row)} cells; {spec.cols} are expected.")
            cells += map(str, row)
        else:
            cells.append(str(row))
    return cells


def text(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> str:
    """The grid as one string, `?` for padding; symbols of several characters are joined by blanks."""
    return ("" if _one_character_each(spec) else " ").join(_shown(spec, tokens))


def rows(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> list[list[str]]:
    """The grid as rows of symbols."""
    shown = _shown(spec, tokens)
    return [shown[i : i + spec.cols] for i in range(0, spec.cells, spec.cols)]


def digits(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
    """The grid's numbers `(rows, cols)`: 0 for a blank, 10 for A, -1 for padding; of ARC the colours, -1 outside the grid.

    Raises PuzzleError for symbols that are no numbers.
    """
    try:
        table = np.array([-1, *(_number(spec, symbol) for symbol in spec.symbols)], dtype=np.int32)
    except ValueError:
        raise PuzzleError(f"The symbols of a {spec.kind} are no numbers: take its rows, or its text.") from None
    return table[tokens].reshape(spec.rows, spec.cols)


def _number(spec: PuzzleSpec, symbol: str) -> int:
    if spec.kind == "sudoku":
        return 0 if symbol == spec.symbols[0] else int(symbol, 36)
    return -1 if spec.kind == "arc" and symbol == spec.symbols[0] else int(symbol)


def _shown(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> list[str]:
    table = (PADDING, *spec.symbols)
    return [table[token] if 0 <= token < len(table) else PADDING for token in tokens.tolist()]


def _one_character_each(spec: PuzzleSpec) -> bool:
    return all(len(symbol) == 1 for symbol in spec.symbols)
