"""Events: what happened to a job, in order."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from services.gateway.schemas.base import Response, examples
from services.registry.db import tables


class JobEvent(Response):
    """An event of a job."""

    model_config = examples(
        {"id": 9, "type": "done", "data": {"status": "succeeded"}, "created_at": "2026-11-23T12:00:00Z"}
    )

    id: int = Field(description="Number of the event within its job, from 1; gaps are possible.")
    type: str = Field(
        description="`started`, `evaluating`, `evaluated`, `checkpoint`, `step`, `solved`, ...; the last one is `done`. "
        "A stream whose API key expires ends with `closed` and a `reason`."
    )
    data: dict[str, Any] = Field(
        description="`evaluated` names its `split`, `evaluating` also how many puzzles of `n` are `through`; "
        "`step`, of a traced solve job, its `puzzle` and `chain`."
    )
    created_at: datetime

    @classmethod
    def of(cls, row: tables.JobEvent) -> Self:
        """The event of this row."""
        return cls.from_row(row, id=row.seq)


class JobEvents(Response):
    """The events after a given one."""

    data: list[JobEvent]
    finished: bool = Field(description="Whether no more events will come.")
