"""API keys as the API shows them: never their secret, but once."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import ConfigDict, Field

from services.gateway.schemas.base import Request, Response
from services.registry.access.api_keys import OWNER, NewKey
from services.registry.access.scopes import Scope
from services.registry.db.access_tables import ApiKey as Row

LONGEST_DAYS = 3650


class ApiKeyRequest(Request):
    """A key to be made."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"owner": "alice", "name": "laptop", "scopes": ["train", "solve"]}]}
    )

    owner: str = Field(
        pattern=f"^{OWNER}$", description="Owner of the jobs, runs and data sets that it gives access to."
    )
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00]*[^\x00-\x20\s][^\x00]*$")] = Field(
        description="What it is used for."
    )
    scopes: list[Scope] = Field(min_length=1, max_length=3, description="Its scopes.")
    expires_in_days: int | None = Field(default=None, ge=1, le=LONGEST_DAYS, description="Never if left out.")


class ApiKey(Response):
    """A key."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    owner: str
    name: str
    scopes: list[Scope]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    created_at: datetime

    @classmethod
    def of(cls, row: Row) -> Self:
        """The key of this row."""
        return cls.model_validate(row)


class CreatedApiKey(ApiKey):
    """A key with its secret."""

    key: str = Field(description="Keep it: it is not shown again.")

    @classmethod
    def of_new(cls, made: NewKey) -> Self:
        """A key just made."""
        return cls(**ApiKey.of(made.row).model_dump(), key=made.token)
