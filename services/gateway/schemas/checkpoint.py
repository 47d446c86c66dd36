"""Checkpoints: saved states of runs, to solve with or to resume from."""

from collections.abc import Mapping
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
        return cls(
            id=row.id,
            run_id=row.run_id,
            step=row.step,
            attempt=row.attempt,
            bytes=row.bytes,
            digest=row.digest,
            metrics=row.metrics,
            created_at=row.created_at,
            links={
                "self": f"/v1/checkpoints/{row.id}",
                "run": f"/v1/runs/{row.run_id}",
                "files": f"/v1/checkpoints/{row.id}/files",
                "archive": f"/v1/checkpoints/{row.id}/archive",
            },
        )


class CheckpointFile(Response):
    """A file of a checkpoint."""

    name: str
    bytes: int
    links: dict[str, str]


class CheckpointFiles(Response):
    """All files of a checkpoint."""

    data: list[CheckpointFile]

    @classmethod
    def of(cls, checkpoint_id: str, sizes: Mapping[str, int]) -> Self:
        """The files that the storage holds."""
        home = f"/v1/checkpoints/{checkpoint_id}/files"
        files = [
            CheckpointFile(name=name, bytes=size, links={"self": f"{home}/{name}"})
            for name, size in sorted(sizes.items())
        ]
        return cls(data=files)
