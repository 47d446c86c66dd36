"""Puzzles of a data set's split, a few at a time: the next ones, or some drawn by chance."""

import random
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import IO

from services.gateway.access.records import Records
from services.gateway.lookups import dataset_lookup
from services.gateway.lookups.counted import count_page
from services.gateway.problems.errors import RequestInvalid
from services.registry.db.pages import Page
from services.registry.runs import datasets
from services.registry.storage.storage import Storage
from trm.puzzles.datasets.datasets import BUILTIN
from trm.puzzles.raw_table import ARC_ELSEWHERE
from trm.puzzles.tables import Row, rows_at


class Split:
    """The table of one split."""

    def __init__(self, records: Records, storage: Storage, id_or_name: str, split: str) -> None:
        """Raises DatasetNotFound, or RequestInvalid for a split that the data set has not."""
        self._storage, self.split = storage, split
        if id_or_name in BUILTIN:
            self.id, self._url, sizes = id_or_name, None, dataset_lookup.split_sizes(id_or_name)
        else:
            row = records.ask(datasets.get, id_or_name)
            self.id, self._url, sizes = row.id, row.url, row.splits
        if split not in sizes:
            raise RequestInvalid(f"{id_or_name} has no split {split!r}; it has {', '.join(sizes)}.", "split")
        if (size := sizes[split]) is None:
            raise RequestInvalid(ARC_ELSEWHERE, "id_or_name")
        self.size = size

    def page(self, cursor: str | None, limit: int) -> Page[Row]:
        """The next puzzles in the order of the table; raises InvalidCursor."""
        return count_page(f"puzzles of {self.id}/{self.split}", self.size, cursor, limit, self._rows)

    def sample(self, seed: int, limit: int) -> Page[Row]:
        """Some puzzles, the same for the same seed."""
        chosen = random.Random(seed).sample(range(self.size), min(limit, self.size))  # noqa: S311 - no secret
        return Page(self._rows(chosen), None)

    def _rows(self, places: Sequence[int]) -> list[Row]:
        with self._open() as table:
            found = rows_at(table, set(places))
        return [found[place] for place in places]

    def _open(self) -> AbstractContextManager[IO[bytes]]:
        if self._url is None:
            return BUILTIN[self.id].path(self.split).open("rb")
        return self._storage.open_file(self._url, f"{self.split}.csv.gz")
