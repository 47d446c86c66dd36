"""A puzzle as a request may write it."""

from typing import Annotated

from pydantic import PlainValidator, WithJsonSchema

from services.registry.db.storable import UNSTORABLE
from trm.errors import PuzzleError
from trm.puzzles.reading.boards import from_json

Cell = str | int | None
LONGEST_ROW = 64  # characters: a row may be a text
LONGEST = 100_000  # characters
MOST_CELLS = 64 * 64  # of the largest grid

_CELL = {"anyOf": [{"type": "string", "maxLength": LONGEST_ROW}, {"type": "integer"}, {"type": "null"}]}
_SCHEMA = {
    "description": "A string of all cells, row by row, in a jigsaw with a letter for every cell's region behind them; or a list of cells; "
    "or a list of rows. "
    "In Sudokus `.`, `0`, `_`, `*`, `-`, `x`, `?`, null and the empty string are blank, unless they are digits of the model.",
    "anyOf": [
        {"type": "string", "maxLength": LONGEST},
        {"type": "array", "items": _CELL},
        {"type": "array", "items": {"type": "array", "items": _CELL}},
    ],
}


def _is_cell(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= LONGEST_ROW and not UNSTORABLE.search(value)
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_row(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_cell, value))


def _require_shape(value: object) -> object:
    if isinstance(value, str):
        if len(value) > LONGEST:
            raise ValueError(f"a puzzle has at most {LONGEST} characters")
        if UNSTORABLE.search(value):
            raise ValueError("a puzzle holds no NUL and no half of a surrogate pair")
        return value
    if isinstance(value, list):
        cells = sum(max(len(row), 1) if isinstance(row, list) else 1 for row in value)
        if cells > MOST_CELLS:
            raise ValueError(f"a puzzle has at most {MOST_CELLS} cells")
    if _is_row(value) or (isinstance(value, list) and all(map(_is_row, value))):
        return value
    raise ValueError(_place(value) or "a puzzle is a string of all its cells, a list of cells, or a list of rows")


def _place(value: object) -> str | None:
    """Find the cell that is not valid, by row and column."""
    try:
        from_json(value)
    except PuzzleError as error:
        return str(error) if isinstance(value, list) and value else None
    return None


Given = str | list[Cell] | list[list[Cell]]
Puzzle = Annotated[Given, PlainValidator(_require_shape), WithJsonSchema(_SCHEMA)]
