"""`trm jobs`: what a service has to do and has done."""

from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from trm.cli.service.following import advised, detachable, follow
from trm.cli.service.printing import age, notices, print_json, show_fields, show_list, status
from trm.cli.service.reports import show_result
from trm.cli.service.session import Session, on_service
from trm.cli.service.several import for_each

if TYPE_CHECKING:
    from trm.client.api import Job

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Kind = Literal["train", "solve", "evaluate"]

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="List, watch and control the jobs of a service.")
JobId = Annotated[str, typer.Argument(metavar="JOB", help="Id of a job.")]
JobIds = Annotated[list[str], typer.Argument(metavar="JOB...", help="Ids of jobs.")]
Limit = Annotated[int, typer.Option(min=1, help="At most so many, the newest.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="With this tag; several must all be there.")]


@cli.command("list")
@on_service
def list_jobs(
    session: Session,
    status_: Annotated[Status | None, typer.Option("--status", help="Only these.")] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    name: Annotated[str | None, typer.Option(help="With this in its name.")] = None,
    tag: Tags = None,
    limit: Limit = 20,
) -> None:
    """List jobs, newest first."""
    pages = session.client.jobs.list(status=status_, kind=kind, name=name, tag=tag or (), page_size=min(limit, 100))
    jobs = [*islice(pages, limit)]
    columns = {
        "job": lambda job: job.id,
        "kind": lambda job: job.kind,
        "status": lambda job: status(job.status),
        "done": lambda job: None if job.progress.percent is None else f"{job.progress.percent:.0f} %",
        "age": lambda job: age(job.created_at),
        "name": lambda job: job.name or "",
    }
    show_list(jobs, columns, "No job is so. Submit one with: trm submit", as_json=session.as_json)


@cli.command()
@on_service
def show(session: Session, job: JobId) -> None:
    """Show one job: its progress, attempts and result."""
    found = session.client.jobs.get(job)
    if session.as_json:
        print_json(found.to_dict())
        return
    show_fields(_fields(found))
    show_result(session, found)


def _fields(job: "Job") -> dict[str, object]:
    at = job.progress
    left = f", about {at.eta_seconds:,.0f} s left" if at.eta_seconds else ""
    return {
        "job": job.id,
        "kind": job.kind,
        "status": status(job.status),
        "name": job.name,
        "tags": job.tags,
        "metadata": job.metadata,
        "progress": f"{at.step:,} of {'?' if at.total is None else f'{at.total:,}'}{left}",
        "place in queue": job.queue_position,
        "run": job.run_id,
        "model": job.model,
        "error": job.error and f"{job.error.message} [{job.error.code}]",
        "created": job.created_at,
        "started": job.started_at,
        "finished": job.finished_at,
        "attempts": [f"{a.attempt}: {a.outcome or 'runs'} on {a.worker}" for a in job.attempts or ()],
    }


@cli.command()
@on_service
def watch(session: Session, job: JobId) -> None:
    """Follow a job until it has ended; Ctrl-C leaves it, and it goes on.

    With --json each event is one line of JSON. Exits 1 when the job fails, 7 when it is cancelled.
    """
    found = session.client.jobs.get(job)
    if session.as_json:
        with detachable(session, found), advised(session), session.patient() as patient:
            for event in patient.client.jobs.events(found):
                print_json({"id": event.id, "type": event.type, "data": event.data.to_dict()})
            patient.client.jobs.wait(found)
        return
    show_result(session, follow(session, found))


def _add_move(name: str, what: str) -> None:
    """A command that asks one thing of several jobs, and says how each is now; with --json one job is one line."""

    @cli.command(name, help=what)
    @on_service
    def move(session: Session, jobs: JobIds) -> None:
        for_each(jobs, getattr(session.client.jobs, name), _describe, as_json=session.as_json)


_add_move("cancel", "Cancel jobs: a queued one ends at once, a running one as soon as its worker has stopped it.")
_add_move("pause", "Set jobs aside until they are resumed; a running training saves a checkpoint first.")
_add_move("resume", "Queue paused jobs again.")
_add_move("retry", "Queue failed or cancelled jobs again; a training continues from its last intact checkpoint.")


def _describe(job: "Job") -> str:
    asked = "cancelled" if job.cancel_requested else "paused" if job.pause_requested else None
    soon = f", and will be {asked} soon" if asked and job.status == "running" else ""
    return f"{job.id} is {job.status}{soon}"


@cli.command()
@on_service
def logs(
    session: Session,
    job: JobId,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Continue until the job has ended.")] = False,
) -> None:
    """Print what a job's trainer has written."""
    found = session.client.jobs.get(job)
    with detachable(session, found), session.patient() as patient:
        lines = patient.client.jobs.logs(found, follow=follow)
        first = next(lines, None)
        if first is None:
            notices().print("Its trainer has written nothing.")
            return
        for line in chain([first], lines):
            if session.as_json:
                print_json(line.to_dict())
            else:
                print(line.text, flush=True)
