"""The table from errors to what becomes of the job."""

import pytest

from services.registry.errors import DatabaseUnavailable
from trm.errors import CorruptCheckpoint, DeviceUnavailable, NonFiniteLoss, StorageFull, UnknownDataset
from workers import outcome


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
    assert (verdict.failure.code, verdict.retry) == (code, retried)


def test_a_silent_death_names_the_signal_and_the_last_words() -> None:
    verdict = outcome.of_death(-9, "loading weights")
    assert verdict.retry
    assert "signal 9" in verdict.failure.message
    assert "loading weights" in verdict.failure.message
    assert "status 3" in outcome.of_death(3, "").failure.message
