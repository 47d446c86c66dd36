"""Exports a run of a service: into MLflow, or as tables in a folder."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from trm.interop.run_mlflow import log_run
from trm.interop.run_record import RunRecord, read_run
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
    if to == "mlflow":
        return Export(*counts, mlflow_run=_log(client, run, out, experiment, checkpoint), experiment=experiment)
    return Export(*counts, files=tuple(map(str, write_tables(run, Path(out), to))))


def _log(client: "Client", run: RunRecord, uri: str, experiment: str, with_checkpoint: bool) -> str:
    newest = next(client.runs.checkpoints(run.id, page_size=1), None) if with_checkpoint else None
    if newest is None:
        return log_run(run, uri, experiment)
    with TemporaryDirectory() as folder:
        for entry in client.checkpoints.files(newest).data:
            client.checkpoints.download_file(newest, entry.name, Path(folder) / Path(entry.name).name)
        return log_run(run, uri, experiment, Path(folder))
