"""Data sets: tables of questions and answers, read row by row, built in or brought along."""

import csv
import gzip
import io
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trm.config import Kind, PuzzleSpec
from trm.errors import ContradictoryGivens, DatasetError, PuzzleError, RowProblem, UnknownDataset
from trm.puzzles import arc, grids, hub, maze
from trm.puzzles.equivalence import apart
from trm.puzzles.rules import check, check_many
from trm.puzzles.sudoku import boxes_of, spec_for

DATA = Path(__file__).parent / "data"
SPLITS = ("train", "validation", "test")
COLUMNS = ("source", "question", "answer", "rating")
HEAD = 65_536  # bytes of a table that surely hold its first row
RATING = re.compile(r"-?[0-9]{1,9}")
ARC_ELSEWHERE = "ARC tasks are no tables of questions and answers: they are read with trm.puzzles.arc."


@dataclass(frozen=True)
class PuzzleSet:
    """Questions and answers of one shape, n of them."""

    spec: PuzzleSpec
    questions: NDArray[np.int32]  # (n, L)
    answers: NDArray[np.int32]  # (n, L)
    sources: tuple[str, ...] | None = None
    ratings: NDArray[np.int32] | None = None
    puzzle_ids: NDArray[np.int64] | None = None  # (n,) rows of the puzzle embedding table; all 0 for None

    def __len__(self) -> int:
        return len(self.questions)

    def take(self, limit: int | None) -> Self:
        """The first `limit` puzzles; all for None."""
        return self.select(np.arange(len(self))[:limit])

    def select(self, rows: NDArray[np.int64]) -> Self:
        """The puzzles at these places."""
        return replace(
            self,
            questions=self.questions[rows],
            answers=self.answers[rows],
            sources=None if self.sources is None else tuple(self.sources[i] for i in rows),
            ratings=None if self.ratings is None else self.ratings[rows],
            puzzle_ids=None if self.puzzle_ids is None else self.puzzle_ids[rows],
        )


