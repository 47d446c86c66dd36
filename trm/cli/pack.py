"""`trm pack` and `trm unpack`: a checkpoint in pieces of limited size."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trm.cli.options import AsJson
from trm.cli.service.printing import tell


def pack(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint folder, or a folder of them: then the newest.")],
    out: Annotated[Path, typer.Option(help="Folder to create.")],
    piece_mb: Annotated[float, typer.Option(min=0.001, help="Size of a piece, millions of bytes.")] = 15,
    light: Annotated[
        bool,
        typer.Option("--light", help="A fifth of the size, but continuing from it is not exact: no carry, no best."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Cut a checkpoint into numbered pieces with a manifest of their digests; `trm unpack` puts them together."""
    from trm.checkpoints.checkpoint import choose
    from trm.checkpoints.pack import MEGABYTE
    from trm.checkpoints.pack import pack as packed

    done = packed(choose(checkpoint), out, piece_bytes=round(piece_mb * MEGABYTE), light=light)
    shown = f"step {done.step:,} in {done.pieces} pieces, {done.bytes / 1e6:.2f} MB in {done.path}"
    tell(shown, asdict(done), as_json=as_json)


def unpack(
    pieces: Annotated[Path, typer.Argument(help="The folder that `trm pack` wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint.")] = Path("checkpoints"),
    as_json: AsJson = False,
) -> None:
    """Put a packed checkpoint together, every piece and file checked, whole or not at all."""
    from trm.checkpoints.pack import unpack as unpacked

    made = unpacked(pieces, out)
    tell(f"unpacked {made}", {"path": str(made)}, as_json=as_json)
