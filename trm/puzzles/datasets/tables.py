"""Tables of puzzles, CSV or JSON lines: written, and read row by row with every row checked."""

import csv
import gzip
import io
import json
import os
import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trm.errors import ContradictoryGivens, DatasetError, PuzzleError, RowProblem
from trm.puzzles import grids, maze
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.rules import check, check_many
from trm.puzzles.spec import Kind, PuzzleSpec
from trm.puzzles.sudoku import boxes_of, spec_for

COLUMNS = ("source", "question", "answer", "rating")
HEAD = 65_536  # bytes of a table that surely hold its first row
RATING = re.compile(r"-?[0-9]{1,9}")
ARC_ELSEWHERE = "ARC tasks are no tables of questions and answers: they are read with trm.puzzles.arc.files."


def write_table(path: Path, puzzles: PuzzleSet) -> None:
    """A gzip CSV with the columns source, question, answer, rating; the same puzzles give the same bytes."""
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for i in range(len(puzzles)):
        source = puzzles.sources[i] if puzzles.sources else ""
        rating = "" if puzzles.ratings is None else int(puzzles.ratings[i])
        question, answer = (grids.text(puzzles.spec, grid[i]) for grid in (puzzles.questions, puzzles.answers))
        writer.writerow((source, question, answer, rating))
    data = gzip.compress(table.getvalue().encode(), mtime=0)
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def read_table(
    source: Path | IO[bytes], *, kind: Kind, spec: PuzzleSpec | None = None, answers_required: bool = True
) -> PuzzleSet:
    """Read CSV or JSONL (gzip or not); columns question and answer, optional source and rating.

    Without `spec` the shape is inferred. Every row is checked; raises DatasetError listing the bad ones by number.
    """
    data = source.read_bytes() if isinstance(source, Path) else source.read()
    table = list(_rows(_decoded(data)))
    if not table:
        raise DatasetError("The file holds no puzzles.")
    spec = spec or _inferred(kind, table)
    tokens, problems = _tokens(spec, table, ("question", "answer") if answers_required else ("question",))
    if problems:
        raise DatasetError(f"{len(problems)} of {len(table)} rows cannot be used.", tuple(problems))
    questions, answers = tokens["question"], tokens.get("answer", tokens["question"])
    if answers_required:
        _require_right(spec, questions, answers)
    ratings = [str(row.get("rating") or "") for row in table]
    return PuzzleSet(
        spec,
        questions,
        answers,
        tuple(str(row.get("source") or "") for row in table),
        np.array([int(r) for r in ratings], dtype=np.int32) if all(map(RATING.fullmatch, ratings)) else None,
    )


def first_spec(path: Path, kind_of: Callable[[str], Kind]) -> PuzzleSpec:
    """The shape told by a table's first question; only for grids of other symbols the whole table is read.

    Raises DatasetError for an empty table.
    """
    with path.open("rb") as file:
        head = file.read(HEAD).decode("utf-8-sig", errors="ignore")
    first = next(_rows(head), None)
    if first is None:
        raise DatasetError(f"{path.name} holds no puzzles.")
    kind = kind_of(str(first.get("question") or ""))
    return _inferred(kind, list(_rows(_decoded(path.read_bytes()))) if kind == "grid" else [first])


def _decoded(data: bytes) -> str:
    try:
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DatasetError(f"The file is neither UTF-8 text nor gzip of it: {error}.") from error


def _rows(content: str) -> Iterator[dict[str, Any]]:
    if content.lstrip().startswith("{"):
        yield from _json_rows(content)
        return
    reader = csv.DictReader(io.StringIO(content))
    try:
        if "question" not in (reader.fieldnames or ()):
            raise DatasetError(
                "A CSV needs a header with the columns question and answer; a JSONL line is an object with them."
            )
        yield from reader
    except csv.Error as error:
        raise DatasetError(f"Line {reader.line_num + 1} is not CSV: {error}.") from error


def _json_rows(content: str) -> Iterator[dict[str, Any]]:
    for number, line in enumerate((line for line in content.split("\n") if line.strip()), start=1):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            problem = RowProblem(number, "puzzle_invalid", f"not JSON: {error}")
            raise DatasetError(f"Row {number} is not JSON.", (problem,)) from error
        if not isinstance(row, dict):
            raise DatasetError(
                f"Row {number} is not an object.", (RowProblem(number, "puzzle_invalid", "not an object"),)
            )
        yield row


def _inferred(kind: Kind, table: list[dict[str, Any]]) -> PuzzleSpec:
    if kind == "arc":
        raise DatasetError(ARC_ELSEWHERE)
    shape = _shape(table[0].get("question"))
    if kind == "sudoku":
        return _inferred_sudoku(shape, table[0].get("answer"))
    symbols = maze.SYMBOLS if kind == "maze" else _symbols(table)
    if kind == "maze" and shape[0] == 1:
        raise DatasetError("A maze in one line must be square. Put every row on a line of its own, or give a list.")
    try:
        return PuzzleSpec(kind=kind, rows=shape[0], cols=shape[1], symbols=symbols)
    except ValidationError as error:
        limits = f"The grids are {shape[0]}x{shape[1]} with {len(symbols)} symbols"
        raise DatasetError(f"{limits}; 64x64 with 4096 symbols is the most.") from error


