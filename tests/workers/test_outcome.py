"""The table from errors to what becomes of the job."""

import pytest

from services.registry.errors import DatabaseUnavailable
from trm.errors import CorruptCheckpoint, DeviceUnavailable, NonFiniteLoss, StorageFull, UnknownDataset
from workers import outcome
from workers.outcome import NextAction


@pytest.mark.parametrize(
    ("error", "code", "retried"),
    [
        (NonFiniteLoss("x"), "loss_not_finite", False),
        (CorruptCheckpoint("x"), "checkpoint_corrupt", False),
        (UnknownDataset("x"), "dataset_unknown", False),
        (StorageFull("x"), "storage_full", True),
        (DeviceUnavailable("x"), "device_unavailable", True),
        (DatabaseUnavailable("x"), "database_unavailable", True),
        (ZeroDivisionError("x"), "internal_error", True),
    ],
)
def test_errors(error: Exception, code: str, retried: bool) -> None:
    verdict = outcome.of_error(error)
    assert (verdict.failure.code, verdict.then is NextAction.RETRY) == (code, retried)


def test_a_silent_death_names_the_signal_and_the_last_words() -> None:
    verdict = outcome.of_death(-9, "loading weights")
    assert verdict.then is NextAction.RETRY
    assert "signal 9" in verdict.failure.message
    assert "loading weights" in verdict.failure.message
    assert "status 3" in outcome.of_death(3, "").failure.message


DIED = outcome.of_death(-11, "")


@pytest.mark.parametrize(
    ("earlier", "then"),
    [
        ([], NextAction.RETRY),
        ([("trainer_died", 7)], NextAction.RETRY),
        ([("trainer_died", 7), ("trainer_died", 7)], NextAction.QUARANTINE),
        ([("trainer_died", 6), ("trainer_died", 7)], NextAction.RETRY),
        ([("trainer_died", 7), ("trainer_died", 7), ("worker_lost", 7)], NextAction.RETRY),
        ([("trainer_died", 7), (None, 7), ("trainer_died", 7)], NextAction.RETRY),
        ([("device_unavailable", 7), ("trainer_died", 7), ("trainer_died", 7)], NextAction.QUARANTINE),
        ([("rank_failed", 7), ("trainer_died", 7)], NextAction.QUARANTINE),
    ],
)
def test_a_job_that_kills_its_trainer_again_and_again_at_one_step_is_poison(
    earlier: list[tuple[str | None, int | None]], then: NextAction
) -> None:
    verdict = outcome.in_view_of(DIED, 7, earlier, deaths=3)
    assert verdict.then is then
    assert verdict.failure.code == ("job_quarantined" if then is NextAction.QUARANTINE else "trainer_died")


def test_other_errors_are_never_poison() -> None:
    verdict = outcome.of_error(NonFiniteLoss("x"))
    assert outcome.in_view_of(verdict, 7, [("trainer_died", 7)] * 5, deaths=2) == verdict
