"""A job is kept while its worker waits for files, and one that was lost meanwhile is not taken back."""

from datetime import datetime
from uuid import uuid4

import pytest

from services.registry.access.visibility import EVERYTHING
from services.registry.db.database import Database
from services.registry.errors import StaleLease
from services.registry.jobs import jobs, leases
from services.registry.metrics.metrics import TrainMetrics
from tests.conftest import wait_until
from tests.workers.conftest import Train
from workers.context import Worker
from workers.heartbeats import kept_alive


def expiry(database: Database, claim: leases.Claim) -> datetime:
    with database.transaction() as session:
        expires_at = jobs.get(session, EVERYTHING, claim.job_id).lease_expires_at
    assert expires_at is not None
    return expires_at


def test_the_lease_is_extended_while_it_waits(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    trainer.settings = trainer.settings.model_copy(update={"heartbeat_seconds": 0.05})
    claim = submit_training()
    begun = expiry(database, claim)
    with kept_alive(trainer, claim):
        wait_until(lambda: expiry(database, claim) > begun)
    after = expiry(database, claim)
    with pytest.raises(AssertionError, match="gave up"):
        wait_until(lambda: expiry(database, claim) > after, 0.3)


def test_a_lease_that_was_lost_stays_lost(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    trainer.settings = trainer.settings.model_copy(update={"heartbeat_seconds": 0.01})
    claim = submit_training()
    with database.transaction() as session:
        jobs.get(session, EVERYTHING, claim.job_id).lease_token = uuid4()
    taken = expiry(database, claim)
    with kept_alive(trainer, claim), pytest.raises(AssertionError, match="gave up"):
        wait_until(lambda: expiry(database, claim) > taken, 0.2)
    with pytest.raises(StaleLease), database.transaction() as session:
        leases.heartbeat(session, claim)
