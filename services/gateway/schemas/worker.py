"""Workers: the processes that do the jobs."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Self

from pydantic import Field

from services.gateway.schemas.base import Response, examples
from services.registry.db.operations_tables import WorkerProcess
from services.registry.jobs.presence import ALIVE_SECONDS
from services.registry.jobs.requirements import GIB


class Worker(Response):
    """One process."""

    model_config = examples(
        {
            "name": "gpu-1:4711",
            "role": "solve",
            "host": "gpu-1",
            "status": "alive",
            "device": "cuda",
            "device_name": "NVIDIA A100-SXM4-80GB",
            "devices": 2,
            "memory_gb": 79.3,
            "labels": ["lab-a"],
            "cores": 8,
            "started_at": "2026-11-23T12:00:00Z",
            "last_heartbeat_at": "2026-11-23T12:34:50Z",
            "concurrency": 32,
            "jobs_in_hand": 2,
            "jobs": ["job_01934e0c5f3b7c2aa1b2c3d4e5f60718"],
            "slots_in_use": 40,
        }
    )

    name: str = Field(description="What attempts call it: host and process.")
    role: str = Field(description="`train`, `solve` or `reaper`.")
    host: str
    status: Literal["alive", "silent"] = Field(
        description=f"`silent`: nothing was heard of it for {ALIVE_SECONDS} s, and it did not stop in an orderly way."
    )
    device: str = Field(description="What it computes on: `cpu` or `cuda`.")
    device_name: str | None = Field(default=None, description="Of its GPU.")
    devices: int = Field(description="That a training can have: its GPUs, or its cores.")
    memory_gb: float = Field(description="In GiB: of one GPU, or of the machine.")
    labels: list[str] = Field(description="What its operator called it, for jobs to ask for.")
    cores: int
    started_at: datetime
    last_heartbeat_at: datetime
    concurrency: int = Field(description="Jobs that it takes at once.")
    jobs_in_hand: int = Field(description="Jobs that it is at, of all owners.")
    jobs: list[str] = Field(description="The ids of those that you may see.")
    slots_in_use: int | None = Field(
        description="Chains of thought under way at its last heartbeat; null unless it solves."
    )

    @classmethod
    def of(cls, row: WorkerProcess, now: datetime, in_hand: int, jobs: Sequence[str]) -> Self:
        """The worker of this row, at a moment of the database's clock."""
        is_alive = now - row.seen_at <= timedelta(seconds=ALIVE_SECONDS)
        return cls.from_row(
            row,
            host=row.name.rpartition(":")[0],
            status="alive" if is_alive else "silent",
            memory_gb=round(row.memory_bytes / GIB, 1),
            last_heartbeat_at=row.seen_at,
            jobs_in_hand=in_hand,
            jobs=list(jobs),
            slots_in_use=row.slots_busy,
        )
