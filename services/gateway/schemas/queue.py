"""The queue: what waits, and how long another job would."""

from typing import Self

from pydantic import Field

from services.gateway.schemas.base import Response, examples
from services.registry.jobs import waiting
from services.registry.states import JobKind


class Line(Response):
    """Jobs of one kind, of all owners."""

    model_config = examples(
        {"kind": "train", "queued": 3, "running": 1, "oldest_seconds": 412.0, "concurrency": 1, "wait_seconds": 5400.0}
    )

    kind: JobKind
    queued: int
    running: int
    oldest_seconds: float = Field(description="How long the one has waited that waits longest; 0 where none does.")
    concurrency: int = Field(description="Jobs that the workers of this kind, as far as they are alive, take at once.")
    wait_seconds: float | None = Field(
        description="How long a job of priority 0 that is submitted now will wait, by what is left of the others: their estimates, or "
        "how long the last ones took. Null where no worker is alive, or nothing has finished yet."
    )

    @classmethod
    def of(cls, line: waiting.Line) -> Self:
        """The line as the API shows it."""
        wait = line.wait_seconds
        return cls.from_row(
            line,
            queued=line.queued.jobs,
            running=line.running.jobs,
            oldest_seconds=round(line.queued.oldest_seconds, 1),
            wait_seconds=None if wait is None else round(wait, 1),
        )


class Queue(Response):
    """What waits, kind by kind."""

    data: list[Line]
