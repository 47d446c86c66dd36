"""A training in the hands of others: tables that say what it said, and a run in a real MLflow store."""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from trm.interface.tables import flatten
from trm.interop.run_export import export_run
from trm.interop.run_record import RunRecord, read_run
from trm.interop.run_tables import write_tables

CURVE: list[dict[str, Any]] = [
    {"step": step, "attempt": 1, "seconds": step / 10, "loss": 1 / step, "exact_accuracy": None if step == 1 else 0.5,
     "slots": [4, 2], "halted": [0.25, None]}
    for step in (1, 2, 3)
]  # fmt: skip
EVALUATION = {
    "step": 3, "split": "test", "n": 4, "exact_accuracy": 0.75, "halt_probability": [0.2, 0.8], "report": {"n": 4},
    "created_at": "2026-11-27T00:00:10Z",
}  # fmt: skip
RUN = {
    "id": "run_1", "name": None, "tags": ["nice"], "metadata": {"team": "a"}, "preset": "sudoku-4x4", "dataset": "sudoku-4x4",
    "device": "cpu", "parameters": 7, "created_at": "2026-11-27T00:00:00Z",
    "config": {"preset": "sudoku-4x4", "model": {"hidden_size": 16}, "train": {"steps": 3, "betas": [0.9, 0.95]}},
}  # fmt: skip
FILES = {"meta.json": b"{}", "weights.safetensors": b"w" * 100}


class Told:
    """The API's answers for one run, two rows of the curve at a time."""

    def get(self, path: str, **params: str | int) -> dict[str, Any]:
        if path.endswith("/metrics"):
            rows = [row for row in CURVE if row["step"] > int(params["after_step"])][:2]
            return {"data": rows, "next_after_step": rows[-1]["step"] if len(rows) == 2 else None}
        answers: dict[str, dict[str, Any]] = {
            "/v1/runs/run_1": RUN,
            "/v1/runs/run_1/evaluations": {"data": [EVALUATION]},
            "/v1/runs/run_1/checkpoints": {"data": [{"id": "ckpt_1"}]},
            "/v1/checkpoints/ckpt_1/files": {"data": [{"name": name} for name in FILES]},
        }
        return answers[path]

    def save(self, path: str, to: Path) -> None:
        to.write_bytes(FILES[path.rpartition("/")[2]])


@pytest.fixture
def run() -> RunRecord:
    return read_run(Told(), "run_1")


def test_a_run_is_read_whole(run: RunRecord) -> None:
    assert run.curve == CURVE
    assert (run.name, run.began) == ("run_1", datetime(2026, 11, 27, tzinfo=UTC))
    assert run.parameters == {
        "preset": "sudoku-4x4", "model.hidden_size": 16, "train.steps": 3, "train.betas": "[0.9, 0.95]",
    }  # fmt: skip
    assert run.tags == {
        "trm.preset": "sudoku-4x4", "trm.dataset": "sudoku-4x4", "trm.device": "cpu", "trm.parameters": "7",
        "trm.tag.nice": "true", "team": "a",
    }  # fmt: skip


def test_csv_has_a_column_for_each_supervision_step(run: RunRecord, tmp_path: Path) -> None:
    curve, evaluations, config = write_tables(run, tmp_path)
    with curve.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(flatten(CURVE[0]))
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in CURVE]
    assert (rows[0]["exact_accuracy"], rows[0]["halted_1"], rows[0]["halted_2"]) == ("", "0.25", "")
    assert evaluations.read_text().splitlines()[1] == "3,test,4,0.75,0.2,0.8,2026-11-27T00:00:10Z"
    assert json.loads(config.read_text()) == RUN["config"]


def test_parquet_keeps_lists(run: RunRecord, tmp_path: Path) -> None:
    curve, *_ = write_tables(run, tmp_path, "parquet")
    assert parquet.read_table(curve).to_pylist() == CURVE


ASKED = """
import json, sys
from mlflow import MlflowClient
from tests.trm.test_run_export import Told
from trm.interop.run_export import export_run
uri = sys.argv[1]
told = Told()
for _ in range(2):
    export_run(told, told.save, "run_1", "mlflow", uri)
client = MlflowClient(tracking_uri=uri)
[run] = client.search_runs([client.get_experiment_by_name("trm").experiment_id])
curves = {key: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)] for key in run.data.metrics}
files = {name: client.download_artifacts(run.info.run_id, name) for name in ("curve.csv", "checkpoint", "report-test-3.json")}
print(json.dumps({"name": run.info.run_name, "status": run.info.status, "lasted": run.info.end_time - run.info.start_time,
    "params": run.data.params, "tags": run.data.tags, "curves": curves, "files": files}))
"""


@pytest.mark.slow  # MLflow takes seconds to import and to make its tables
def test_mlflow_has_parameters_curves_evaluations_and_the_checkpoint_once(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    answered = subprocess.run(
        [sys.executable, "-c", ASKED, f"sqlite:///{tmp_path}/mlflow.db"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True,
    )  # fmt: skip
    assert answered.returncode == 0, answered.stderr
    told = json.loads(answered.stdout.splitlines()[-1])
    assert (told["name"], told["status"], told["lasted"]) == ("run_1", "FINISHED", 300)
    assert told["params"]["train.steps"] == "3"
    assert told["tags"]["trm.run_id"] == "run_1"
    assert told["tags"]["team"] == "a"
    began = int(datetime(2026, 11, 27, tzinfo=UTC).timestamp() * 1000)
    assert told["curves"]["train/loss"] == [[row["step"], row["loss"], began + 100 * row["step"]] for row in CURVE]
    assert [step for step, _, _ in told["curves"]["train/exact_accuracy"]] == [2, 3]  # what is not known is no point
    assert told["curves"]["test/exact_accuracy"] == [[3, 0.75, began + 10_000]]
    assert "train/halted_1" in told["curves"]
    assert "train/halted_2" not in told["curves"]
    checkpoint = Path(told["files"]["checkpoint"])
    assert {file.name: file.read_bytes() for file in checkpoint.iterdir()} == FILES
    assert json.loads(Path(told["files"]["report-test-3.json"]).read_text()) == {"n": 4}


def test_a_folder_of_tables_is_told(tmp_path: Path) -> None:
    told = Told()
    said = export_run(told, told.save, "run_1", "csv", str(tmp_path / "out"))
    assert said == f"3 logged steps and 1 evaluations in {tmp_path / 'out'}"
    assert {file.name for file in (tmp_path / "out").iterdir()} == {"curve.csv", "evaluations.csv", "config.json"}
