"""What data sets hold, a few at a time: the next puzzles of a split, some drawn by chance, or the next ARC tasks."""

import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import IO, TypeVar

from services.gateway.access.records import Records
from services.gateway.lookups import dataset_lookup
from services.gateway.problems.errors import RequestInvalid
from services.registry.db.pages import Page, decode_place, encode_cursor
from services.registry.runs import datasets
from services.registry.storage.storage import Storage
from trm.puzzles.arc.sets import RECIPES
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import Task
from trm.puzzles.datasets.datasets import BUILTIN
from trm.puzzles.raw_table import ARC_ELSEWHERE
from trm.puzzles.tables import Row, rows_at

SUBSETS = {"train": "training", "test": "evaluation"}  # of ARC
T = TypeVar("T")


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
        return _count_page(f"puzzles of {self.id}/{self.split}", self.size, cursor, limit, self._rows)

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


def arc_tasks(records: Records, id_or_name: str, split: str, cursor: str | None, limit: int) -> Page[Task]:
    """The next tasks of an ARC data set by name; none of a data set of tables. Raises DatasetNotFound or InvalidCursor."""
    if id_or_name not in BUILTIN:
        records.ask(datasets.get, id_or_name)
    tasks = load_shipped(RECIPES[id_or_name])[SUBSETS[split]] if id_or_name in RECIPES else ()
    where = f"tasks of {id_or_name}/{split}"
    return _count_page(where, len(tasks), cursor, limit, lambda places: [tasks[place] for place in places])


def _count_page(
    where: str, size: int, cursor: str | None, limit: int, read: Callable[[Sequence[int]], list[T]]
) -> Page[T]:
    """The next entries of the list named `where`, which never changes, read by their places; raises InvalidCursor."""
    first = 0 if cursor is None else decode_place(where, cursor)
    last = min(first + limit, size)
    return Page(read(range(first, last)), encode_cursor(where, [last]) if last < size else None)
