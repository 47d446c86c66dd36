"""Boards: the cells of one grid as they were written, before their symbols mean anything."""

import ast
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import isqrt
from numbers import Integral

from trm.errors import PuzzleError, UnknownSymbol, WrongGridSize
from trm.puzzles.reading.drawings import undrawn
from trm.puzzles.regions import is_jigsaw, name_regions
from trm.puzzles.spec import Kind

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,8})")
PLAIN = re.compile(r"[0-9A-Za-z._*?-]+")
BLANK_MARKS = "._*?-xX0"  # of Sudokus
SEPARATORS = ",;\t "
SMALLEST_JIGSAW = 4  # rows and columns


@dataclass(frozen=True, slots=True)
class Board:
    """One character a cell, row by row; or words, where integers have several digits."""

    cells: Sequence[str]
    shape: tuple[int, int] | None = None  # rows and columns, where the writing tells them
    regions: str | None = None  # of a jigsaw Sudoku that was written with them, a letter a cell


def from_json(given: object) -> Board:
    """The board of a list of cells, of rows, or of rows as text; raises PuzzleError naming row and column of what is not a cell."""
    if not isinstance(given, list | tuple) or not given:
        raise PuzzleError("the value is missing" if given is None else "the value is neither text nor a list of cells")
    if not _has_rows(given):
        return Board(_pack([_cell(value, 1, column) for column, value in enumerate(given, start=1)]))
    rows = [_row(row, number) for number, row in enumerate(given, start=1)]
    width = len(rows[0])
    for number, cells in enumerate(rows, start=1):
        if len(cells) != width or not width:
            raise WrongGridSize(f"Row {number} has {len(cells)} cells, row 1 has {width}.")
    return Board(_pack([cell for cells in rows for cell in cells]), (len(rows), width))


def _has_rows(given: Sequence[object]) -> bool:
    """Rows are lists, or texts of one length; numbers of several digits in a text are cells."""
    if any(isinstance(row, list | tuple) for row in given):
        return True
    lengths = {len(row) for row in given if isinstance(row, str)}
    if max(lengths, default=0) <= 1:
        return False
    return len(lengths) == 1 or not all(isinstance(row, int) or INTEGER.fullmatch(str(row)) for row in given)


def _row(row: object, number: int) -> list[str]:
    if isinstance(row, str):
        return list(row)
    if not isinstance(row, list | tuple):
        raise PuzzleError(f"Row {number} is not a list of cells: {_quote(row)}.")
    return [_cell(value, number, column) for column, value in enumerate(row, start=1)]


def _cell(value: object, row: int, column: int) -> str:
    if value is None:
        return ""
    if isinstance(value, Integral) and not isinstance(value, bool):
        return str(int(value))
    if isinstance(value, str) and (len(value) <= 1 or INTEGER.fullmatch(value)):
        return value
    raise UnknownSymbol(
        f"Row {row}, column {column} holds {_quote(value)}. A cell is an integer or one character; write numbers without a point."
    )


def _quote(value: object) -> str:
    try:
        return json.dumps(value)[:40]
    except (TypeError, ValueError):
        return repr(value)[:40]


def _pack(cells: list[str]) -> Sequence[str]:
    """One string where every cell has one character: a byte a cell."""
    return "".join(cells) if all(len(cell) == 1 for cell in cells) else tuple(cells)


def parse_list(text: str) -> Board | None:
    """The board of a list that was written into a text, by JSON or by Python; None for a text that begins like none.

    Raises PuzzleError for one that begins like a list and is none.
    """
    start = text.lstrip()
    if start[:1] != "[" or start[1:2].isalpha():
        return None
    readers: tuple[Callable[[str], object], ...] = (json.loads, ast.literal_eval)
    for read in readers:
        try:
            return from_json(read(start))
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
            continue
    raise PuzzleError(f"the text begins like a list, but is neither JSON nor Python: {text[:40]!r}")


