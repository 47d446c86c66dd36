"""What an error makes of a job: one pure table from codes to "try again" or "it would only fail again"."""

from dataclasses import dataclass

from services.registry.errors import RegistryError
from services.registry.moves import Failure
from trm.errors import TrmError

TRAINER_DIED = "trainer_died"
INTERNAL = "internal_error"

# Codes of errors that another attempt may not meet; every other known code fails the job at once.
RETRIED = frozenset(
    {
        TRAINER_DIED,  # a crash or the kernel's out-of-memory killer
        INTERNAL,
        "device_unavailable",  # another job may hold the device's memory
        "engine_full",  # others may finish
        "database_unavailable",
        "storage_unavailable",
        "storage_full",  # somebody may make room
    }
)


@dataclass(frozen=True)
class Verdict:
    """Whether to try again, and what to record."""

    retry: bool
    failure: Failure


def of_code(code: str, message: str) -> Verdict:
    """The verdict on an error known by its code."""
    return Verdict(code in RETRIED, Failure(code, message))


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
