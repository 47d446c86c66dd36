"""`trm runs export`: a run of a service into MLflow, or as tables."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from trm.cli.place import require_place
from trm.cli.service.printing import tell
from trm.cli.service.session import Session
from trm.interface.progress import waiting
from trm.interop.run_export import Target, export_run


def run(
    session: Session,
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="Id of a run.")],
    out: Annotated[
        str,
        typer.Option(
            envvar="MLFLOW_TRACKING_URI", help="A folder; with --to mlflow the URI of an MLflow server or store."
        ),
    ],
    to: Annotated[Target, typer.Option(help="mlflow, or tables: csv or parquet.")] = "csv",
    experiment: Annotated[
        str, typer.Option(envvar="MLFLOW_EXPERIMENT_NAME", help="Of MLflow; made where there is none of this name.")
    ] = "trm",
    checkpoint: Annotated[
        bool, typer.Option("--checkpoint/--no-checkpoint", help="Also give MLflow the files of the newest checkpoint.")
    ] = True,
) -> None:
    """Export a run: parameters, curve, evaluations and, to MLflow, the newest checkpoint."""
    if to != "mlflow":
        require_place(Path(out))
    # a long curve, or a checkpoint, outlasts a gateway that is restarted
    with waiting(f"exporting {run_id}"), session.patient() as patient:
        made = export_run(patient.client, run_id, to, out, experiment=experiment, checkpoint=checkpoint)
    tell(made, asdict(made), as_json=session.as_json)