def from_text(text: str, kind: Kind, separator: str | None = None, cells: int | None = None) -> Board:
    """The board of a text; `separator` stands between the cells of a line, and `cells` are expected, where that is known."""
    text = text.lstrip("\ufeff").strip("\r\n")
    if kind == "sudoku":
        return _split_regions(_sudoku(text, cells))
    lines = lines_of(text)
    if separator is not None:
        rows = [_split_line(line, separator) for line in lines]
    else:
        width = max((len(line) for line in lines), default=0)
        rows = [list(line.ljust(width)) if kind == "maze" or " " in text else list(line) for line in lines]
    flat = [cell for row in rows for cell in row]
    if len(rows) == 1:
        lost = 0 if cells is None else cells - len(flat)
        if kind == "maze" and flat and flat[-1] != " " and 0 < lost <= len(flat) ** 0.5:
            flat += " " * lost  # editors strip blanks at the end; more than about a row of them is another fault
        return Board(_pack(flat))
    for number, row in enumerate(rows, start=1):
        if len(row) != len(rows[0]):
            raise WrongGridSize(f"Line {number} has {len(row)} cells, line 1 has {len(rows[0])}.")
    return Board(_pack(flat), (len(rows), len(rows[0])) if rows else None)


def _split_regions(board: Board) -> Board:
    """A jigsaw is written as its cells and then a letter or digit for the region of every cell: 81 and 81 for 9x9."""
    if not is_jigsaw_length(len(board.cells)) or any(len(cell) != 1 for cell in board.cells):
        return board
    half = len(board.cells) // 2
    side = isqrt(half)
    try:
        regions = name_regions("".join(board.cells[half:]))
    except ValueError:
        regions = ""
    if not is_jigsaw(regions, side):
        raise WrongGridSize(
            f"The grid has {2 * half} cells, as a {side}x{side} jigsaw with its regions has; but the second half does not name "
            f"{side} regions of {side} cells each."
        )
    return Board(board.cells[:half], regions=regions)


def is_jigsaw_length(length: int) -> bool:
    """Whether a text of so many cells can be a jigsaw with its regions: no square is twice another one, so that it is nothing else."""
    side = isqrt(length // 2)
    return 2 * side * side == length and side >= SMALLEST_JIGSAW


def separators_of(text: str) -> set[str]:
    """The characters of which one stands between all cells of every line of a text."""
    lines = lines_of(text.strip("\r\n"))
    return {s for s in SEPARATORS if lines and all(_is_separated(line, s) for line in lines)}


def _is_separated(line: str, separator: str) -> bool:
    cells = _split_line(line, separator)
    return len(cells) > 1 and all(len(cell) == 1 or INTEGER.fullmatch(cell) for cell in cells)


def _split_line(line: str, separator: str) -> list[str]:
    words = line.split() if separator == " " else []
    if any(len(word) > 1 for word in words) and all(INTEGER.fullmatch(word) for word in words):
        return words  # numbers in columns of one width
    return [cell.strip() for cell in line.strip().split(separator)]


def lines_of(text: str) -> list[str]:
    """The lines of a text; unlike `splitlines`, no other character than an end of line ends one."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _sudoku(text: str, expected: int | None) -> Board:
    """White space and drawing between cells means nothing, unless the blanks are blank cells."""
    if PLAIN.fullmatch(text):
        return Board(text)
    lines = [line.rstrip() for line in undrawn(text).split("\n")]
    separator = next((s for s in ",;\t" if any(s in line for line in lines)), None)
    if separator is not None:
        return Board(_pack([cell or "." for line in lines for cell in _split_line(line, separator)]))
    words = [word for line in lines for word in line.split()]
    if _are_integers(words):
        return Board(tuple(words))
    compact = "".join(words)
    spaced = _blanks_as_cells(lines, compact, expected)
    return Board(compact if spaced is None else spaced)


def _are_integers(words: list[str]) -> bool:
    """Whether words are the numbers of a large Sudoku: as many as cells, and some above nine."""
    side = round(len(words) ** 0.5)
    return (
        side > 9
        and side * side == len(words)
        and any(len(word) > 1 for word in words)
        and all(len(word) == 1 or INTEGER.fullmatch(word) for word in words)
    )


def _blanks_as_cells(lines: list[str], compact: str, expected: int | None) -> str | None:
    """The cells where empty ones are written as blanks: no other mark for them occurs, and the lines fit a square."""
    if set(compact) & set(BLANK_MARKS) or not any(" " in line for line in lines):
        return None
    lengths = {len(word) for line in lines for word in line.split()}
    if len(lengths) == 1 and max(lengths) > 1:
        return None  # groups of digits
    side = len(lines) if len(lines) > 1 else None
    if side is not None:
        if max(map(len, lines)) > side or len(compact) == side * side:
            return None
        return "".join(line.ljust(side) for line in lines)
    size = expected or round(len(lines[0]) ** 0.5) ** 2
    fits = len(lines[0]) <= size if expected is not None else len(lines[0]) == size
    return lines[0].ljust(size) if fits and len(compact) < size else None
