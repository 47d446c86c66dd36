"""The exit statuses of `trm`: stable, and the same for every command."""

from enum import IntEnum

from trm.errors import CodedError, NoService, ProfileError

SERVER_ERROR = 500  # HTTP statuses from here on are no fault of the request


class ExitCode(IntEnum):
    """What a script can tell an end by; docs/how-to/command-line.md lists the same."""

    DONE = 0
    FAILED = 1  # the command, or the job that it waited for
    USAGE = 2  # options that are not understood; of `trm solve`: the rules do not verify the answer
    NOT_RUNNING = 3  # no service is known, it does not answer, or no stack runs
    DENIED = 4  # the API key is missing, wrong or without the scope
    NOT_FOUND = 5
    REFUSED = 6  # the service does not take the request as it is, or not now
    CANCELLED = 7  # the job that was waited for was cancelled
    INTERRUPTED = 130  # Ctrl-C; a job that was followed goes on


def exit_code_of(error: CodedError) -> ExitCode:
    """The status that an error ends the command with."""
    if isinstance(error, NoService | ProfileError):
        return ExitCode.NOT_RUNNING
    if not type(error).__module__.startswith("trm.client"):
        return ExitCode.FAILED
    from trm.client import ApiError, JobUnsuccessful, ServiceUnreachable

    match error:
        case ServiceUnreachable():
            return ExitCode.NOT_RUNNING
        case JobUnsuccessful(job=job) if job.status == "cancelled":
            return ExitCode.CANCELLED
        case ApiError(status=401 | 403):
            return ExitCode.DENIED
        case ApiError(status=404):
            return ExitCode.NOT_FOUND
        case ApiError(status=status) if status < SERVER_ERROR:
            return ExitCode.REFUSED
    return ExitCode.FAILED
