"""`trm datasets`: the data sets that ship with the package."""

from rich.console import Console
from rich.table import Table

from trm.puzzles.datasets.datasets import BUILTIN, SPLITS, load


def datasets() -> None:
    """List the built-in data sets."""
    table = Table("data set", *SPLITS, "what", title="Data sets", title_justify="left")
    for name, dataset in BUILTIN.items():
        tables = (
            () if dataset.spec.kind == "arc" else dataset.splits
        )  # ARC is assembled from its tasks, in half a minute
        sizes = (f"{len(load(name, split)):,}" if split in tables else "-" for split in SPLITS)
        table.add_row(name, *sizes, dataset.summary)
    Console().print(table)
