"""Why the service did not do what it was asked, as exceptions.

ClientError
    ApiError            the service refused, or failed: its problem document, RFC 9457
    ServiceUnreachable  no answer
    UnexpectedAnswer    something answers that is not this service, or a proxy in front of it
    WaitTimedOut        the job has not ended in the time that was given
    JobUnsuccessful     the job has ended, and failed or was cancelled
"""

from trm.client.api import Job, Problem, ProblemItem
from trm.errors import TrmError

ENDED = {"failed": "has failed", "cancelled": "was cancelled"}


class ClientError(TrmError):
    """Root of what the client raises."""


class ApiError(ClientError):
    """The service answered with a problem; `code` is the problem's, and stable, the message its detail."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem
        self.code = problem.code

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def title(self) -> str:
        """What the code means."""
        return self.problem.title

    @property
    def detail(self) -> str:
        """What was wrong with this request."""
        return self.problem.detail

    @property
    def request_id(self) -> str:
        """What the service's log knows the request by."""
        return self.problem.request_id

    @property
    def items(self) -> list[ProblemItem]:
        """The parts at fault; each has a `pointer` into the JSON body, or the name of a `parameter`."""
        return self.problem.errors

    @property
    def pointer(self) -> str | None:
        """JSON pointer to the first part at fault."""
        return next((item.pointer for item in self.items if item.pointer is not None), None)


class ServiceUnreachable(ClientError, code="service_unreachable"):
    """The service gave no answer within the time for retries."""


class UnexpectedAnswer(ClientError, code="answer_unexpected"):
    """The answer is none that this service gives."""


class WaitTimedOut(ClientError, code="wait_timed_out"):
    """The job has not ended in time; it is not cancelled. `job` is its last known state."""

    def __init__(self, job: Job, seconds: float) -> None:
        super().__init__(f"The {job.kind} job {job.id} is still {job.status} after {seconds:g} s; it continues.")
        self.job = job


class JobUnsuccessful(ClientError, code="job_unsuccessful"):
    """The job has failed or was cancelled. `job` is its final state, with the reason in `job.error`."""

    def __init__(self, job: Job) -> None:
        reason = f": {job.error.message} [{job.error.code}]" if job.error else "."
        super().__init__(f"The {job.kind} job {job.id} {ENDED.get(job.status, job.status)}{reason}")
        self.job = job
