"""Jobs of every kind, after their submission."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import httpx2

from trm.client.api import Attempt, Job, JobEvent, JobEvents, JobKind, JobLog, JobStatus, LogLine, Solution
from trm.client.errors import ENDED, JobUnsuccessful, WaitTimedOut
from trm.client.events import follow
from trm.client.record import Page, id_of
from trm.client.transport import Noun, read

SUCCEEDED = "succeeded"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, PAUSE_GROWTH = 0.05, 2.0, 1.5
LINES_AT_ONCE = 5000


class Jobs(Noun):
    """`client.jobs`; a job is given as a `Job` or as its id."""

    def list(
        self,
        *,
        status: JobStatus | None = None,
        kind: JobKind | None = None,
        name: str | None = None,
        tag: Sequence[str] = (),
        metadata: Mapping[str, str] | None = None,
        page_size: int = 100,
    ) -> Iterator[Job]:
        """Every job that is so, newest first; `name` is a part of its name, `tag` and `metadata` are labels that it has."""
        asked = {"status": status, "kind": kind, "name": name, **label_params(tag, metadata)}
        return self._transport.list("listJobs", Page[Job], params=asked, page_size=page_size)

    def get(self, job: Job | str) -> Job:
        """One job, with its last attempts and its result."""
        return self._transport.ask("getJob", Job, path={"job_id": id_of(job)})

    def cancel(self, job: Job | str) -> Job:
        """Ask for its end: a queued job is cancelled at once, a running one as soon as its worker has stopped it."""
        return self._transport.ask("cancelJob", Job, path={"job_id": id_of(job)}, repeatable=True)

    def pause(self, job: Job | str) -> Job:
        """Set it aside until it is resumed; a running training saves a checkpoint first."""
        return self._transport.ask("pauseJob", Job, path={"job_id": id_of(job)}, repeatable=True)

    def resume(self, job: Job | str) -> Job:
        """Queue a paused job again."""
        return self._transport.ask("resumeJob", Job, path={"job_id": id_of(job)})

    def retry(self, job: Job | str) -> Job:
        """Queue a failed or cancelled job again; a training continues from its last intact checkpoint."""
        return self._transport.ask("retryJob", Job, path={"job_id": id_of(job)})

    def attempts(self, job: Job | str, *, page_size: int = 100) -> Iterator[Attempt]:
        """The attempts at it, newest first."""
        path = {"job_id": id_of(job)}
        return self._transport.list("listJobAttempts", Page[Attempt], path=path, page_size=page_size)

    def solutions(self, job: Job | str, *, page_size: int = 100) -> Iterator[Solution]:
        """The answers of a solve job in the order of its puzzles; those of an unfinished job as far as they are known."""
        path = {"job_id": id_of(job)}
        return self._transport.list("listSolutions", Page[Solution], path=path, page_size=page_size)

    def picture(self, job: Job | str, index: int) -> str:
        """SVG of a puzzle, by its place in the job from 0, and its answer."""
        path = {"job_id": id_of(job), "index": index}
        return self._transport.send("getSolutionPicture", path=path, headers={"Accept": "*/*"}).text

    def logs(self, job: Job | str, *, after: int = 0, follow: bool = False) -> Iterator[LogLine]:
        """What its trainer has written, after the line of this number; with `follow`, until the job has ended."""
        while True:
            asked = {"after": after, "limit": LINES_AT_ONCE}
            log = self._transport.ask("listJobLines", JobLog, path={"job_id": id_of(job)}, params=asked)
            yield from log.data
            after = log.next_after
            if log.finished or not (follow or len(log.data) == LINES_AT_ONCE):
                return
            if not log.data:
                time.sleep(LONGEST_PAUSE_SECONDS)

    def events(self, job: Job | str, *, after: int = 0) -> Iterator[JobEvent]:
        """Its events after the one of this number, past ones first, then each as it happens, until the job has ended.

        Continues after the last event that has arrived when the connection is lost, or the gateway restarted. Raises
        ServiceUnreachable when there was no event and no connection for `retry_seconds`.
        """
        return follow(self._transport, id_of(job), after)

    def past_events(self, job: Job | str, *, after: int = 0) -> JobEvents:
        """At most 500 events that have happened, with their times."""
        return self._transport.ask("streamJobEvents", JobEvents, path={"job_id": id_of(job)}, params={"after": after})

    def wait(
        self, job: Job | str, timeout: float | None = None, on_progress: Callable[[Job], None] | None = None
    ) -> Job:
        """The job once it has succeeded; `on_progress` is called with it whenever it has changed.

        Raises JobUnsuccessful when it fails or is cancelled, and WaitTimedOut after `timeout` seconds; neither ends a job.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        known, tag, pause = None, "", FIRST_PAUSE_SECONDS
        while True:
            answer = self._transport.send(
                "getJob",
                path={"job_id": id_of(job)},
                headers={"If-None-Match": tag},
                answers={httpx2.codes.NOT_MODIFIED},
            )
            if known is None or answer.status_code == httpx2.codes.OK:
                known, tag = read(answer, Job), answer.headers.get("ETag", "")
                if on_progress is not None:
                    on_progress(known)
            if known.status == SUCCEEDED:
                return known
            if known.status in ENDED:
                raise JobUnsuccessful(known)
            left = LONGEST_PAUSE_SECONDS if deadline is None else deadline - time.monotonic()
            if timeout is not None and left <= 0:
                raise WaitTimedOut(known, timeout)
            time.sleep(min(pause, left))
            pause = min(PAUSE_GROWTH * pause, LONGEST_PAUSE_SECONDS)


def label_params(tag: Sequence[str], metadata: Mapping[str, str] | None) -> dict[str, list[str]]:
    """Labels as query parameters."""
    return {"tag": [*tag], "metadata": [f"{key}:{value}" for key, value in (metadata or {}).items()]}
