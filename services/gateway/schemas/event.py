"""Events: what happened to a job, in order; told apart by `type`, and each kind's data is a schema of its own."""

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import Field, create_model
from typing_extensions import TypeAliasType

from services.gateway.schemas.base import Response, examples
from services.gateway.schemas.run import Evaluation
from services.gateway.schemas.solution import TraceStep
from services.registry.states import JobStatus, Outcome, UncountedReason


class StartedData(Response):
    """An attempt at a training begins."""

    step: int = Field(description="The step that it begins at.")
    total_steps: int
    parameters: int
    device: str
    precision: str
    resumed_from: int | None = Field(description="The step of the checkpoint that it resumes from; null for none.")
    train_puzzles: int
    validation_puzzles: int
    test_puzzles: int
    overlap: int | None = Field(description="Test puzzles equivalent to a training puzzle; null when not counted.")


class EvaluatingData(Response):
    """A split is being answered."""

    step: int | None = Field(default=None, description="Of a training.")
    split: str
    n: int = Field(description="Puzzles of the split.")
    through: int = Field(description="How many of them are answered.")


class CheckpointData(Response):
    """A training has stored a checkpoint."""

    id: str
    step: int
    bytes: int
    digest: str = Field(description="SHA-256 of its meta.json, which holds the digests of the other files.")
    seconds: float = Field(description="How long it took to write.")
    metrics: dict[str, float | None]


class CheckpointDamagedData(Response):
    """A checkpoint that a training was to resume from is not intact; it takes the one before."""

    id: str
    step: int
    reason: str


class FinishedData(Response):
    """A training has made all its updates."""

    step: int
    seconds: float
    exact_accuracy: float | None
    peak_bytes: int


class StepData(TraceStep):
    """A chain of a traced solve job has made a supervision step."""

    puzzle: int = Field(description="Place of the puzzle in the request, from 0.")
    halted: bool


class SolvedData(Response):
    """Answers of a solve job have been stored."""

    count: int = Field(description="How many have come with this event.")
    answered: int = Field(description="How many there are by now, in this attempt.")


class AttemptData(Response):
    """An attempt has ended, and the job has not."""

    attempt: int
    outcome: Outcome
    code: str | None = Field(description="Why it failed, if it did.")
    uncounted: UncountedReason | None = Field(default=None, description="Why it does not count against `max_attempts`.")


class PausedData(Response):
    """A job was paused; the fields are those of the attempt that ended with it, and left out when none did."""

    attempt: int | None = None
    outcome: Outcome | None = None
    code: str | None = None
    uncounted: UncountedReason | None = None


class WokenData(Response):
    """A job is queued again because its owner wants it."""

    attempt: int = Field(description="How often a worker had claimed it.")


class DoneData(Response):
    """A job has ended."""

    status: JobStatus


class Event(Response):
    """What every event has."""

    id: int = Field(description="Number of the event within its job, from 1; gaps are possible.")
    created_at: datetime | None = Field(default=None, description="Not in a stream.")


EVENTS: dict[str, tuple[type[Response], str]] = {  # by type: the schema of its data, and what has happened
    "started": (StartedData, "A training began or resumed."),
    "evaluating": (EvaluatingData, "An evaluation is under way."),
    "evaluated": (Evaluation, "A training has evaluated itself."),
    "checkpoint": (CheckpointData, "A checkpoint was stored."),
    "checkpoint_damaged": (CheckpointDamagedData, "A checkpoint was passed over."),
    "finished": (FinishedData, "A training is through with its updates."),
    "step": (StepData, "A supervision step was made."),
    "solved": (SolvedData, "Answers have come."),
    "queued": (AttemptData, "An attempt ended and the job is queued again."),
    "paused": (PausedData, "The job was paused."),
    "resumed": (WokenData, "Its owner resumed the job."),
    "retried": (WokenData, "Its owner had the job retried."),
    "done": (DoneData, "The last event of a job."),
}


def _make_schema(kind: str) -> type[Event]:
    """The schema of the events of one type."""
    data, happened = EVENTS[kind]
    name = f"{kind.title().replace('_', '')}Event"
    fields: dict[str, Any] = {"type": (Literal[kind], ...), "data": (data, ...)}
    return create_model(name, __base__=Event, __doc__=happened, **fields)


JobEvent: Any = TypeAliasType(  # by its name in the OpenAPI document
    "JobEvent",
    Annotated[
        reduce(or_, map(_make_schema, EVENTS)),
        Field(discriminator="type", description="An event of a job: what `data` holds follows from its `type`."),
    ],
)


class JobEvents(Response):
    """The events after a given one."""

    model_config = examples(
        {
            "data": [{"id": 9, "type": "done", "data": {"status": "succeeded"}, "created_at": "2026-11-23T12:00:00Z"}],
            "finished": True,
        }
    )

    data: list[JobEvent]
    finished: bool = Field(description="Whether no more events will come.")


class StoredEvent(Response):
    """An event as it is sent: as it was stored, by this version, an earlier one or a newer one."""

    id: int
    type: str
    data: dict[str, Any]
    created_at: datetime


class StoredEvents(Response):
    """What is sent as `JobEvents`."""

    data: list[StoredEvent]
    finished: bool
