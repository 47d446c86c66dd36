"""Puzzles as text and as tokens."""

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from trm.errors import UnknownSymbol, WrongGridSize
from trm.puzzles.reading import alphabets, boards
from trm.puzzles.reading.alphabets import Tokens
from trm.puzzles.reading.boards import Board
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import spec_for

Given = str | Sequence[object] | NDArray[np.integer]
PADDING = "?"  # what `text` writes for padding, which untrained models answer with
SAFE_SIZE = 10  # of Sudokus: from here on 0 may be a digit


def parse(spec: PuzzleSpec, given: Given, *, padding: bool = False) -> NDArray[np.int32]:
    """Tokens `(L,)` of a grid given as one text, as rows of cells, or as a flat list of cells.

    With `padding`, what `text` wrote is read back, padding included. Raises PuzzleError: WrongGridSize, or UnknownSymbol naming
    row and column from 1.
    """
    board = read_board(spec, given)
    if padding:
        written = {symbol: token for token, symbol in enumerate(spec.symbols, start=1)}
        return encode(spec, board, {PADDING: 0, **written})
    table = alphabets.tokens_of(spec)
    if spec.kind == "maze":
        table = {**alphabets.maze_tokens(frozenset(board.cells), frozenset()), **{s: table[s] for s in spec.symbols}}
    return encode(spec, board, table)


def resize(spec: PuzzleSpec, given: Given) -> PuzzleSpec:
    """The shape of a puzzle of the same kind that is as large as this one is written; raises PuzzleError for a size that there is not."""
    board = read_board(spec, given)
    side = isqrt(len(board.cells))
    rows, cols = board.shape or (side, side)
    if (rows, cols) == (spec.rows, spec.cols) or rows * cols != len(board.cells):
        return spec
    return (
        spec_for(rows)
        if spec.kind == "sudoku"
        else PuzzleSpec(kind=spec.kind, rows=rows, cols=cols, symbols=spec.symbols)
    )


def read_board(spec: PuzzleSpec, given: object) -> Board:
    """The board as it was written, laid out for this shape; raises PuzzleError."""
    if not isinstance(given, str):
        return boards.from_json(given.tolist() if isinstance(given, np.ndarray) else given)
    if "[" not in spec.symbols and (board := boards.parse_list(given)) is not None:
        return board
    if spec.kind == "sudoku":
        return boards.from_text(given, spec.kind, cells=spec.cells)
    board = boards.from_text(given, spec.kind, _separator(spec, given), spec.cells)
    if board.shape is None and len(board.cells) != spec.cells and len(given.split()) == spec.cells > 1:
        return Board(tuple(given.split()))
    return board


def _separator(spec: PuzzleSpec, given: str) -> str | None:
    """What separates the cells of this text: it is no symbol itself, or it fits where the cells alone do not."""
    found = [s for s in boards.SEPARATORS if s in boards.separators_of(given)]
    if not _one_character_each(spec):
        return found[0] if found else " "
    if len(given.replace("\n", "").replace("\r", "")) == spec.cells:
        return None
    return next(iter(found), None)


def encode(spec: PuzzleSpec, board: Board, table: Tokens) -> NDArray[np.int32]:
    """The tokens `(L,)` of a board by this table; raises WrongGridSize and UnknownSymbol."""
    cells = board.cells
    if board.shape not in (None, (spec.rows, spec.cols)):
        height, width = board.shape or (0, 0)
        if width != spec.cols:
            raise WrongGridSize(f"A row has {width} cells; {spec.cols} are expected.")
        raise WrongGridSize(f"The grid has {height} rows; {spec.rows} are expected.")
    if len(cells) != spec.cells:
        raise WrongGridSize(f"The grid has {len(cells)} cells; {spec.rows}x{spec.cols} = {spec.cells} are expected.")
    if spec.kind == "sudoku" and spec.rows >= SAFE_SIZE and table.get("0") == 1:
        _require_one_blank(spec, cells)
    try:
        return np.array([table[cell] for cell in cells], dtype=np.int32)
    except KeyError:
        at = next(i for i, cell in enumerate(cells) if cell not in table)
    raise UnknownSymbol(
        f"{_place(spec, at)} holds {repr(cells[at]) if cells[at] else 'nothing'}. Accepted: {alphabets.alphabet(spec)}."
    )


def _require_one_blank(spec: PuzzleSpec, cells: Sequence[str]) -> None:
    """Refuse a 0 beside another mark for blanks: it is a digit of an alphabet that begins with 0, and would be erased."""
    marks = set(cells) - set(spec.symbols[1:])
    if alphabets.is_mixed(marks):
        other = min(marks & alphabets.BLANKS - {"0"})
        raise UnknownSymbol(
            f"{_place(spec, cells.index('0'))} holds '0' beside {other!r} for blanks, so that it looks like a digit. "
            f"Accepted: {alphabets.alphabet(spec)}; one mark for blanks in a puzzle."
        )


def _place(spec: PuzzleSpec, at: int) -> str:
    return f"Row {at // spec.cols + 1}, column {at % spec.cols + 1}"


def text(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> str:
    """The grid as one string, `?` for padding; symbols of several characters are joined by blanks."""
    return ("" if _one_character_each(spec) else " ").join(_to_symbols(spec, tokens))


def rows(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> list[list[str]]:
    """The grid as rows of symbols."""
    shown = _to_symbols(spec, tokens)
    return [shown[i : i + spec.cols] for i in range(0, spec.cells, spec.cols)]


def _to_symbols(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> list[str]:
    table = (PADDING, *spec.symbols)
    return [table[token] if 0 <= token < len(table) else PADDING for token in tokens.tolist()]


def _one_character_each(spec: PuzzleSpec) -> bool:
    return all(len(symbol) == 1 for symbol in spec.symbols)
