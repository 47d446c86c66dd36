"""Uses a client that a generator made from the OpenAPI file: run by the generator's own Python, with nothing of this project."""

import json
import sys
import time

from trm_client import Client
from trm_client.api.jobs import get_job, list_jobs, stream_job_events
from trm_client.api.solving import create_solve_job
from trm_client.api.training import create_training_job
from trm_client.models import (
    DoneEvent,
    FinishedEvent,
    Job,
    JobEvents,
    JobStatus,
    Problem,
    SolveJobRequest,
    SolveResult,
    StepEvent,
    TrainingJobRequest,
    TrainingJobRequestOverrides,
    TrainResult,
)

ENDED = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


def finished(client: Client, job: object) -> Job:
    assert isinstance(job, Job), job
    deadline = time.monotonic() + 90
    while job.status not in ENDED:
        assert time.monotonic() < deadline, job
        time.sleep(0.2)
        job = get_job.sync(job.id, client=client)
        assert isinstance(job, Job), job
    assert job.status is JobStatus.SUCCEEDED, job
    return job


def events_of(url: str, job: Job) -> list[object]:
    """The events as a list: each is of the class that its type says."""
    client = Client(base_url=url, headers={"Accept": "application/json"})
    answer = stream_job_events.sync_detailed(job.id, client=client)
    return list(JobEvents.from_dict(json.loads(answer.content)).data)


def main(url: str) -> None:
    client = Client(base_url=url)
    overrides = TrainingJobRequestOverrides.from_dict(
        {
            "model.hidden_size": 16,
            "model.layers": 1,
            "model.max_supervision_steps": 2,
            "train.steps": 5,
            "train.batch_size": 8,
            "train.test_puzzles": 20,
            "train.evaluate_puzzles": 20,
            "train.depth_curriculum": [{"until": 0.5, "recursions": 1, "latent_steps": 1}],
        }
    )
    request = TrainingJobRequest(preset="sudoku-4x4", overrides=overrides)
    trained = finished(client, create_training_job.sync(client=client, body=request))
    assert isinstance(trained.result, TrainResult), trained.result
    assert trained.result.step == 5

    asked = SolveJobRequest(model=str(trained.run_id), puzzle=".2.43......31...", trace=True)
    solved = finished(client, create_solve_job.sync(client=client, body=asked))
    assert isinstance(solved.result, SolveResult), solved.result
    assert solved.result.n == 1
    assert solved.result.solutions, solved.result

    stream = stream_job_events.sync(solved.id, client=client)
    assert isinstance(stream, str), stream
    assert 'event: done\ndata: {"status": "succeeded"}\n' in stream, stream
    *_, finished_event, _ = events_of(url, trained)
    assert isinstance(finished_event, FinishedEvent), finished_event
    assert finished_event.data.step == 5
    step, *_, done = events_of(url, solved)
    assert isinstance(step, StepEvent), step
    assert (step.data.puzzle, step.data.step, len(step.data.answer)) == (0, 1, 16)
    assert isinstance(done, DoneEvent), done
    assert done.data.status is JobStatus.SUCCEEDED

    listed = list_jobs.sync(client=client, limit=2)
    kinds = {type(job.result).__name__ for job in listed.data}  # type: ignore[union-attr]
    assert kinds == {"TrainResult", "SolveResult"}, kinds

    problem = create_solve_job.sync(client=client, body=SolveJobRequest(model="nothing", puzzle="1"))
    assert isinstance(problem, Problem), problem
    assert problem.code == "model_unknown"
    print("used")


if __name__ == "__main__":
    main(sys.argv[1])
