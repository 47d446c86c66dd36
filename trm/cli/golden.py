"""`trm golden`: compare this implementation with recorded outputs of the official one."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table


def golden(
    folder: Annotated[Path, typer.Argument(help="Folder of NAME.json and NAME.safetensors pairs.")],
    precision: Annotated[Literal["float32", "float64"], typer.Option(help="Arithmetic of our side.")] = "float64",
) -> None:
    """Print the largest relative error per quantity; exits 0 only if all are within tolerance."""
    import torch

    from trm.interop.golden import TOLERANCE, cases, compare

    table = Table("case", "quantity", "largest relative error", title=f"tolerance {TOLERANCE:g}", title_justify="left")
    passed = True
    for path in cases(folder):
        for comparison in compare(path, getattr(torch, precision)):
            mark = "" if comparison.passed else " [bold red]FAILED[/]"
            table.add_row(comparison.case, comparison.quantity, f"{comparison.error:.2e}{mark}")
            passed &= comparison.passed
    Console(highlight=False, width=None).print(table)
    raise typer.Exit(0 if passed else 1)
