"""Exports a run of a service: into MLflow, or as tables in a folder."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from trm.interop.run_mlflow import log_run
from trm.interop.run_record import RunRecord, Service, fetch_checkpoint, find_last_checkpoint, read_run
from trm.interop.run_tables import write_tables

Target = Literal["csv", "parquet", "mlflow"]
Save = Callable[[str, Path], None]


def export_run(
    service: Service, save: Save, run_id: str, to: Target, out: str, *, experiment: str = "trm", checkpoint: bool = True
) -> str:
    """Export a run as it is now; returns a sentence that says where it is.

    `out` is a folder, with `mlflow` the URI of an MLflow server or store, where `checkpoint` says whether the newest checkpoint's files
    go along. `save` writes what the service has at a path to a file. Raises PackageMissing, OSError, and what the client raises.
    """
    run = read_run(service, run_id)
    if to == "mlflow":
        made = _log(service, save, run, out, experiment, checkpoint)
        return f"Run {made} of the experiment {experiment!r} in {out}"
    files = write_tables(run, Path(out), to)
    return f"{len(run.curve):,} logged steps and {len(run.evaluations):,} evaluations in {files[0].parent}"


def _log(service: Service, save: Save, run: RunRecord, uri: str, experiment: str, with_checkpoint: bool) -> str:
    newest = find_last_checkpoint(service, run.id) if with_checkpoint else None
    if newest is None:
        return log_run(run, uri, experiment)
    with TemporaryDirectory() as folder:
        list(fetch_checkpoint(service, save, newest, Path(folder)))
        return log_run(run, uri, experiment, Path(folder))
