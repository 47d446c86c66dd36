"""`trm golden`: compare this implementation with recorded outputs of the official one."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trm.cli.options import AsJson
from trm.errors import TrmError
from trm.json_text import to_json

if TYPE_CHECKING:
    from trm.interop.golden import Comparison


def golden(
    folder: Annotated[Path, typer.Argument(help="Folder of NAME.json and NAME.safetensors pairs.")],
    precision: Annotated[Literal["float32", "float64"], typer.Option(help="Arithmetic of our side.")] = "float64",
    as_json: AsJson = False,
) -> None:
    """Print the largest relative error per quantity of every case; exits 0 only if all cases are represented and within tolerance."""
    import torch

    from trm.interop.golden import TOLERANCE, cases, compare

    compared: list[Comparison] = []
    refused: dict[str, TrmError] = {}
    paths = cases(folder)
    found = [path.stem for path in paths]
    for path in paths:
        try:
            compared += compare(path, getattr(torch, precision))
        except TrmError as error:
            refused[path.stem] = error
    agree = set(found) - {*refused} - {one.case for one in compared if not one.passed}
    failed = [name for name in found if name not in agree]
    if as_json:
        comparisons = [asdict(one) | {"passed": one.passed} for one in compared]
        messages = {name: str(error) for name, error in refused.items()}
        print(to_json({"cases": found, "failed": failed, "comparisons": comparisons, "refused": messages}))
    else:
        console = Console(highlight=False)
        console.print(_draw(compared, refused, f"tolerance {TOLERANCE:g}"))
        not_these = f"; not: {', '.join(failed)}" if failed else ""
        console.print(f"{len(agree)} of {len(found)} cases agree{not_these}")
    raise typer.Exit(1 if failed else 0)


def _draw(compared: "list[Comparison]", refused: dict[str, TrmError], title: str) -> Table:
    table = Table("case", "quantity", "largest relative error", title=title, title_justify="left")
    for one in compared:
        table.add_row(one.case, one.quantity, f"{one.error:.2e}{'' if one.passed else ' [bold red]FAILED[/]'}")
    for name, error in refused.items():
        table.add_row(name, "[bold red]NOT COMPARED[/]", f"{escape(str(error))} [dim]\\[{error.code}][/]")
    return table
