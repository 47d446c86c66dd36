"""What can be asked of any job: what to call it, how soon it is to be done and by which worker, and when it is given up."""

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from services.gateway.schemas.base import Request
from services.gateway.schemas.labels import MOST, Key, Name, Tag, Value
from services.registry.db.base import Json
from services.registry.db.labels import Labels
from services.registry.jobs import jobs, requirements
from services.registry.settings import LABEL
from services.registry.states import JobKind

MOST_GB = 1_000_000
MOST_LABELS = 16

Seconds = Annotated[int, Field(ge=1, le=366 * 86_400)]
WorkerLabel = Annotated[str, StringConstraints(pattern=LABEL)]


class Requirements(Request):
    """Which workers may take a job: those that offer all of this."""

    device: Literal["cpu", "cuda"] | None = Field(default=None, description="What it computes on.")
    min_memory_gb: float | None = Field(
        default=None, gt=0, le=MOST_GB, description="At least so many GiB: of the GPU, or of a machine without one."
    )
    labels: list[WorkerLabel] = Field(
        default=[], max_length=MOST_LABELS, description="Words that its operator gave it, all of these."
    )


class JobRequest(Request):
    """Fields of all jobs."""

    priority: int = Field(default=0, ge=-10, le=10, description="Jobs with a higher priority start first.")
    ttl_seconds: Seconds | None = Field(
        default=None, description="A job that no worker has claimed after this time fails with `job_expired`."
    )
    timeout_seconds: Seconds | None = Field(
        default=None,
        description="A job that runs longer than this, all attempts together, fails with `job_timed_out`; "
        "the last checkpoint of a training is kept.",
    )
    requires: Requirements = Field(
        default=Requirements(),
        description="Only a worker that offers this takes the job; see GET /v1/workers. Until there is one the job waits, "
        "and `waiting_for` says so.",
    )
    name: Name | None = Field(default=None, description="What to call it: a training's run too.")
    tags: list[Tag] = Field(default=[], max_length=MOST, description="Words to list it by; of a training's run too.")
    metadata: dict[Key, Value] = Field(
        default={}, max_length=MOST, description="Anything of yours to keep with it, and with a training's run."
    )

    @property
    def labels(self) -> Labels:
        """What its owner calls it."""
        return Labels(self.name, tuple(dict.fromkeys(self.tags)), self.metadata)

    @property
    def least_devices(self) -> int:
        """How many devices the worker must have."""
        return 1

    @property
    def requirements(self) -> requirements.Requirements:
        """What it asks of its worker, as the registry takes it."""
        asked, labels = self.requires, tuple(dict.fromkeys(self.requires.labels))
        return requirements.Requirements(asked.device, asked.min_memory_gb, labels, self.least_devices)

    def new_row(self, kind: JobKind, asked: Json, **columns: Any) -> Json:  # noqa: ANN401 - those of jobs.new_row
        """The columns of the job, for the registry to record."""
        return jobs.new_row(
            kind,
            asked,
            job_limits=jobs.JobLimits(self.priority, self.ttl_seconds, self.timeout_seconds),
            requires=self.requirements,
            labels=self.labels,
            **columns,
        )
