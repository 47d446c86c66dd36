"""Data sets: what trainings learn from."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from pydantic import ConfigDict, Field

from services.gateway.schemas.base import Response
from services.registry.db import tables
from trm.puzzles.datasets.datasets import BuiltinDataset
from trm.puzzles.spec import Kind, PuzzleSpec


class SplitReport(Response):
    """What was found in one split."""

    searched: int = Field(
        description="Puzzles whose answers were searched for, from the first on, in the time there was."
    )
    ambiguous: int = Field(description="Of these, those with more than one answer: no model can know which is meant.")
    repeated: int = Field(description="Puzzles whose question stands in an earlier row.")
    equivalent: int = Field(description="Puzzles that a symmetry of their kind turns into an earlier one.")
    unused_symbols: list[str] = Field(description="Symbols of the alphabet in no grid.")


class DatasetReport(Response):
    """What was found when a data set was uploaded: none of it is an error, all of it matters for a score."""

    clean: bool = Field(description="Whether nothing was found that spoils a training or a score.")
    findings: list[str] = Field(description="All findings in words, what matters most first.")
    splits: dict[str, SplitReport]
    presets: list[str] = Field(description="Presets that were made for puzzles of this kind and size.")


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
    name: str = Field(description="What training jobs call it.")
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
        return cls(
            id=row.id,
            name=row.name,
            builtin=False,
            kind=spec.kind,
            puzzle=spec,
            splits=row.splits,
            overlap=row.overlap,
            report=None if row.report is None else DatasetReport.model_validate(row.report),
            sha256=row.sha256,
            created_at=row.created_at,
        )

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
