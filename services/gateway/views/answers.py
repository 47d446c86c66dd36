"""Jobs as answers: where to look at one, and when to look again."""

from services.gateway.schemas.job import Job
from services.registry.db import tables
from services.registry.states import JobKind, JobStatus
from services.registry.submissions.idempotency import Answer

POLL_SECONDS = {JobKind.TRAIN: 2, JobKind.SOLVE: 1}


def poll_headers(job: Job) -> dict[str, str]:
    """Where to look at the job, and when; nothing to wait for once it has finished."""
    headers = {"Location": job.links["self"]}
    rests = job.status.is_final or job.status is JobStatus.PAUSED
    return headers if rests else headers | retry_after(job)


def answer(job: Job, status: int) -> Answer:
    """A job that was just submitted or moved, as an answer: made here once, where FastAPI would check and copy it before."""
    return Answer(job.id, status, dict(poll_headers(job)), job.model_dump_json())


def render_created(row: tables.Job) -> Answer:
    """The answer to the request that submitted this job."""
    return answer(Job.of(row, attempts=()), 202)


def retry_after(job: Job) -> dict[str, str]:
    """How long to leave an unfinished job alone."""
    return {"Retry-After": str(POLL_SECONDS[job.kind])}
