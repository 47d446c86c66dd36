"""Rows of a text: CSV with a header, JSON objects in lines or in an array, or boards without answers."""

import csv
from collections.abc import Iterator, Mapping
from itertools import chain
from typing import NamedTuple, TextIO

from trm.errors import DatasetError, PuzzleError, RowProblem
from trm.puzzles.reading.board_files import begins_board, boards
from trm.puzzles.reading.json_objects import json_objects

LONGEST_LINE = 1 << 20  # characters; a row of 64x64 cells has some 50,000
PIECE = 1 << 16  # characters that are read at once
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
NAMES = {  # how columns are called, in small letters
    "question": ("question", "questions", "quiz", "quizzes", "puzzle", "puzzles", "unsolved", "problem", "input"),
    "answer": ("answer", "answers", "solution", "solutions", "solved", "output", "label"),
    "source": ("source",),
    "rating": ("rating", "difficulty"),
    "regions": ("regions",),
}
FIELDS = {name: field for field, names in NAMES.items() for name in names}
WANTED = "Give the columns question and answer, or puzzle and solution, or quizzes and solutions"


class Row(NamedTuple):
    """A row as it was written, nothing checked; None for what it does not hold."""

    question: object
    answer: object
    source: object = None
    rating: object = None
    regions: object = None


def rows_of(text: TextIO) -> Iterator[Row]:
    """The rows one by one, as the text is read; raises DatasetError for a text in none of the forms, naming what was found."""
    lines = _lines(text)
    first = next((line for line in lines if line.strip()), None)
    if first is None:
        raise DatasetError("The file holds no puzzles.")
    if _opens_json(first):
        return _from_objects(json_objects(chain([first], iter(lambda: text.read(PIECE), ""))))
    separators: tuple[str, ...] = tuple(SEPARATORS)
    if first.strip(" \r\n").lower().startswith("sep="):  # as spreadsheets write it
        separators, first = (first.strip(" \r\n")[4:5] or ",",), next(lines, "")
    separator, columns = max(
        ((s, _split(first, s)) for s in separators), key=lambda found: (len(_fields(found[1])), len(found[1]))
    )
    if "question" in _fields(columns).values():
        return _from_table(_fields(columns), len(columns), csv.reader(lines, delimiter=separator))
    if begins_board(first):
        return (Row(board, None) for board in boards(chain([first], lines)))
    found = ", ".join(repr(column[:40]) for column in columns[:10])
    by = f", separated by {SEPARATORS.get(separator, repr(separator))}" if len(columns) > 1 else ""
    raise DatasetError(f"The first line has no known column for the question; found: {found}{by}. {WANTED}.")


def _opens_json(line: str) -> bool:
    """Whether JSON begins here; a board file may begin with `[Puzzle]`."""
    opening = line.strip()
    return opening[:1] == "{" or (opening[:1] == "[" and opening[1:].strip()[:1] in ("", "{", "[", "]"))


def _lines(text: TextIO) -> Iterator[str]:
    number = 0
    while line := text.readline(LONGEST_LINE):
        number += 1
        if len(line) == LONGEST_LINE:
            raise DatasetError(f"Line {number} has {LONGEST_LINE:,} characters or more. Write a row a line.")
        yield line


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=separator), [])
    except csv.Error:
        return [line]


def _fields(columns: list[str]) -> dict[int, str]:
    """Place of a column -> what it holds; of two with the same meaning the first counts."""
    found: dict[int, str] = {}
    for place, column in enumerate(columns):
        field = FIELDS.get(column.strip().lower())
        if field is not None and field not in found.values():
            found[place] = field
    return found


def _from_table(fields: dict[int, str], width: int, table: Iterator[list[str]]) -> Iterator[Row]:
    number, none = 0, width  # a place beyond the last column
    places = [{field: place for place, field in fields.items()}.get(f, none) for f in Row._fields]
    try:
        for number, cells in enumerate((cells for cells in table if cells), start=1):
            if len(cells) > width:
                problem = f"the row has {len(cells)} columns, the header {width}: quote cells that hold the separator"
                raise DatasetError(f"Row {number}: {problem}.", (RowProblem(number, PuzzleError.code, problem),))
            padded: list[str | None] = [*cells, *[None] * (width + 1 - len(cells))]
            yield Row(*(padded[place] for place in places))
    except csv.Error as error:
        raise DatasetError(f"Row {number + 1} is not CSV: {error}.") from error


def _from_objects(objects: Iterator[Mapping[str, object]]) -> Iterator[Row]:
    for number, document in enumerate(objects, start=1):
        by_name: dict[str, object] = {}
        for key, value in document.items():
            by_name.setdefault(FIELDS.get(key.strip().lower(), ""), value)
        if "question" not in by_name:
            found = f"found: {', '.join(map(repr, [*document][:10])) or 'no key'}"
            message = f"Row {number} has no known key for the question; {found}. {WANTED}."
            raise DatasetError(message, (RowProblem(number, PuzzleError.code, f"no known key; {found}"),))
        yield Row(*(by_name.get(field) for field in Row._fields))
