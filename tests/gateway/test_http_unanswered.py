"""An accuracy over nothing is null wherever the API shows one."""

from fastapi.testclient import TestClient

from services.registry.jobs import completion
from services.registry.runs import checkpoints, evaluations
from services.registry.states import JobStatus
from tests.gateway.conftest import Book
from trm.interface.events import Evaluated

NOTHING = Evaluated(
    step=10,
    split="test",
    n=0,
    seconds=1.0,
    exact_accuracy=None,
    cell_accuracy=None,
    verified=None,
    halt_accuracy=None,
    mean_supervision_steps=4.0,
    halted=[0.0, 1.0],
    halt_probability=[0.25, 0.75],
    step_exact_accuracy=[None, None],
)
ACCURACIES = ("exact_accuracy", "cell_accuracy", "verified", "halt_accuracy")


def test_it_is_null_in_job_run_evaluation_and_checkpoint(client: TestClient, book: Book) -> None:
    run_id, claim = book.training()
    result = {"step": 10, "seconds": 2.0, "exact_accuracy": None}
    with book.database.transaction() as session:
        evaluations.add(session, claim, NOTHING.as_dict())
        saved = checkpoints.add(
            session, claim, step=10, url="memory://x", digest="d", size=1, metrics=NOTHING.summary()
        ).id
        completion.finish(session, claim, JobStatus.SUCCEEDED, result=result)
    job = client.get(f"/v1/jobs/{claim.job_id}").json()
    assert job["result"] == {"kind": "train", **result, "peak_bytes": None}
    run = client.get(f"/v1/runs/{run_id}").json()
    assert [run[f"{which}exact_accuracy"] for which in ("", "best_", "test_")] == [None] * 3
    [evaluation] = client.get(f"/v1/runs/{run_id}/evaluations").json()["data"]
    assert evaluation["n"] == 0
    assert [evaluation[name] for name in ACCURACIES] == [None] * 4
    assert evaluation["step_exact_accuracy"] == [None, None]
    assert client.get(f"/v1/checkpoints/{saved}").json()["metrics"] == NOTHING.summary()
    [listed] = client.get("/v1/runs").json()["data"]
    assert listed["test_exact_accuracy"] is None
