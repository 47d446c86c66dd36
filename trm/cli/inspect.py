"""`trm inspect`: what a checkpoint is, or which presets there are."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from trm.presets import PRESETS
from trm.puzzles.datasets import spec_of


def inspect(
    checkpoint: Annotated[Path | None, typer.Argument(help="A checkpoint folder.")] = None,
    presets: Annotated[bool, typer.Option("--presets", help="List the presets instead.")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="List the presets as the reference page.")] = False,
) -> None:
    """Show a checkpoint's step, metrics, configuration and whether its files are intact."""
    console = Console(highlight=False)
    if markdown:
        print(reference(), end="")
        return
    if checkpoint is None or presets:
        console.print(_presets())
        return
    from trm.checkpoint import verify

    meta = verify(checkpoint)
    table = Table(title=f"{checkpoint}: step {meta.step:,}, every file intact", show_header=False, title_justify="left")
    table.add_row("metrics", ", ".join(f"{name} {value}" for name, value in meta.metrics.items()) or "-")
    table.add_row("files", ", ".join(f"{name} {about['bytes'] / 1e6:.2f} MB" for name, about in meta.files.items()))
    table.add_row("digest", meta.digest)
    for section in ("preset", "dataset", "puzzle", "model", "train"):
        table.add_row(section, str(getattr(meta.config, section)))
    console.print(table)


def _presets() -> Table:
    table = Table("preset", "data set", "what", title="Presets", title_justify="left")
    for preset in PRESETS.values():
        table.add_row(preset.name, preset.dataset, preset.summary)
    return table


def reference() -> str:
    """The reference page of all presets."""
    import torch

    from trm.model import TinyRecursiveModel

    lines = [
        "# Presets",
        "",
        "Written by `python -m trm inspect --markdown`. Parameters are trained weights without the puzzle embedding table, depth is the",
        "layers that a signal passes in one supervision step. Every setting can be changed with `--set` or the API's `overrides`.",
        "",
        "| preset | data set | parameters | depth | updates | what |",
        "|---|---|---:|---:|---:|---|",
    ]
    for preset in PRESETS.values():
        with torch.device("meta"):
            model = TinyRecursiveModel(preset.model.model_copy(update={"puzzle_ids": 1}), spec_of(preset.dataset))
        sizes = f"{model.parameter_count():,} | {preset.model.effective_depth} | {preset.train.steps:,}"
        lines.append(f"| `{preset.name}` | {preset.dataset} | {sizes} | {preset.summary} |")
    return "\n".join(lines) + "\n"
