"""What can be asked of any job: how soon it is to be done, and when it is given up."""

from pydantic import Field

from services.gateway.schemas.base import Request
from services.registry.jobs import jobs

LONGEST_SECONDS = 366 * 86_400


class JobLimits(Request):
    """Fields of both kinds of job."""

    priority: int = Field(default=0, ge=-10, le=10, description="Jobs with a higher priority start first.")
    ttl_seconds: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_SECONDS,
        description="A job that no worker has claimed after this time fails with `job_expired`.",
    )
    timeout_seconds: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_SECONDS,
        description="A job that runs longer than this, all attempts together, fails with `job_timed_out`; "
        "the last checkpoint of a training is kept.",
    )

    @property
    def job_limits(self) -> jobs.JobLimits:
        """These fields alone."""
        return jobs.JobLimits(self.priority, self.ttl_seconds, self.timeout_seconds)
