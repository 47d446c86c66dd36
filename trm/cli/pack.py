"""`trm pack`: a checkpoint in pieces of limited size."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from trm.cli.options import AsJson
from trm.json_text import to_json


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
    if as_json:
        print(to_json({"path": str(done.path), "step": done.step, "pieces": done.pieces, "bytes": done.bytes}))
        return
    shown = f"step {done.step:,} in {done.pieces} pieces, {done.bytes / 1e6:.2f} MB in {done.path}"
    Console(highlight=False).print(shown, soft_wrap=True)