@dataclass(frozen=True)
class BuiltinDataset:
    """A data set that ships with the package."""

    name: str
    summary: str
    licence: str
    spec: PuzzleSpec  # shape and alphabet

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that ship."""
        if self.spec.kind == "arc":
            return ("train", "test")  # assembled by trm.puzzles.arc_sets
        return tuple(split for split in SPLITS if (DATA / self.name / f"{split}.csv.gz").exists())

    def path(self, split: str) -> Path:
        """The file of a split; raises UnknownDataset when there is none."""
        _require_split(self.name, split, self.splits)
        return DATA / self.name / f"{split}.csv.gz"


BUILTIN: dict[str, BuiltinDataset] = {
    dataset.name: dataset
    for dataset in (
        BuiltinDataset(
            "sudoku-4x4", "4x4 Sudoku, generated; splits disjoint up to symmetry.", "Apache-2.0", spec_for(4)
        ),
        BuiltinDataset(
            "sudoku-6x6", "6x6 Sudoku, generated; splits disjoint up to symmetry.", "Apache-2.0", spec_for(6)
        ),
        BuiltinDataset(
            "sudoku-extreme-1k",
            "1,000 puzzles of Sudoku-Extreme to train on; 5,000 comparably hard forum puzzles to test on.",
            "see README.md of the data",
            spec_for(9),
        ),
        BuiltinDataset(
            "maze-hard",
            "Maze-Hard: 30x30 mazes with paths of 110 cells and more, 1,000 to train on and 1,000 to test on.",
            "see README.md of the data",
            maze.spec_for(30, 30),
        ),
        BuiltinDataset(
            "arc-1", "ARC-AGI-1 and ConceptARC; tested on the 400 evaluation tasks.", "Apache-2.0, MIT", arc.SPEC
        ),
        BuiltinDataset(
            "arc-2", "ARC-AGI-2 and ConceptARC; tested on the 120 evaluation tasks.", "Apache-2.0, MIT", arc.SPEC
        ),
    )
}


def builtin(name: str) -> BuiltinDataset:
    """The built-in data set of this name; raises UnknownDataset with the names there are."""
    if name not in BUILTIN:
        raise UnknownDataset(f"There is no data set {name!r}. Built in: {', '.join(sorted(BUILTIN))}.")
    return BUILTIN[name]


def spec_of(name: str | Path) -> PuzzleSpec:
    """The shape of a built-in data set, a saved folder, ARC tasks in files or one on the hub.

    Without reading whole tables where it can.
    """
    if _is_folder(name):
        return PuzzleSpec.model_validate(_manifest(Path(name))["spec"])
    if str(name) not in BUILTIN and Path(name).exists():
        return arc.SPEC  # a file or folder without a manifest can only hold ARC tasks
    return _hub_spec(str(name)) if hub.is_hub(name) else builtin(str(name)).spec


def splits_of(name: str | Path) -> tuple[str, ...]:
    """The splits of a built-in data set, a saved folder or one on the hub; raises UnknownDataset for other names."""
    if _is_folder(name):
        return tuple(_manifest(Path(name))["splits"])
    return hub.SPLITS if hub.is_hub(name) else builtin(str(name)).splits


def load(name: str | Path, split: str) -> PuzzleSet:
    """A split of a built-in data set, of a folder that `save_dataset` wrote, or of `hub:OWNER/NAME`.

    Raises UnknownDataset for other names and splits, DatasetError for tables that cannot be had or used.
    """
    _require_split(str(name), split, splits_of(name))
    spec = spec_of(name)
    if spec.kind == "arc":
        raise DatasetError(ARC_ELSEWHERE)
    return read_table(_table(name, split), kind=spec.kind, spec=spec)


def _table(name: str | Path, split: str) -> Path:
    if _is_folder(name):
        return Path(name) / str(_manifest(Path(name))["splits"][split])
    return hub.table(str(name), split) if hub.is_hub(name) else builtin(str(name)).path(split)


def _hub_spec(name: str) -> PuzzleSpec:
    """Told by the first training question; only for grids of other symbols all of them are read."""
    path = hub.table(name, "train")
    with path.open("rb") as file:
        head = file.read(HEAD).decode("utf-8-sig", errors="ignore")
    first = next(_rows(head), None)
    if first is None:
        raise DatasetError(f"train.csv of {name} holds no puzzles.")
    kind = hub.kind_of(str(first.get("question") or ""))
    return _inferred(kind, list(_rows(_decoded(path.read_bytes()))) if kind == "grid" else [first])


def save_dataset(folder: Path, name: str, splits: dict[str, PuzzleSet]) -> None:
    """Write tables and `dataset.json` beside `folder`, then rename into place: whole or not at all."""
    staging = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        staging.mkdir(parents=True)
        for split, puzzles in splits.items():
            write_table(staging / f"{split}.csv.gz", puzzles)
        spec = next(iter(splits.values())).spec
        manifest = {"name": name, "spec": spec.model_dump(mode="json"), "splits": {s: f"{s}.csv.gz" for s in splits}}
        (staging / "dataset.json").write_text(json.dumps(manifest))
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


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


def holdout(puzzles: PuzzleSet, share: float = 0.1, seed: int = 0, most: int = 1000) -> tuple[PuzzleSet, PuzzleSet]:
    """Training and test puzzles; none of one is equal to one of the other, nor equivalent for mazes and solved Sudokus."""
    classes = apart(puzzles.spec, puzzles.questions, puzzles.answers).tolist()
    order = np.random.default_rng(seed).permutation(len(puzzles))
    held = {classes[i] for i in order[: min(most, max(1, round(share * len(puzzles))))]}
    in_test = np.array([c in held for c in classes])
    if in_test.all():
        raise DatasetError("The file holds no two different puzzles, so that none can be held out for testing.")
    return puzzles.select(np.flatnonzero(~in_test)), puzzles.select(np.flatnonzero(in_test))


def _require_split(name: str, split: str, splits: tuple[str, ...]) -> None:
    if split not in splits:
        has = " and ".join((", ".join(splits[:-1]), splits[-1]) if splits[1:] else splits)
        raise UnknownDataset(f"The data set {name!r} has no split {split!r}; it has {has}.")


def _is_folder(name: str | Path) -> bool:
    return str(name) not in BUILTIN and (Path(name) / "dataset.json").is_file()


def _manifest(folder: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "dataset.json").read_text())
    return document


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
