"""Checkpoints: saved states of runs, to solve with or to resume from."""

from datetime import datetime
from typing import Any, Self

from pydantic import Field

from services.gateway.schemas.base import Response
from services.registry.db import tables


class Checkpoint(Response):
    """A saved state that is complete in the storage."""

    id: str
    run_id: str
    step: int
    attempt: int
    bytes: int
    digest: str
    metrics: dict[str, Any] = Field(
        description="Of the last evaluation before it: `exact_accuracy`, `cell_accuracy`, `verified`, `mean_supervision_steps`; "
        "the best so far as `best_...`; those of the test split, in the last checkpoint, as `test_...`."
    )
    created_at: datetime
    links: dict[str, str]

    @classmethod
    def of(cls, row: tables.Checkpoint) -> Self:
        """The checkpoint of this row."""
        links = {"self": f"/v1/checkpoints/{row.id}", "run": f"/v1/runs/{row.run_id}"}
        return cls.from_row(row, links=links)
