"""`trm unpack`: the checkpoint that was cut into pieces."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trm.cli.options import AsJson
from trm.json_text import to_json


def unpack(
    pieces: Annotated[Path, typer.Argument(help="The folder that `trm pack` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint.")] = Path("checkpoints"),
    as_json: AsJson = False,
) -> None:
    """Put a packed checkpoint together, every piece and file checked, whole or not at all."""
    from trm.checkpoints.pack import unpack as unpacked

    made = unpacked(pieces, out)
    if as_json:
        print(to_json({"path": str(made)}))
        return
    Console(highlight=False).print(f"unpacked {made}", soft_wrap=True)
