"""Exports a run of a service: into MLflow, or as tables in a folder."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from trm.interop.run_mlflow import log_run
from trm.interop.run_record import read_run
from trm.interop.run_tables import write_tables

if TYPE_CHECKING:
    from trm.client import Client

Target = Literal["csv", "parquet", "mlflow"]


@dataclass(frozen=True)
class Export:
    """What was written, and where."""

    run: str
    logged_steps: int
    evaluations: int
    out: str  # a folder, or the URI of an MLflow store
    files: tuple[str, ...] = ()  # of tables
    mlflow_run: str | None = None
    experiment: str | None = None  # of MLflow

    def __str__(self) -> str:
        if self.mlflow_run is not None:
            return f"Run {self.mlflow_run} of the experiment {self.experiment!r} in {self.out}"
        return f"{self.logged_steps:,} logged steps and {self.evaluations:,} evaluations in {self.out}"


def export_run(
    client: "Client", run_id: str, to: Target, out: str, *, experiment: str = "trm", checkpoint: bool = True
) -> Export:
    """Export a run as it is now.

    `out` is a folder, with `mlflow` the URI of an MLflow server or store, where `checkpoint` says whether the newest checkpoint's files
    go along. Raises PackageMissing, ExportFailed, OSError, and what the client raises.
    """
    run = read_run(client, run_id)
    counts = (run.id, len(run.curve), len(run.evaluations), out)
    if to != "mlflow":
        return Export(*counts, files=tuple(map(str, write_tables(run, Path(out), to))))
    newest = next(client.runs.checkpoints(run.id, page_size=1), None) if checkpoint else None
    with TemporaryDirectory() as folder:
        if newest is not None:
            for entry in client.checkpoints.files(newest).data:
                client.checkpoints.download_file(newest, entry.name, Path(folder) / Path(entry.name).name)
        made = log_run(run, out, experiment, Path(folder) if newest else None)
    return Export(*counts, mlflow_run=made, experiment=experiment)
