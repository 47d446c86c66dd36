"""What must be true once all has come to rest, whatever was broken before: of the database, the disk, the broker and Prometheus."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from services.registry.db.tables import Checkpoint, Job, Run
from services.registry.jobs import attempts, job_events, queue
from services.registry.runs import run_metrics
from services.registry.states import FINAL, JobKind, JobStatus, can_transition
from tests.chaos.stand import HOST, SOLVE, TRAIN, Stand
from trm.checkpoints import checkpoint
from trm.errors import TrmError

CALM_SECONDS = 15.0  # for the last messages to be dropped and the last count to be made
TEMPORARY = (".*.part", ".*.tmp", ".*.old")


@dataclass(frozen=True)
class Scene:
    """Where to look, and since when."""

    stand: Stand
    session: Session
    since: datetime
    accepted: dict[str, str]  # idempotency key -> job

    @property
    def jobs(self) -> list[Job]:
        """All that were made since then."""
        return list(self.session.scalars(select(Job).where(Job.created_at >= self.since).order_by(Job.created_at)))

    def rows(self, sql: str, **given: object) -> list[Any]:
        """What a query finds; `:since` is known to it."""
        return list(self.session.execute(text(sql), {"since": self.since, **given}))


def settled(stand: Stand, since: datetime, accepted: dict[str, str], seconds: float = CALM_SECONDS) -> list[str]:
    """The violations that are left once some time was given for all to come to rest; each with the name of its invariant."""
    deadline = time.monotonic() + seconds
    while (found := violations(stand, since, accepted)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def violations(stand: Stand, since: datetime, accepted: dict[str, str]) -> list[str]:
    """What is not as it must be now."""
    with stand.database.transaction() as session:
        scene = Scene(stand, session, since, accepted)
        return [f"{name}: {what}" for name, look in INVARIANTS.items() for what in look(scene)]


def lost(scene: Scene) -> Iterator[str]:
    """Accepted, and gone or without an end."""
    known = {job.id: job.status for job in scene.jobs}
    for job_id in scene.accepted.values():
        if job_id not in known:
            yield f"{job_id} was accepted and is not there"
        elif not known[job_id].is_final:
            yield f"{job_id} is {known[job_id].value}"


def doubled(scene: Scene) -> Iterator[str]:
    """Made more than once by one request, or by none that was answered."""
    ours = list(scene.accepted.values())
    yield from (f"{job_id} answers several requests" for job_id in {one for one in ours if ours.count(one) > 1})
    yield from (f"{job.id} was made by no request" for job in scene.jobs if job.id not in set(ours))


def _ended_once(scene: Scene) -> Iterator[str]:
    for job in scene.jobs:
        told = job_events.after(scene.session, job.id, limit=1_000_000)
        ends = [event.data.get("status") for event in told if event.type == "done"]
        again = sum(event.type == "retried" for event in told)
        if job.status in FINAL and (len(ends) != again + 1 or told[-1].type != "done" or ends[-1] != job.status):
            yield f"{job.id} is {job.status.value}, and its events tell of the ends {ends}"
        if [event.seq for event in told] != list(range(1, len(told) + 1)):
            yield f"{job.id} has gaps in its events"


def _moves(scene: Scene) -> Iterator[str]:
    sql = "SELECT job_id, before, after FROM witness.moves JOIN jobs ON jobs.id = job_id WHERE created_at >= :since"
    for job_id, before, after in scene.rows(sql):
        allowed = after == JobStatus.QUEUED if before is None else can_transition(JobStatus(before), JobStatus(after))
        if not allowed:
            yield f"{job_id} went from {before} to {after}"


def _leases(scene: Scene) -> Iterator[str]:
    """One attempt after the other, numbered from 1: then no two of them ever held the job at once."""
    for job in scene.jobs:
        tried = attempts.of_job(scene.session, job.id)
        if [attempt.attempt for attempt in tried] != list(range(1, job.attempt + 1)):
            yield f"{job.id} is at attempt {job.attempt} of {[attempt.attempt for attempt in tried]}"
        held = [attempt for attempt in tried if attempt.ended_at is None]
        if len(held) != (job.status is JobStatus.RUNNING):
            yield f"{job.id} is {job.status.value} and {len(held)} attempts hold it"
        for before, after in pairwise(tried):
            if before.ended_at is None or before.ended_at > after.started_at:
                yield f"{job.id}: attempt {after.attempt} began before attempt {before.attempt} had ended"


def _stale(scene: Scene) -> Iterator[str]:
    for relation, subject, attempt in scene.rows(
        "SELECT relation, subject, attempt FROM witness.stale WHERE at >= :since"
    ):
        yield f"{relation} has a row of {subject} by attempt {attempt}, which did not hold it"


def _curves(scene: Scene) -> Iterator[str]:
    for job in scene.jobs:
        if job.run_id is None:
            continue
        run = scene.session.get_one(Run, job.run_id)
        every = run.config["train"]["log_every"]
        steps = [row.step for row in run_metrics.read(scene.session, run.id, limit=1_000_000)]
        last = run.total_steps if job.status is JobStatus.SUCCEEDED else max(steps, default=0)
        if steps != sorted({*range(every, last + 1, every), last} - {0}):  # the last step is logged whenever it is
            yield f"{run.id} of {job.status.value} {job.id} has metrics of {steps}, of {last} steps"


def _checkpoints(scene: Scene) -> Iterator[str]:
    kept = list(scene.session.scalars(select(Checkpoint).where(Checkpoint.created_at >= scene.since)))
    for row in kept:
        if row.retired_at is None and (wrong := _damage(Path(row.url.removeprefix("file://")), row.digest)):
            yield f"{row.id} at step {row.step} of {row.run_id}: {wrong}"
    ends = {(row.run_id, row.step) for row in kept}
    for job in scene.jobs:
        if (
            job.kind is JobKind.TRAIN
            and job.status is JobStatus.SUCCEEDED
            and (job.run_id, job.total_steps) not in ends
        ):
            yield f"{job.run_id} has ended without a last checkpoint"


def _damage(folder: Path, digest: str) -> str:
    try:
        checkpoint.verify(folder)
        found = hashlib.sha256((folder / checkpoint.META).read_bytes()).hexdigest()
    except (TrmError, OSError) as error:
        return str(error)
    return "" if found == digest else "its meta.json is another one"


def _folders(scene: Scene) -> Iterator[str]:
    recorded = {Path(url.removeprefix("file://")) for (url,) in scene.rows("SELECT url FROM checkpoints")}
    runs = {job.run_id for job in scene.jobs}
    for folder in (scene.stand.data / "artifacts").glob("runs/*/attempt_*/step_*"):
        if folder not in recorded and folder.parts[-3] in runs:
            yield f"{folder.relative_to(scene.stand.data)} is in no row"


def _temporary(scene: Scene) -> Iterator[str]:
    places = (scene.stand.data / "artifacts", scene.stand.data / "scratch")
    with suppress(FileNotFoundError):  # it is being removed
        for place in places:
            for pattern in TEMPORARY:
                yield from (f"{path.relative_to(scene.stand.data)}" for path in place.rglob(pattern))
        yield from (f"scratch/{path.parent.name}/{path.name}" for path in places[1].glob("job_*/attempt_*"))


def _outbox(scene: Scene) -> Iterator[str]:
    for (job_id,) in scene.rows("SELECT id FROM jobs WHERE status = 'queued'"):
        yield f"{job_id} waits"
    for kind in JobKind:
        if waiting := queue.messages_waiting(scene.stand.app, kind):
            yield f"{waiting} messages wait in the {kind.value} queue"


def _counts(scene: Scene) -> Iterator[str]:
    stand = scene.stand
    counted = {
        (kind, status): n for kind, status, n in scene.rows("SELECT kind, status, count(*) FROM jobs GROUP BY 1, 2")
    }
    taken_back = "SELECT kind, sum(earlier_failures), sum(earlier_cancellations) FROM jobs GROUP BY 1"
    ended = dict(counted)
    for kind, failures, cancellations in scene.rows(taken_back):
        for status, count in ((JobStatus.FAILED, failures), (JobStatus.CANCELLED, cancellations)):
            ended[kind, status] = ended.get((kind, status), 0) + count
    told = samples(stand.ports["reaper"])
    for kind in JobKind:
        for status in JobStatus:
            shown = told.get(("trm_jobs", kind.value, status.value))
            if shown != counted.get((kind, status), 0):
                yield f"trm_jobs says {shown} {status.value} {kind.value} jobs, not {counted.get((kind, status), 0)}"
            shown, expected = (
                told.get(("trm_jobs_finished_total", kind.value, status.value)),
                ended.get((kind, status), 0),
            )
            if status in FINAL and shown != expected:
                yield f"trm_jobs_finished_total says {shown} {status.value} {kind.value} jobs, not {expected}"
    for name in (TRAIN, SOLVE):
        worker = f"%:{stand.processes[name].pid}"
        sql = "SELECT count(*) FROM job_attempts WHERE worker LIKE :worker AND outcome <> 'lost'"
        [(recorded,)] = scene.rows(sql, worker=worker)
        shown = sum(n for key, n in samples(stand.ports[name]).items() if key[0] == "trm_attempts_ended_total")
        if shown > recorded:  # fewer where it could not know that a commit had arrived
            yield f"{name} says that it has ended {shown} attempts, of {recorded}"


def samples(port: int) -> dict[tuple[str, ...], float]:
    """What a process exports: name and label values of each sample, in the order of the labels' names."""
    answer = httpx2.get(f"http://{HOST}:{port}/metrics", timeout=10).raise_for_status()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def _crashes(scene: Scene) -> Iterator[str]:
    yield from scene.stand.crashes


INVARIANTS: dict[str, Callable[[Scene], Iterator[str]]] = {
    "every accepted job ends": lost,
    "every accepted request makes one job": doubled,
    "a job ends exactly once": _ended_once,
    "only allowed moves": _moves,
    "at most one live lease": _leases,
    "no row by a stale token": _stale,
    "metric steps without gaps, each once": _curves,
    "every complete checkpoint verifies": _checkpoints,
    "no folder that no row knows": _folders,
    "no temporary files": _temporary,
    "the outbox is empty": _outbox,
    "Prometheus counts what the database counts": _counts,
    "no part ends of itself": _crashes,
}
