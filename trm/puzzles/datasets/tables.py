"""Tables of puzzles: written as CSV, and read from any file that `trm.puzzles.reading` understands."""

import csv
import gzip
import io
import math
import os
from itertools import islice
from pathlib import Path
from typing import IO

from trm.puzzles import grids
from trm.puzzles.datasets.raw_table import RawTable
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.reading.rows import rows_of
from trm.puzzles.reading.text import open_text
from trm.puzzles.spec import Kind, PuzzleSpec

COLUMNS = ("source", "question", "answer", "rating")
HEAD = 500  # rows that tell the kind of a table that is too large to read twice


def write_table(path: Path, puzzles: PuzzleSet) -> None:
    """A gzip CSV with the columns source, question, answer, rating; the same puzzles give the same bytes."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for i in range(len(puzzles)):
        source = puzzles.sources[i] if puzzles.sources else ""
        rating = "" if puzzles.ratings is None else _format_rating(float(puzzles.ratings[i]))
        question, answer = (grids.text(puzzles.spec, grid[i]) for grid in (puzzles.questions, puzzles.answers))
        writer.writerow((source, question, answer, rating))
    data = gzip.compress(table.getvalue().encode(), mtime=0)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _format_rating(rating: float) -> str:
    if math.isnan(rating):
        return ""
    return str(int(rating)) if rating.is_integer() else repr(rating)


def read_table(
    source: Path | IO[bytes], *, kind: Kind | None = None, spec: PuzzleSpec | None = None, answers_required: bool = True
) -> PuzzleSet:
    """Read CSV, JSON or boards (gzip or not); columns question and answer, optional source and rating.

    Without `kind` and `spec` they are told by all rows. Every row is checked; raises DatasetError listing the bad ones by number.
    """
    with open_text(source) as text:
        table = RawTable(rows_of(text))
    kind = kind or (spec.kind if spec is not None else table.kind())
    return table.puzzles(kind, spec, answers_required=answers_required)


def first_spec(path: Path) -> PuzzleSpec:
    """The shape told by a table's first rows; only for grids of other symbols the whole table is read."""
    with open_text(path) as text:
        table = RawTable(islice(rows_of(text), HEAD))
    if table.kind() == "grid":
        return read_table(path, kind="grid").spec
    return table.puzzles(table.kind()).spec
