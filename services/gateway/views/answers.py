"""Responses about a job: its location, and when to poll again."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from services.gateway.schemas.base import Response
from services.gateway.schemas.job import Job
from services.registry.db import tables
from services.registry.states import JobKind, JobStatus
from services.registry.submissions.idempotency import Kept
from trm.json_text import to_json

POLL_SECONDS = {JobKind.TRAIN: 2, JobKind.SOLVE: 1, JobKind.EVALUATE: 2}


@dataclass(frozen=True)
class Answer:
    """A response to a request that has made or moved something: rendered once, and given again as it was."""

    subject: str  # the id of the job or data set
    status: int
    headers: Mapping[str, str]
    body: bytes

    def render(self) -> bytes:
        """As it is kept: a line with status and headers, then the body."""
        head = {"status": self.status, "headers": dict(self.headers)}
        return to_json(head).encode() + b"\n" + self.body

    @classmethod
    def of(cls, kept: Kept) -> Self:
        """The answer to an earlier request."""
        head, _, body = kept.answer.partition(b"\n")
        return cls(kept.subject, **json.loads(head), body=body)


def poll_headers(job: Job) -> dict[str, str]:
    """Headers with the job's location and poll interval; no interval once it has finished."""
    headers = {"Location": job.links["self"]}
    rests = job.status.is_final or job.status is JobStatus.PAUSED
    return headers if rests else headers | retry_after(job)


def answer(job: Job, status: int) -> Answer:
    """A job that was just submitted or moved, as an answer: made here once, where FastAPI would check and copy it before."""
    return Answer(job.id, status, poll_headers(job), job.model_dump_json().encode())


def render_upload(noun: str, row_id: str, shown: Response) -> Answer:
    """The answer to an upload that has become this."""
    return Answer(row_id, 201, {"Location": f"/v1/{noun}/{row_id}"}, shown.model_dump_json().encode())


def render_created(row: tables.Job) -> Answer:
    """The answer to a request that has submitted this job."""
    return answer(Job.of(row, attempts=()), 202)


def retry_after(job: Job) -> dict[str, str]:
    """Suggested interval between two polls of an unfinished job."""
    return {"Retry-After": str(POLL_SECONDS[job.kind])}