def _inferred_sudoku(shape: tuple[int, int], answer: object) -> PuzzleSpec:
    """The boxes are those that the first answer obeys: 6x6 grids may have boxes of 2x3 or of 3x2."""
    if shape[0] != shape[1]:
        raise DatasetError(f"The first question is {shape[0]}x{shape[1]}; a Sudoku is square.")
    try:
        specs = [spec_for(shape[0], box) for box in boxes_of(shape[0])] or [spec_for(shape[0])]
    except PuzzleError as error:
        raise DatasetError(str(error)) from error
    return next((spec for spec in specs if _obeys(spec, answer)), specs[0])


def _obeys(spec: PuzzleSpec, answer: object) -> bool:
    try:
        tokens = grids.parse(spec, answer if isinstance(answer, str | list) else "")
    except PuzzleError:
        return False
    return bool(check(spec, tokens, tokens))


def _symbols(table: list[dict[str, Any]]) -> tuple[str, ...]:
    """The symbols of all grids in order."""
    symbols = {cell for row in table for field in ("question", "answer") for cell in _flat(row.get(field))}
    if len(symbols) < 2:
        raise DatasetError("The grids hold fewer than two different symbols.")
    _require_writable(symbols)
    return tuple(sorted(symbols))


def _require_writable(symbols: Collection[str]) -> None:
    """Symbols must survive being written as text: one character each, or words that blanks can separate."""
    words = any(len(symbol) != 1 for symbol in symbols)
    for symbol in symbols:
        if any(c in "\0\r\n" for c in symbol) or (words and symbol.split() != [symbol]):
            raise DatasetError(
                f"The symbol {symbol!r} cannot be stored. Use one visible character, or words without blanks."
            )


def _flat(grid: object) -> list[str]:
    if isinstance(grid, str):
        return list(grid.replace("\r", "").replace("\n", ""))
    rows = grid if isinstance(grid, list) else []
    return [str(cell) for row in rows for cell in (row if isinstance(row, list | str) else [row])]


def _shape(grid: object) -> tuple[int, int]:
    if isinstance(grid, list):
        return len(grid), len(grid[0]) if grid and isinstance(grid[0], list | str) else 1
    lines = str(grid or "").strip("\r\n").splitlines()
    if len(lines) > 1:
        return len(lines), len(lines[0])
    side = round(len(lines[0]) ** 0.5) if lines else 0
    return (side, side) if lines and side * side == len(lines[0]) else (1, len(lines[0]) if lines else 0)


def _tokens(
    spec: PuzzleSpec, table: list[dict[str, Any]], fields: tuple[str, ...]
) -> tuple[dict[str, NDArray[np.int32]], list[RowProblem]]:
    problems: list[RowProblem] = []
    columns = {}
    for field in fields:
        values = [row.get(field) for row in table]
        fast = _lookup(spec, values)
        columns[field] = fast if fast is not None else _one_by_one(spec, field, values, problems)
    return columns, sorted(problems, key=lambda problem: problem.row)


def _lookup(spec: PuzzleSpec, values: list[Any]) -> NDArray[np.int32] | None:
    """All rows at once, when each is a plain string of the right length made of known one-character symbols."""
    if not all(isinstance(v, str) and len(v) == spec.cells and v.isascii() for v in values):
        return None
    if not all(len(s) == 1 and s.isascii() for s in spec.symbols):
        return None
    table = np.full(128, -1, dtype=np.int32)
    for token, symbol in enumerate(spec.symbols, start=1):
        table[ord(symbol)] = token
    aliases = {"sudoku": ("0_", 1), "maze": ("._", 2)}.get(spec.kind, ("", 0))
    table[[ord(alias) for alias in aliases[0]]] = aliases[1]
    tokens = table[np.frombuffer("".join(values).encode("ascii"), dtype=np.uint8)].reshape(len(values), spec.cells)
    return None if (tokens < 0).any() else tokens


def _one_by_one(spec: PuzzleSpec, field: str, values: list[Any], problems: list[RowProblem]) -> NDArray[np.int32]:
    tokens = np.zeros((len(values), spec.cells), dtype=np.int32)
    for number, value in enumerate(values, start=1):
        try:
            if not isinstance(value, str | list):
                raise PuzzleError("the value is missing" if value is None else "the value is neither text nor a list")
            tokens[number - 1] = grids.parse(spec, value)
        except PuzzleError as error:
            problems.append(RowProblem(number, error.code, f"{field}: {error}"))
    return tokens


def _require_right(spec: PuzzleSpec, questions: NDArray[np.int32], answers: NDArray[np.int32]) -> None:
    verdicts = check_many(spec, questions, answers)
    if verdicts is None or verdicts.all():
        return
    problems = [
        RowProblem(int(i) + 1, ContradictoryGivens.code, "the answer breaks the rules or does not keep the givens")
        for i in np.flatnonzero(~verdicts)
    ]
    raise DatasetError(f"{len(problems)} of {len(questions)} rows hold an answer that is not one.", tuple(problems))
