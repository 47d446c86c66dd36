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
from trm.interop.run_record import RunRecord
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
CONFIG = {
    "preset": "sudoku-4x4", "model": {"hidden_size": 16}, "train": {"steps": 3, "betas": [0.9, 0.95]},
}  # fmt: skip
BEGAN = datetime(2026, 11, 27, tzinfo=UTC)
FILES = {"meta.json": b"{}", "weights.safetensors": b"w" * 100}


def record() -> RunRecord:
    return RunRecord("run_1", "run_1", CONFIG, CURVE, [EVALUATION], BEGAN, {"trm.tag.nice": "true", "team": "a"})


@pytest.fixture
def run() -> RunRecord:
    return record()


def test_settings_become_parameters_with_dotted_names(run: RunRecord) -> None:
    assert run.parameters == {
        "preset": "sudoku-4x4", "model.hidden_size": 16, "train.steps": 3, "train.betas": "[0.9, 0.95]",
    }  # fmt: skip


def test_csv_has_a_column_for_each_supervision_step(run: RunRecord, tmp_path: Path) -> None:
    curve, evaluations, config = write_tables(run, tmp_path)
    with curve.open() as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(flatten(CURVE[0]))
    assert [float(row["loss"]) for row in rows] == [row["loss"] for row in CURVE]
    assert (rows[0]["exact_accuracy"], rows[0]["halted_1"], rows[0]["halted_2"]) == ("", "0.25", "")
    assert evaluations.read_text().splitlines()[1] == "3,test,4,0.75,0.2,0.8,2026-11-27T00:00:10Z"
    assert json.loads(config.read_text()) == CONFIG


def test_parquet_keeps_lists(run: RunRecord, tmp_path: Path) -> None:
    curve, *_ = write_tables(run, tmp_path, "parquet")
    assert parquet.read_table(curve).to_pylist() == CURVE


ASKED = """
import json, sys
from mlflow import MlflowClient
from pathlib import Path
from tests.trm.test_run_export import record
from trm.interop.run_mlflow import log_run
uri, folder = sys.argv[1:]
for _ in range(2):
    log_run(record(), uri, "trm", Path(folder))
client = MlflowClient(tracking_uri=uri)
[run] = client.search_runs([client.get_experiment_by_name("trm").experiment_id])
curves = {key: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, key)] for key in run.data.metrics}
files = {name: client.download_artifacts(run.info.run_id, name) for name in ("curve.csv", "checkpoint", "report-test-3.json")}
print(json.dumps({"name": run.info.run_name, "status": run.info.status, "lasted": run.info.end_time - run.info.start_time,
    "params": run.data.params, "tags": run.data.tags, "curves": curves, "files": files}))
"""


@pytest.mark.slow  # MLflow takes seconds to import and to make its tables
def test_mlflow_has_parameters_curves_evaluations_and_the_checkpoint_once(tmp_path: Path) -> None:
    root, folder = Path(__file__).parents[2], tmp_path / "checkpoint"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    answered = subprocess.run(
        [sys.executable, "-c", ASKED, f"sqlite:///{tmp_path}/mlflow.db", str(folder)],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True,
    )  # fmt: skip
    assert answered.returncode == 0, answered.stderr
    told = json.loads(answered.stdout.splitlines()[-1])
    assert (told["name"], told["status"], told["lasted"]) == ("run_1", "FINISHED", 300)
    assert told["params"]["train.steps"] == "3"
    assert told["tags"]["trm.run_id"] == "run_1"
    assert told["tags"]["team"] == "a"
    began = int(BEGAN.timestamp() * 1000)
    assert told["curves"]["train/loss"] == [[row["step"], row["loss"], began + 100 * row["step"]] for row in CURVE]
    assert [step for step, _, _ in told["curves"]["train/exact_accuracy"]] == [2, 3]  # what is not known is no point
    assert told["curves"]["test/exact_accuracy"] == [[3, 0.75, began + 10_000]]
    assert "train/halted_1" in told["curves"]
    assert "train/halted_2" not in told["curves"]
    checkpoint = Path(told["files"]["checkpoint"])
    assert {file.name: file.read_bytes() for file in checkpoint.iterdir()} == FILES
    assert json.loads(Path(told["files"]["report-test-3.json"]).read_text()) == {"n": 4}
