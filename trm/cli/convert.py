"""`trm convert`: an official TRM or HRM checkpoint as one of ours."""

from pathlib import Path
from typing import Annotated

import typer

from trm.cli.options import AsJson
from trm.cli.service.printing import tell


def convert(
    official: Annotated[Path, typer.Argument(help="The file that torch.save or safetensors wrote.")],
    data: Annotated[str, typer.Option(help="The data set it was trained on: built in, or a data set folder.")],
    out: Annotated[Path, typer.Option(help="Folder to create.")],
    config: Annotated[
        Path | None, typer.Option(help="Its all_config.yaml, or the same as JSON: weights do not tell recursions.")
    ] = None,
    preset: Annotated[str | None, typer.Option(help="Insist that it is the model of this recipe.")] = None,
    as_json: AsJson = False,
) -> None:
    """Turn an official checkpoint into one of ours, offline; refuses what would be silently wrong."""
    from trm.interop.convert import convert as converted

    saved = converted(official, config, data, out, preset)
    document = {"path": saved.path, "step": saved.step, "bytes": saved.bytes}
    tell(f"step {saved.step:,}, {saved.bytes / 1e6:.2f} MB in {saved.path}", document, as_json=as_json)
