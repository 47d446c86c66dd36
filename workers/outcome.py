"""Maps an error to the next action for its job: a pure table by code, and the one case in which earlier attempts decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.registry.errors import InternalError, JobQuarantined, TrainerDied
from services.registry.jobs.transitions import Failure
from services.registry.states import INFRASTRUCTURE
from trm.errors import CodedError, DeviceUnavailable, EngineFull, RankFailed

DEATHS = frozenset({TrainerDied.code, RankFailed.code})  # of the training's process, or of one of several


class NextAction(StrEnum):
    """The next action after a failed attempt."""

    RETRY = "retry"  # after a pause, while attempts are left
    FAIL = "fail"  # at once: another attempt would meet the same
    QUARANTINE = "quarantine"  # at once: it would only do harm again


# Codes of errors that another attempt may not meet; every other code fails the job at once.
PASSING = {
    *DEATHS,  # a crash or the kernel's out-of-memory killer
    InternalError.code,
    DeviceUnavailable.code,  # another job may hold the device's memory
    EngineFull.code,  # others may finish
    *INFRASTRUCTURE,
}


@dataclass(frozen=True)
class Verdict:
    """The next action, and the failure to record."""

    then: NextAction
    failure: Failure


def of_code(code: str, message: str) -> Verdict:
    """The verdict on an error known by its code."""
    return Verdict(NextAction.RETRY if code in PASSING else NextAction.FAIL, Failure(code, message))


def of_error(error: Exception) -> Verdict:
    """The verdict on an exception; unknown ones are internal errors."""
    if isinstance(error, CodedError):
        return of_code(error.code, str(error))
    return of_code(InternalError.code, f"{type(error).__name__}: {error}"[:1000])


def of_death(returncode: int, last_words: str) -> Verdict:
    """The verdict on a trainer that ended without saying why."""
    how = f"was killed by signal {-returncode}" if returncode < 0 else f"ended with status {returncode}"
    hint = " (signal 9 is often the kernel running out of memory)" if returncode == -9 else ""
    return of_code(TrainerDied.code, f"The trainer {how}{hint}. {last_words}".strip())


def in_view_of(verdict: Verdict, step: int, earlier: Sequence[tuple[str | None, int | None]], deaths: int) -> Verdict:
    """The verdict on a trainer's death after earlier attempts, each an error code and the last step.

    A job that has killed its trainer so many times in a row at the same step is poison.
    """
    if verdict.failure.code not in DEATHS:
        return verdict
    last = [*earlier, (verdict.failure.code, step)][-deaths:]
    if len(last) < deaths or any(code not in DEATHS or at != step for code, at in last):
        return verdict
    message = f"The trainer died {deaths} times in a row at step {step}. {verdict.failure.message}"
    return Verdict(NextAction.QUARANTINE, Failure(JobQuarantined.code, message))
