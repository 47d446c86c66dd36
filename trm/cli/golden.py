"""`trm golden`: compare this implementation with recorded outputs of the official one."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trm.errors import TrmError


def golden(
    folder: Annotated[Path, typer.Argument(help="Folder of NAME.json and NAME.safetensors pairs.")],
    precision: Annotated[Literal["float32", "float64"], typer.Option(help="Arithmetic of our side.")] = "float64",
) -> None:
    """Print the largest relative error per quantity of every case; exits 0 only if all cases are represented and within tolerance."""
    import torch

    from trm.interop.golden import TOLERANCE, cases, compare

    table = Table("case", "quantity", "largest relative error", title=f"tolerance {TOLERANCE:g}", title_justify="left")
    failed: list[str] = []
    found = cases(folder)
    for path in found:
        try:
            compared = compare(path, getattr(torch, precision))
        except TrmError as error:
            table.add_row(path.stem, "[bold red]NOT COMPARED[/]", f"{escape(str(error))} [dim]\\[{error.code}][/]")
            failed.append(path.stem)
            continue
        for comparison in compared:
            mark = "" if comparison.passed else " [bold red]FAILED[/]"
            table.add_row(comparison.case, comparison.quantity, f"{comparison.error:.2e}{mark}")
        if not all(comparison.passed for comparison in compared):
            failed.append(path.stem)
    console = Console(highlight=False)
    console.print(table)
    console.print(
        f"{len(found) - len(failed)} of {len(found)} cases agree" + (f"; not: {', '.join(failed)}" if failed else "")
    )
    raise typer.Exit(1 if failed else 0)
