"""What all commands that submit a job share: the owner's labels, the job's limits, and following it to its end."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from trm.cli.options import JOB, parameters_of, take
from trm.cli.overrides import parse
from trm.cli.service.following import detachable, follow
from trm.cli.service.printing import notices, print_json, tell
from trm.cli.service.reports import show_result
from trm.cli.service.session import Session, on_service

if TYPE_CHECKING:
    from trm.client.api import Job

Fields = dict[str, Any]  # of a request: those that every job takes


def submits(command: "Callable[..., Job]") -> Callable[..., None]:
    """The command with the options of every job; it is called with a session and their fields, and its job followed."""

    @wraps(command)
    def submitted(
        session: Session,
        *,
        tag: list[str] | None,
        metadata: list[str] | None,
        detach: bool,
        **own: Any,  # noqa: ANN401
    ) -> None:
        fields = {name: own.pop(name) for name in ("name", "priority", "ttl_seconds", "timeout_seconds")}
        fields |= {"tags": tag, "metadata": {name: str(value) for name, value in parse(metadata or []).items()}}
        job = command(session, {name: value for name, value in fields.items() if value}, **own)
        finish(session, job, detach=detach)

    session, _, *own = parameters_of(command)
    return on_service(take(submitted, [session, *own], JOB))


def finish(session: Session, job: "Job", *, detach: bool) -> None:
    """Follow the job to its end and show its result, or say how to attach to it."""
    if detach:
        tell(job.id, job.to_dict(), as_json=session.as_json)
        if not session.as_json:
            again = session.repeat(f"jobs watch {job.id}")
            notices().print(f"The {job.kind} job is {job.status}. Watch it: {again}", soft_wrap=True)
        return
    with detachable(session, job):  # from the moment when its id is shown
        notices().print(f"{job.kind} job {job.id}", soft_wrap=True)
        for warning in job.estimate.warnings if job.estimate else ():
            notices().print(warning, style="yellow", markup=False, soft_wrap=True)
        ended = follow(session, job)
    if session.as_json:
        print_json(ended.to_dict())
    else:
        show_result(session, ended)
