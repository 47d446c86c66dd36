"""What can be asked of the worker that takes a job."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from services.gateway.schemas.base import Request
from services.registry.jobs import requirements
from services.registry.settings import LABEL

MOST_GB = 1_000_000
MOST_LABELS = 16

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


class Choosy(Request):
    """A field of all jobs: what they ask of their worker."""

    requires: Requirements = Field(
        default=Requirements(),
        description="Only a worker that offers this takes the job; see GET /v1/workers. Until there is one the job waits, "
        "and `waiting_for` says so.",
    )

    def requirements(self, devices: int = 1) -> requirements.Requirements:
        """As the registry takes them, with the number of devices that there must be."""
        asked = self.requires
        return requirements.Requirements(asked.device, asked.min_memory_gb, tuple(dict.fromkeys(asked.labels)), devices)
