"""API keys as the API shows them: never their secret, but once."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from services.gateway.schemas.base import Request, Response, examples
from services.registry.access.api_keys import OWNER
from services.registry.access.scopes import Scope

LONGEST_DAYS = 3650


class ApiKeyRequest(Request):
    """A request for a new key."""

    model_config = examples({"owner": "alice", "name": "laptop", "scopes": ["train", "solve"]})

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

    id: str
    owner: str
    name: str
    scopes: list[Scope]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")
    created_at: datetime


class CreatedApiKey(ApiKey):
    """A key with its secret."""

    key: str = Field(description="Keep it: it is not shown again.")
