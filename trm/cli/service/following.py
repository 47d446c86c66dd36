"""A job that is followed to its end: a progress bar and a line for whatever happens; Ctrl-C leaves it, and it goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from trm.cli.exit_codes import ExitCode
from trm.cli.service.printing import notices, percent, progress_bar
from trm.cli.service.session import Session

if TYPE_CHECKING:
    from trm.client.api import Job, JobEvent

WORDS = {"train": "training", "solve": "solving", "evaluate": "evaluating"}


@contextmanager
def detachable(session: Session, job: "Job") -> Iterator[None]:
    """Ctrl-C within the block ends the command and not the job; it is said how to attach again."""
    try:
        yield
    except KeyboardInterrupt:
        notices().print(
            f"Detached; the job goes on. Attach again: {session.repeat(f'jobs watch {job.id}')}", soft_wrap=True
        )
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def follow(session: Session, job: "Job") -> "Job":
    """The job once it has succeeded, told of meanwhile; raises JobUnsuccessful when it fails or is cancelled."""
    with detachable(session, job), advised(session), session.patient() as patient, progress_bar() as bar:
        task, after = bar.add_task(WORDS.get(job.kind, job.kind), total=100), 0

        def tell(job: "Job") -> None:
            nonlocal after
            bar.update(task, completed=job.progress.percent or 0, description=_describe(job))
            for event in patient.client.jobs.past_events(job, after=after).data:
                after = event.id
                if line := describe_event(event):
                    bar.console.print(line, soft_wrap=True)

        return patient.client.jobs.wait(job, on_progress=tell)


@contextmanager
def advised(session: Session) -> Iterator[None]:
    """A job that fails within the block is told with what the service advises."""
    from trm.client import JobUnsuccessful

    try:
        yield
    except JobUnsuccessful as error:
        if error.job.error is not None:
            error.add_note(session.client.problem(error.job.error.code).advice)
        raise


def _describe(job: "Job") -> str:
    at, place = job.progress, job.queue_position
    news = {
        "queued": f"waits in the queue, place {place}" if place else "waits in the queue",
        "running": f"step {at.step:,} of {at.total:,}"
        if job.kind == "train"
        else f"{at.step:,} of {at.total:,} puzzles",
        "paused": "is paused",
    }
    return f"{WORDS.get(job.kind, job.kind)}: {news.get(job.status, job.status)}"


def describe_event(event: "JobEvent") -> str | None:
    """An event in words; None for one that says nothing beyond the progress."""
    from trm.client import api

    match event:
        case api.StartedEvent(data=data):
            resumed = f", resumed at step {data.resumed_from:,}" if data.resumed_from else ""
            return f"{data.parameters:,} parameters on {data.device}, {data.train_puzzles:,} training puzzles{resumed}"
        case api.EvaluatedEvent(data=data):
            exact, cells = percent(data.exact_accuracy), percent(data.cell_accuracy)
            return f"step {data.step:>6,}  {data.split}: {exact} of {data.n:,} puzzles exactly right, {cells} of their cells"
        case api.CheckpointEvent(data=data):
            return f"step {data.step:>6,}  checkpoint saved"
        case api.QueuedEvent(data=data):
            return f"attempt {data.attempt} has ended ({data.outcome}); the job is queued again"
        case api.PausedEvent() | api.ResumedEvent() | api.RetriedEvent():
            return f"the job was {event.type}"
    return None
