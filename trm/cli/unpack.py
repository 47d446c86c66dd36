"""`trm unpack`: the checkpoint that was cut into pieces."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def unpack(
    pieces: Annotated[Path, typer.Argument(help="The folder that `trm pack` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint.")] = Path("checkpoints"),
) -> None:
    """Put a packed checkpoint together, every piece and file checked, whole or not at all."""
    from trm.checkpoints.pack import unpack as unpacked

    Console(highlight=False).print(f"unpacked {unpacked(pieces, out)}", soft_wrap=True)
