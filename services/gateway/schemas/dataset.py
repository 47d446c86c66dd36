"""Data sets: what trainings learn from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import ConfigDict, Field

from services.gateway.schemas.base import Response
from services.registry.db import tables
from trm.puzzles.arc_grids import Grid, Pair, Task
from trm.puzzles.datasets.datasets import BuiltinDataset
from trm.puzzles.spec import Kind, PuzzleSpec


class SplitReport(Response):
    """Findings in one split."""

    searched: int = Field(
        description="Puzzles, from the first on, whose answers were searched for within the time limit."
    )
    ambiguous: int = Field(description="Of these, those with more than one answer: no model can know which is meant.")
    repeated: int = Field(description="Puzzles whose question repeats an earlier row.")
    equivalent: int = Field(description="Puzzles equivalent to an earlier one by a symmetry.")
    unused_symbols: list[str] = Field(description="Symbols of the alphabet that no grid uses.")


class DatasetReport(Response):
    """What was found when a data set was uploaded: none of it is an error, all of it matters for a score."""

    clean: bool = Field(description="Whether nothing was found that would distort a training or a score.")
    findings: list[str] = Field(description="All findings in words, what matters most first.")
    splits: dict[str, SplitReport]
    presets: list[str] = Field(description="Presets that were made for puzzles of this kind and size.")


class DatasetPuzzle(Response):
    """One puzzle of a split, in the symbols of its data set, as a solve job takes it."""

    model_config = ConfigDict(
        from_attributes=True,
        json_schema_extra={
            "examples": [
                {
                    "index": 0,
                    "question": "...4....2....4.3",
                    "answer": "3214413223411423",
                    "source": "easy",
                    "rating": 1.5,
                }
            ]
        },
    )

    index: int = Field(description="Its row in the table, from 0.")
    question: str
    answer: str | None = Field(description="Null where none is known.")
    source: str | None
    rating: float | None = Field(description="How hard it is, by the scale of its source.")


class ArcPair(Response):
    """A question and its answer: rows of digits, which are colours."""

    question: list[str]
    answer: list[str]

    @classmethod
    def of(cls, pair: Pair) -> Self:
        """The pair as text."""
        return cls(question=_rows(pair.question), answer=[] if pair.answer is None else _rows(pair.answer))


class ArcTask(Response):
    """An ARC task: example pairs that show a rule, and test pairs that ask for it."""

    name: str
    train: list[ArcPair]
    test: list[ArcPair]

    @classmethod
    def of(cls, task: Task) -> Self:
        """The task as text."""
        return cls(name=task.name, train=[*map(ArcPair.of, task.train)], test=[*map(ArcPair.of, task.test)])


def _rows(grid: Grid) -> list[str]:
    return ["".join(map(str, row)) for row in grid.tolist()]


class Dataset(Response):
    """A data set, built in or uploaded."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "ds_01934e0c5f3b7c2aa1b2c3d4e5f60718",
                    "name": "my-sudokus",
                    "builtin": False,
                    "kind": "sudoku",
                    "puzzle": {
                        "kind": "sudoku",
                        "rows": 4,
                        "cols": 4,
                        "symbols": [".", "1", "2", "3", "4"],
                        "box": [2, 2],
                    },
                    "splits": {"train": 900, "test": 100},
                    "overlap": 0,
                    "report": {
                        "clean": False,
                        "findings": [
                            "No test puzzle is equivalent to a training puzzle.",
                            "train: 3 puzzles with more than one answer: rows 4, 17, 80.",
                        ],
                        "splits": {
                            split: {"searched": n, "ambiguous": a, "repeated": 0, "equivalent": 0, "unused_symbols": []}
                            for split, n, a in (("train", 200, 3), ("test", 100, 0))
                        },
                        "presets": ["sudoku-4x4"],
                    },
                    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                    "created_at": "2026-11-23T12:00:00Z",
                }
            ]
        }
    )

    id: str = Field(description="Id of an uploaded data set; a built-in one's id is its name.")
    name: str = Field(description="Name to use in training jobs.")
    builtin: bool
    summary: str | None = None
    licence: str | None = None
    kind: Kind
    puzzle: PuzzleSpec = Field(description="Shape and symbols of its puzzles.")
    splits: dict[str, int | None] = Field(
        description="Puzzles in each split; null for ARC. Without a `validation` split, a tenth of the training puzzles is held "
        "out for it. `test` is answered once, at the end of a training."
    )
    overlap: int | None = Field(
        default=None,
        description="Test puzzles that are equivalent to a training puzzle, as far as this could be determined within seconds: a score on "
        "them flatters. Null for built-in data sets.",
    )
    report: DatasetReport | None = Field(
        default=None,
        description="What was found when it was uploaded; null for built-in data sets, and for those uploaded before.",
    )
    sha256: str | None = Field(default=None, description="Digest of the stored tables.")
    created_at: datetime | None = None

    @classmethod
    def of(cls, row: tables.Dataset) -> Self:
        """The uploaded data set of this row."""
        spec = PuzzleSpec.model_validate(row.spec)
        return cls.from_row(row, builtin=False, summary=None, licence=None, puzzle=spec)

    @classmethod
    def of_builtin(cls, dataset: BuiltinDataset, splits: Mapping[str, int | None]) -> Self:
        """A data set that came with the code, and how many puzzles its splits have."""
        return cls(
            id=dataset.name,
            name=dataset.name,
            builtin=True,
            summary=dataset.summary,
            licence=dataset.licence,
            kind=dataset.spec.kind,
            puzzle=dataset.spec,
            splits=dict(splits),
        )
