"""`trm models`: the models that ship with the package."""

from rich.console import Console
from rich.table import Table

from trm.interface.pretrained import names, pretrained


def models() -> None:
    """List the shipped models with what was measured of them; `--model NAME` of other commands takes one."""
    table = Table("model", "puzzles", "parameters", "MB", "one pass", "verified, thinking harder", title="Models")
    for name in names():
        model = pretrained(name)
        puzzle, measured = model.config.puzzle, model.measured
        harder = measured.harder
        table.add_row(
            name,
            f"{puzzle.rows}x{puzzle.cols} {puzzle.kind}",
            f"{model.parameters:,}",
            f"{model.bytes / 1e6:.2f}",
            str(measured.exact),
            "-" if harder is None or harder.verified is None else f"{harder.verified:,} of {harder.exact.n:,}",
        )
    Console().print(table)
