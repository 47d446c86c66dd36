"""`trm export`: a checkpoint as a folder to hand on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trm.cli.options import AsJson
from trm.cli.service.printing import tell
from trm.config.run import RunConfig
from trm.interface.measured import Measured
from trm.interface.progress import waiting
from trm.puzzles.datasets.datasets import load

if TYPE_CHECKING:
    from trm.network.model import TinyRecursiveModel


def export(
    checkpoint: Annotated[Path, typer.Argument(help="A checkpoint folder.")],
    out: Annotated[Path, typer.Option(help="Folder to create.")],
    dtype: Annotated[Literal["float32", "bfloat16"], typer.Option(help="What the weights are stored in.")] = "float32",
    with_program: Annotated[
        bool, typer.Option("--program", help="Also write step.pt2, a supervision step that torch alone can run.")
    ] = False,
    licence: Annotated[str, typer.Option(help="Of the weights, for the model card: apache-2.0, mit, ...")] = "unknown",
    cost: Annotated[str, typer.Option(help="What the training took, for the model card.")] = "unknown",
    measured: Annotated[
        bool, typer.Option("--measure", help="Measure the exported weights on the test split, for the model card.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Measure on the first N puzzles only.")] = None,
    device: Annotated[str, typer.Option(help="To measure on: auto, cpu or cuda.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Write the weights that the solver uses, their configuration and a model card; every command accepts the folder."""
    from trm.interop.export import export as exported

    def examine(model: "TinyRecursiveModel", config: RunConfig) -> Measured:
        from trm.evaluation.measure import measure
        from trm.network.device import pick_device
        from trm.solving.solver import Solver

        puzzles = load(config.dataset, "test").take(limit)
        solver = Solver(model, config, pick_device(device), compiling="auto" if device != "cpu" else "never")
        with waiting(f"answering {len(puzzles):,} puzzles"):
            return measure(solver, puzzles, dataset=config.dataset, split="test")

    done = exported(
        checkpoint,
        out,
        dtype=dtype,
        with_program=with_program,
        licence=licence,
        cost=cost,
        examine=examine if measured else None,
    )
    tell(f"{done.bytes / 1e6:.2f} MB in {done.path}", {"path": done.path, "bytes": done.bytes}, as_json=as_json)
