"""Audit records."""

from datetime import datetime

from pydantic import Field

from services.gateway.schemas.base import Response


class AuditRecord(Response):
    """Something that was done, or refused."""

    id: str
    created_at: datetime
    owner: str
    caller: str = Field(description="An API key's id; `local` where none is asked for; `operator` for commands.")
    action: str = Field(description="An operation of this API, or a command.")
    object: str | None = Field(description="Id of the object that was changed.")
    request_id: str | None
    outcome: str = Field(description="HTTP status; `ok` for commands.")
    count: int = Field(
        description="Number of requests: identical 403 and 429 responses to one key within a minute share a record."
    )
