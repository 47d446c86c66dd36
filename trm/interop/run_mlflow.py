"""A run in MLflow: parameters, curves, evaluations and files of a training as an MLflow run of the same name."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from trm.errors import ExportFailed, PackageMissing
from trm.interface.tables import flatten
from trm.interop.run_record import RunRecord
from trm.interop.run_tables import write_tables

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

RUN_TAG = "trm.run_id"
METRICS_AT_ONCE, PARAMETERS_AT_ONCE = 1000, 100  # limits of MLflow's REST API
LONGEST_TAG, LONGEST_PARAMETER = 5000, 6000  # characters, likewise
NOT_MEASURED = {"step", "attempt", "split", "created_at"}  # of a row: where it belongs


def log_run(run: RunRecord, tracking_uri: str, experiment: str = "trm", checkpoint: Path | None = None) -> str:
    """Write the run to an MLflow server or store, with the files of a checkpoint's folder if one is given; returns MLflow's id of it.

    An earlier export of the same run is deleted once this one is complete. Raises PackageMissing, and ExportFailed with what MLflow says.
    """
    if find_spec("mlflow") is None:
        raise PackageMissing("This needs mlflow-skinny. Install it with: pip install 'trm-service[mlflow]'")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        return _replace(MlflowClient(tracking_uri=tracking_uri), run, experiment, checkpoint)
    except MlflowException as error:
        raise ExportFailed(f"MLflow at {tracking_uri}: {error}") from error


def _replace(client: "MlflowClient", run: RunRecord, experiment: str, checkpoint: Path | None) -> str:
    found = client.get_experiment_by_name(experiment)
    experiment_id = found.experiment_id if found else client.create_experiment(experiment)
    earlier = client.search_runs([experiment_id], f"tags.`{RUN_TAG}` = '{run.id}'")
    tags = {RUN_TAG: run.id} | {name: value[:LONGEST_TAG] for name, value in run.tags.items()}
    made = client.create_run(experiment_id, _count_milliseconds(run.began), tags, run.name).info.run_id
    try:
        _log_values(client, made, run)
        _log_files(client, made, run, checkpoint)
    except BaseException:
        client.set_terminated(made, "FAILED")
        raise
    client.set_terminated(made, "FINISHED", _count_milliseconds(run.began) + _find_duration(run))
    for old in earlier:
        client.delete_run(old.info.run_id)
    return str(made)


def _log_values(client: "MlflowClient", made: str, run: RunRecord) -> None:
    from mlflow.entities import Param

    parameters = [Param(name, str(value)[:LONGEST_PARAMETER]) for name, value in run.parameters.items()]
    for first in range(0, len(parameters), PARAMETERS_AT_ONCE):
        client.log_batch(made, params=parameters[first : first + PARAMETERS_AT_ONCE])
    points = list(_list_metrics(run))
    for first in range(0, len(points), METRICS_AT_ONCE):
        client.log_batch(made, metrics=points[first : first + METRICS_AT_ONCE])


def _list_metrics(run: RunRecord) -> Iterator["Metric"]:
    """Every number of the curve as `train/NAME`, of an evaluation as `validation/NAME` or `test/NAME`."""
    began = _count_milliseconds(run.began)
    for row in run.curve:
        yield from _make_points("train", row, began + int(1000 * row["seconds"]))
    for row in run.evaluations:
        told = row.get("created_at")
        moment = _count_milliseconds(datetime.fromisoformat(told)) if told else began + _find_duration(run)
        yield from _make_points(row["split"], row, moment)


def _make_points(prefix: str, row: Mapping[str, Any], moment: int) -> Iterator["Metric"]:
    from mlflow.entities import Metric

    for name, value in flatten(row).items():
        if name not in NOT_MEASURED and value is not None:
            yield Metric(f"{prefix}/{name}", float(value), moment, row["step"])


def _log_files(client: "MlflowClient", made: str, run: RunRecord, checkpoint: Path | None) -> None:
    with TemporaryDirectory() as folder:
        write_tables(run, Path(folder))
        client.log_artifacts(made, folder)
    for row in run.evaluations:
        if row.get("report"):
            client.log_dict(made, row["report"], f"report-{row['split']}-{row['step']}.json")
    if checkpoint is not None:
        client.log_artifacts(made, str(checkpoint), "checkpoint")


def _find_duration(run: RunRecord) -> int:
    """Milliseconds of training that are on record."""
    return int(1000 * max((row["seconds"] for row in run.curve), default=0.0))


def _count_milliseconds(moment: datetime) -> int:
    return int(1000 * moment.timestamp())
