"""Audit records."""

from datetime import datetime
from typing import Self

from pydantic import ConfigDict, Field

from services.gateway.schemas.base import Response
from services.registry.db.access_tables import AuditRecord as Row


class AuditRecord(Response):
    """Something that was done, or refused."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    created_at: datetime
    owner: str
    caller: str = Field(description="An API key's id; `local` where none is asked for; `operator` for commands.")
    action: str = Field(description="An operation of this API, or a command.")
    object: str | None = Field(description="The id of what it was done to.")
    request_id: str | None
    outcome: str = Field(description="HTTP status; `ok` for commands.")
    count: int = Field(
        description="How often: 403 and 429 of the same key that are alike within a minute share a record."
    )

    @classmethod
    def of(cls, row: Row) -> Self:
        """The record of this row."""
        return cls.model_validate(row)
