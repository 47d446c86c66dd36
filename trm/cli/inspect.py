"""`trm inspect`: what a checkpoint is, or which presets there are."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Column, Table

from trm.cli.options import AsJson
from trm.cli.reference import PAGES
from trm.config.presets import PRESETS
from trm.json_text import to_json

WIDE = 120  # characters: in fewer the texts beside the names become columns of single words


def inspect(
    checkpoint: Annotated[Path | None, typer.Argument(help="A checkpoint folder.")] = None,
    presets: Annotated[bool, typer.Option("--presets", help="List the presets instead.")] = False,
    page: Annotated[Literal["presets", "settings"] | None, typer.Option(help="Print this reference page.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a checkpoint's step, metrics, configuration and whether its files are intact."""
    console = Console(highlight=False)
    if page is not None:
        print(PAGES[page](), end="")
        return
    if checkpoint is None or presets:
        if as_json:
            parts = ("name", "summary", "dataset", "hardware")
            print(to_json({"data": [{name: getattr(preset, name) for name in parts} for preset in PRESETS.values()]}))
            return
        names = [Column(heading, no_wrap=True) for heading in ("preset", "data set")]  # a name that is cut is no name
        table = Table(*names, "what", "hardware", title="Presets", title_justify="left")
        for preset in PRESETS.values():
            table.add_row(preset.name, preset.dataset, preset.summary, preset.hardware)
        Console(highlight=False, width=max(console.width, WIDE)).print(table)
        return
    from trm.checkpoints.checkpoint import verify

    meta = verify(checkpoint)
    if as_json:
        facts = {"step": meta.step, "metrics": meta.metrics, "files": meta.files, "digest": meta.digest}
        print(to_json({"path": str(checkpoint), **facts, "config": meta.config.model_dump(mode="json")}))
        return
    table = Table(title=f"{checkpoint}: step {meta.step:,}, every file intact", show_header=False, title_justify="left")
    table.add_row("metrics", ", ".join(f"{name} {value}" for name, value in meta.metrics.items()) or "-")
    table.add_row("files", ", ".join(f"{name} {about['bytes'] / 1e6:.2f} MB" for name, about in meta.files.items()))
    table.add_row("digest", meta.digest)
    for section in ("preset", "dataset", "puzzle", "model", "train"):
        table.add_row(section, str(getattr(meta.config, section)))
    console.print(table)
