"""Finds data sets by name, whether they came with the code or were uploaded."""

import csv
import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.gateway.access.records import Records
from services.registry.errors import DatasetNotFound
from services.registry.runs import datasets
from trm.errors import UnknownDataset
from trm.puzzles.datasets.datasets import BUILTIN
from trm.puzzles.spec import PuzzleSpec
from trm.suggest import did_you_mean


@dataclass(frozen=True)
class Source:
    """A data set that a job can use; `url` is None for one that came with the code."""

    name: str
    url: str | None
    spec: PuzzleSpec
    splits: Mapping[str, int | None]  # puzzles in each; None for ARC

    @property
    def train_puzzles(self) -> int | None:
        """Puzzles to train on; None for ARC."""
        return self.splits.get("train")


def find_source(records: Records, id_or_name: str) -> Source:
    """The data set of this id or name; raises UnknownDataset."""
    if id_or_name in BUILTIN:
        return Source(id_or_name, None, BUILTIN[id_or_name].spec, split_sizes(id_or_name))
    try:
        row = records.ask(datasets.get, id_or_name)
    except DatasetNotFound as error:
        names, close = ", ".join(sorted(BUILTIN)), did_you_mean(id_or_name, BUILTIN)
        raise UnknownDataset(
            f"There is no data set {id_or_name!r}.{close} Built in: {names}; GET /v1/datasets lists uploaded ones too."
        ) from error
    return Source(row.name, row.url, PuzzleSpec.model_validate(row.spec), row.splits)


@cache
def split_sizes(name: str) -> dict[str, int | None]:
    """Puzzles in each split of a built-in data set; None for ARC, whose tasks become puzzles only when a training begins."""
    dataset = BUILTIN[name]
    is_table = dataset.spec.kind != "arc"
    return {split: _rows(dataset.path(split)) if is_table else None for split in dataset.splits}


def _rows(path: Path) -> int:
    with gzip.open(path, "rt", newline="") as table:
        return sum(1 for _ in csv.reader(table)) - 1  # the header
