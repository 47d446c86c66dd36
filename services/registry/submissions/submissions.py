"""What is asked for, before it is recorded: a job, and for a training the run that it belongs to."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from services.registry.db.base import Json
from services.registry.db.tables import Job
from services.registry.jobs import jobs
from services.registry.runs import checkpoints, runs
from services.registry.submissions import backlog, idempotency
from services.registry.submissions.backlog import Caps
from services.registry.submissions.idempotency import Key
from trm.errors import CodedError


@dataclass(frozen=True)
class Submission:
    """Columns of rows to be, as `jobs.new_row` and `runs.new_row` make them."""

    job: Json
    run: Json | None = None
    key: Key | None = None  # the caller's mark on the request, if any

    @property
    def checkpoint(self) -> str | None:
        """What the job solves with, or the run begins with, if that is a checkpoint."""
        found: str | None = self.run["parent_checkpoint_id"] if self.run else self.job["model_id"]
        return found


def record(
    session: Session, submitted: Sequence[Submission], caps: Caps, render: Callable[[Job], bytes]
) -> list[Job | CodedError]:
    """Put the jobs in the queue with one statement a table; what became of each: the job, or why there is none.

    That is KeyTaken, QueueFull, or CheckpointNotFound for one that was retired since the request was looked at.
    What a request with a key is answered is rendered, and kept with its job. Announce the jobs once this is committed.
    """
    refusals = _find_refusals(session, submitted, caps)
    wanted = [one for one, refusal in zip(submitted, refusals, strict=True) if refusal is None]
    marked = idempotency.take(session, [(one.key, one.job["id"]) for one in wanted if one.key])
    new = [one for one in wanted if one.key is None or one.job["id"] in marked]
    rows = {row.id: row for row in _insert(session, new)}
    for one in new:
        if one.key:
            idempotency.keep(session, one.key, render(rows[one.job["id"]]))
    return [
        refusal or rows.get(one.job["id"]) or _make_key_taken(one)
        for one, refusal in zip(submitted, refusals, strict=True)
    ]


def _find_refusals(session: Session, submitted: Sequence[Submission], caps: Caps) -> list[CodedError | None]:
    kept = checkpoints.hold(session, {one.checkpoint for one in submitted if one.checkpoint})
    full = backlog.refusals(session, [one.job["owner"] for one in submitted], caps)
    return [
        checkpoints.not_found(one.checkpoint) if one.checkpoint and one.checkpoint not in kept else refusal
        for one, refusal in zip(submitted, full, strict=True)
    ]


def _insert(session: Session, submitted: Sequence[Submission]) -> list[Job]:
    new_runs = [submission.run for submission in submitted if submission.run is not None]
    if new_runs:
        runs.insert_rows(session, new_runs)  # first: jobs name them
    return jobs.insert_rows(session, [submission.job for submission in submitted]) if submitted else []


def _make_key_taken(submission: Submission) -> CodedError:
    if submission.key is None:
        raise ValueError("only a request with a key can find it taken")
    return idempotency.key_taken_error(submission.key)
