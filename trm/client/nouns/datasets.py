"""Data sets: built in and uploaded."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Literal

from trm.client.api import ArcTask, Dataset, DatasetPuzzle
from trm.client.record import Page
from trm.client.transfers import OnBytes, Upload
from trm.client.transport import Noun
from trm.json_text import to_json


class Datasets(Noun):
    """`client.datasets`; a data set is given by its name or its id."""

    def list(self, *, page_size: int = 100) -> Iterator[Dataset]:
        """The built-in data sets, then uploaded ones, newest first."""
        return self._transport.list("listDatasets", Page[Dataset], page_size=page_size)

    def get(self, id_or_name: str) -> Dataset:
        """One data set."""
        return self._transport.ask("getDataset", Dataset, path={"id_or_name": id_or_name})

    def puzzles(
        self, id_or_name: str, *, split: Literal["train", "validation", "test"] = "test", page_size: int = 100
    ) -> Iterator[DatasetPuzzle]:
        """The puzzles of a split in the order of its table."""
        path, asked = {"id_or_name": id_or_name}, {"split": split}
        return self._transport.list(
            "listDatasetPuzzles", Page[DatasetPuzzle], path=path, params=asked, page_size=page_size
        )

    def sample(
        self, id_or_name: str, limit: int, *, seed: int, split: Literal["train", "validation", "test"] = "test"
    ) -> Page[DatasetPuzzle]:
        """At most 100 puzzles drawn by chance; the same ones for the same seed."""
        path, asked = {"id_or_name": id_or_name}, {"split": split, "seed": seed, "limit": limit}
        return self._transport.ask("listDatasetPuzzles", Page[DatasetPuzzle], path=path, params=asked)

    def tasks(
        self, id_or_name: str, *, split: Literal["train", "test"] = "test", page_size: int = 100
    ) -> Iterator[ArcTask]:
        """The tasks of an ARC data set by name, with their example pairs; other data sets have none."""
        path, asked = {"id_or_name": id_or_name}, {"split": split}
        return self._transport.list("listDatasetTasks", Page[ArcTask], path=path, params=asked, page_size=page_size)

    def upload(
        self,
        name: str,
        file: str | Path,
        *,
        kind: Literal["sudoku", "maze", "grid"] = "sudoku",
        rules: Mapping[str, Any] | None = None,
        test_file: str | Path | None = None,
        on_progress: OnBytes | None = None,
        idempotency_key: str | None = None,
    ) -> Dataset:
        """Send a table of puzzles (CSV, or JSON objects, gzip allowed), which is stored when every row is right.

        `rules` are those that answers obey besides those of the kind; `test_file` holds the held-out puzzles. `on_progress` takes
        the bytes that were sent so far and in all. Raises ApiError, whose `items` name the rows at fault, and OSError.
        """
        paths = {"file": Path(file)} | ({"test_file": Path(test_file)} if test_file else {})
        total, done = sum(path.stat().st_size for path in paths.values()), dict.fromkeys(paths, 0)

        def tell(field: str, sent: int) -> None:
            done[field] = sent
            if on_progress is not None:
                on_progress(sum(done.values()), total)

        form = {"name": name, "kind": kind} | ({} if rules is None else {"rules": to_json(rules)})
        with ExitStack() as stack:
            files = {
                field: (path.name, stack.enter_context(Upload(path, partial(tell, field))))
                for field, path in paths.items()
            }
            return self._transport.ask(
                "createDataset", Dataset, data=form, files=files, idempotency_key=idempotency_key
            )
