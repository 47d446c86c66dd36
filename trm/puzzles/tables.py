"""Tables of puzzles: written as CSV, and read from any file that `trm.puzzles.reading` understands."""

import csv
import gzip
import io
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from pydantic import ValidationError

from trm.durable import sync
from trm.errors import DatasetError
from trm.puzzles import grids
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.raw_table import RawTable
from trm.puzzles.reading.rows import rows_of
from trm.puzzles.reading.text import open_text
from trm.puzzles.spec import DeclaredRules, Kind, PuzzleSpec

COLUMNS = ("source", "question", "answer", "rating")
SPLITS = ("train", "validation", "test")  # tables of a folder are called after them
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
    path.write_bytes(gzip.compress(table.getvalue().encode(), mtime=0))
    sync(path)


def find_rules(table: Path) -> DeclaredRules | None:
    """The rules that stand beside a table, `puzzles.rules.json` beside `puzzles.csv`, or for all tables of a folder `rules.json`."""
    stem = table.name.partition(".")[0]
    for name in (f"{stem}.rules.json", *(["rules.json"] if stem in SPLITS else ())):
        if (file := table.with_name(name)).is_file():
            return read_rules(file.read_bytes(), file.name)
    return None


def read_rules(text: str | bytes, source: str = "rules") -> DeclaredRules:
    """The rules of a JSON text; raises DatasetError saying what is wrong with them."""
    try:
        return DeclaredRules.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DatasetError(
            f"{source} cannot be used: {place + ': ' if place else ''}{first['msg'].removeprefix('Value error, ')}. "
            'Write {"rows": true, "columns": true, "regions": "AAB.."}, of which each may be left out.'
        ) from error


def _format_rating(rating: float) -> str:
    if math.isnan(rating):
        return ""
    return str(int(rating)) if rating.is_integer() else repr(rating)


def read_table(
    source: Path | IO[bytes],
    *,
    kind: Kind | None = None,
    spec: PuzzleSpec | None = None,
    rules: DeclaredRules | None = None,
    answers_required: bool = True,
) -> PuzzleSet:
    """Read CSV, JSON or boards (gzip or not); columns question and answer, optional source and rating.

    Without `kind` and `spec` they are told by all rows; `rules` are those that stand beside the table unless given. Every row is checked;
    raises DatasetError listing the bad ones by number.
    """
    if spec is None and rules is None and isinstance(source, Path):
        rules = find_rules(source)
    with open_text(source) as text:
        table = RawTable(rows_of(text), rules)
    kind = kind or (spec.kind if spec is not None else table.kind())
    return table.puzzles(kind, spec, answers_required=answers_required)


@dataclass(frozen=True)
class Row:
    """A puzzle as a table that `write_table` wrote holds it."""

    index: int  # from 0
    question: str
    answer: str | None  # None where none is known
    source: str | None
    rating: float | None


def rows_at(table: IO[bytes], places: Collection[int]) -> dict[int, Row]:
    """The rows at these places of a gzip CSV by `write_table`, read no further than the last of them."""
    with gzip.open(table, "rt", newline="", encoding="utf-8") as text:
        rows = enumerate(islice(csv.DictReader(text), max(places, default=-1) + 1))
        return {index: _row(index, fields) for index, fields in rows if index in places}


def _row(index: int, fields: Mapping[str, str]) -> Row:
    question, answer = fields["question"], fields["answer"]
    known = answer if answer.replace(grids.PADDING, "").strip() else None
    return Row(index, question, known, fields["source"] or None, float(fields["rating"]) if fields["rating"] else None)


def first_spec(path: Path) -> PuzzleSpec:
    """The shape told by a table's first rows; only for grids of other symbols the whole table is read."""
    with open_text(path) as text:
        table = RawTable(islice(rows_of(text), HEAD), find_rules(path))
    if table.kind() == "grid":
        return read_table(path, kind="grid").spec
    return table.puzzles(table.kind()).spec
