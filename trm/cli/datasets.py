"""`trm datasets`: the data sets that ship with the package."""

from rich.console import Console
from rich.table import Table

from trm.puzzles.datasets import BUILTIN, load


def datasets() -> None:
    """List the built-in data sets."""
    table = Table("data set", "train", "test", "what", title="Data sets", title_justify="left")
    for name, dataset in BUILTIN.items():
        table.add_row(name, f"{len(load(name, 'train')):,}", f"{len(load(name, 'test')):,}", dataset.summary)
    Console().print(table)
