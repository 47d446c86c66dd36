"""Maps an error to the next action for its job: a pure table by code, and the one case in which earlier attempts decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from services.registry.errors import RegistryError
from services.registry.jobs.transitions import Failure
from services.registry.states import INFRASTRUCTURE
from trm.errors import TrmError

TRAINER_DIED = "trainer_died"
DEATHS = frozenset({TRAINER_DIED, "rank_failed"})  # of the training's process, or of one of several
INTERNAL = "internal_error"
QUARANTINED = "job_quarantined"


class NextAction(StrEnum):
    """The next action after a failed attempt."""

    RETRY = "retry"  # after a pause, while attempts are left
    FAIL = "fail"  # at once: another attempt would meet the same
    QUARANTINE = "quarantine"  # at once: it would only do harm again


# Codes of errors that another attempt may not meet; every other code fails the job at once.
NEXT_ACTIONS = dict.fromkeys(
    (
        *DEATHS,  # a crash or the kernel's out-of-memory killer
        INTERNAL,
        "device_unavailable",  # another job may hold the device's memory
        "engine_full",  # others may finish
        *INFRASTRUCTURE,
    ),
    NextAction.RETRY,
)


@dataclass(frozen=True)
class Verdict:
    """The next action, and the failure to record."""

    then: NextAction
    failure: Failure


def of_code(code: str, message: str) -> Verdict:
    """The verdict on an error known by its code."""
    return Verdict(NEXT_ACTIONS.get(code, NextAction.FAIL), Failure(code, message))


def of_error(error: Exception) -> Verdict:
    """The verdict on an exception; unknown ones are internal errors."""
    if isinstance(error, TrmError | RegistryError):
        return of_code(error.code, str(error))
    return of_code(INTERNAL, f"{type(error).__name__}: {error}"[:1000])


def of_death(returncode: int, last_words: str) -> Verdict:
    """The verdict on a trainer that ended without saying why."""
    how = f"was killed by signal {-returncode}" if returncode < 0 else f"ended with status {returncode}"
    hint = " (signal 9 is often the kernel running out of memory)" if returncode == -9 else ""
    return of_code(TRAINER_DIED, f"The trainer {how}{hint}. {last_words}".strip())


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
    return Verdict(NextAction.QUARANTINE, Failure(QUARANTINED, message))
