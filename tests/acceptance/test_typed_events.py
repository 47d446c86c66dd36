"""Every event that a running service sends is what the OpenAPI document says of its type: no field is missing, none is unknown."""

import time
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from services.registry.settings import Settings
from services.stack import state
from tests.acceptance.conftest import TINY
from trm.client import Client
from trm.client.api import Job, JobEvent, StartedEvent, StepEvent


@pytest.fixture
def typed(stack: Settings) -> Iterator[Client]:
    running = state.read(stack.data_dir)
    assert running is not None
    with Client(running.api) as client:
        yield client


def wait_for_step(client: Client, job: Job) -> None:
    deadline = time.monotonic() + 60
    while not client.jobs.get(job).progress.step:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def unknown_fields(record: BaseModel) -> set[str]:
    return set(record.model_extra or {})


def events_of(client: Client, job: Job) -> list[JobEvent]:
    """All events of a job that has ended, streamed and listed: the same, and whole."""
    streamed = list(client.jobs.events(job))
    listed = client.jobs.past_events(job).data
    assert [(e.id, e.type, e.data) for e in streamed] == [(e.id, e.type, e.data) for e in listed]
    assert all(event.created_at is not None for event in listed)
    for event in streamed:
        assert type(event).__name__ == event.type.title().replace("_", "") + "Event", event
        assert not unknown_fields(event) | unknown_fields(event.data), event
    return streamed


@pytest.mark.slow
def test_a_training_that_is_paused_resumed_cancelled_and_retried(typed: Client) -> None:
    job = typed.train(preset="sudoku-4x4", overrides=TINY | {"train.steps": 300})
    wait_for_step(typed, job)
    typed.jobs.pause(job)
    while typed.jobs.get(job).status != "paused":
        time.sleep(0.1)
    typed.jobs.resume(job)
    typed.jobs.cancel(job)
    while typed.jobs.get(job).status != "cancelled":
        time.sleep(0.1)
    typed.jobs.retry(job)
    typed.jobs.wait(job)
    told = events_of(typed, job)
    assert {event.type for event in told} >= {
        "started", "evaluated", "checkpoint", "finished", "paused", "resumed", "retried", "done",
    }  # fmt: skip
    resumed = [event.data.resumed_from for event in told if isinstance(event, StartedEvent)]
    assert resumed[0] is None
    assert resumed[-1] is not None


@pytest.mark.slow
def test_a_traced_solve_job_and_an_evaluation(typed: Client) -> None:
    solved = typed.solve(model="sudoku", puzzle=".2.43......31...", trace=True, wait=30)
    told = events_of(typed, solved)
    assert {event.type for event in told} == {"step", "solved", "done"}
    steps = [event.data.step for event in told if isinstance(event, StepEvent)]
    assert steps == list(range(1, len(steps) + 1))
    evaluated = typed.evaluate(model="sudoku", dataset="sudoku-4x4", limit=20)
    typed.jobs.wait(evaluated)
    assert {event.type for event in events_of(typed, evaluated)} == {"evaluating", "done"}
