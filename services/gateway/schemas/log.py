"""The log of a job: what its trainer has written."""

from datetime import datetime

from pydantic import Field

from services.gateway.schemas.base import Response


class LogLine(Response):
    """A line."""

    id: int = Field(description="Numbered from 1 over all attempts, without gaps.")
    attempt: int
    created_at: datetime
    text: str


class JobLog(Response):
    """Lines of a job, oldest first."""

    data: list[LogLine]
    next_after: int = Field(description="Ask for the lines after these with `after`.")
    finished: bool = Field(description="Whether the job has ended and these are its last lines.")
