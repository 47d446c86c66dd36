"""`trm export`: a checkpoint as a folder to hand on."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint folder.")],
    out: Annotated[Path, typer.Option(help="Folder to create.")],
    dtype: Annotated[Literal["float32", "bfloat16"], typer.Option(help="What the weights are stored in.")] = "float32",
    with_program: Annotated[
        bool, typer.Option("--program", help="Also write step.pt2, a supervision step that torch alone can run.")
    ] = False,
    licence: Annotated[str, typer.Option(help="Of the weights, for the model card: apache-2.0, mit, ...")] = "unknown",
) -> None:
    """Write the weights that the solver uses, their configuration and a model card; every command accepts the folder."""
    from trm.interop.export import export as exported

    done = exported(checkpoint, out, dtype=dtype, with_program=with_program, licence=licence)
    Console(highlight=False).print(f"{done.bytes / 1e6:.2f} MB in {done.path}", soft_wrap=True)
