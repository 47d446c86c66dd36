"""A training on several devices: as many ranks as the job asks for and the worker has, ended whole however it ends."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest
from sqlalchemy.orm import Session

from services.registry.access.visibility import EVERYTHING, AccessScope
from services.registry.db.database import Database
from services.registry.jobs import jobs
from services.registry.jobs.leases import Claim
from services.registry.jobs.requirements import Capabilities
from services.registry.metrics.metrics import TrainMetrics
from services.registry.runs import checkpoints
from tests.conftest import wait_until
from tests.workers.conftest import Train
from tests.workers.test_train import again, events, saved_steps
from workers.attempt import Cancelled, Failed, Released
from workers.context import Worker
from workers.training.train import count_ranks, train

LONG = 100_000
PATIENCE = 120.0


def ranks_of(process: psutil.Process) -> list[psutil.Process]:
    """The processes below it that torchrun has started."""
    return [child for child in process.children(recursive=True) if is_rank(child)]


def is_rank(process: psutil.Process) -> bool:
    with suppress(psutil.Error):  # it has ended, which must not hide the others
        return "TORCHELASTIC_RUN_ID" in process.environ()
    return False


class Training(threading.Thread):
    """An attempt at a job, in a thread."""

    def __init__(self, worker: Worker[TrainMetrics], claim: Claim) -> None:
        super().__init__(daemon=True)
        self.worker, self.claim = worker, claim
        self.raised: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            train(self.worker, self.claim)
        except BaseException as error:
            self.raised = error

    def reach(self, step: int) -> None:
        """Wait until it has come so far."""

        def reached() -> bool:
            with self.worker.database.transaction() as session:
                return jobs.get(session, EVERYTHING, self.claim.job_id).step >= step

        wait_until(reached, PATIENCE)

    def ended(self) -> BaseException | None:
        """What it raised."""
        self.join(PATIENCE)
        assert not self.is_alive()
        return self.raised


@pytest.fixture
def two(trainer: Worker[TrainMetrics]) -> Worker[TrainMetrics]:
    """A worker with two devices."""
    trainer.offers = Capabilities("cpu", devices=2)
    trainer.settings = trainer.settings.model_copy(update={"heartbeat_seconds": 0.2, "stop_grace_seconds": 60})
    return trainer


@pytest.fixture
def training(two: Worker[TrainMetrics], submit_training: Train) -> Training:
    """One on two devices that goes on until it is ended."""
    training = Training(two, submit_training(devices=2, steps=LONG))
    training.reach(3)
    return training


@pytest.fixture
def ranks(training: Training) -> Iterator[list[psutil.Process]]:
    """Its two; after the test none is left."""
    ranks = ranks_of(psutil.Process())
    assert len(ranks) == 2
    yield ranks
    assert psutil.wait_procs(ranks, timeout=10)[1] == []


def failure_of(training: Training) -> str:
    """The code with which it has failed."""
    raised = training.ended()
    assert isinstance(raised, Failed)
    return raised.verdict.failure.code


@pytest.mark.parametrize(
    ("asked", "offered", "slots", "count"), [(1, 4, 8, 1), (4, 4, 8, 4), (8, 2, 8, 2), (3, 8, 12, 3), (8, 5, 12, 4)]
)
def test_a_job_gets_what_it_asks_for_as_far_as_it_is_there(asked: int, offered: int, slots: int, count: int) -> None:
    assert count_ranks(asked, offered, slots) == count


@pytest.mark.slow
@pytest.mark.usefixtures("ranks")
def test_a_job_on_two_devices_goes_on_with_one(
    two: Worker[TrainMetrics], database: Database, training: Training
) -> None:
    two.stopping.set()
    assert isinstance(training.ended(), Released)
    two.stopping.clear()
    with database.transaction() as session:
        stopped = checkpoints.newest(session, EVERYTHING, training.claim.training_run).step
    assert stopped >= 3
    two.offers = Capabilities("cpu", devices=1)
    claim = again(database, training.claim)
    alone = Training(two, claim)

    def resumed() -> bool:
        return [event["step"] for event in events(database, claim) if event["type"] == "started"][1:] == [stopped]

    wait_until(resumed, PATIENCE)
    assert ranks_of(psutil.Process()) == []
    two.stopping.set()
    assert isinstance(alone.ended(), Released)


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_the_attempt_and_leaves_its_checkpoints(
    database: Database, training: Training, ranks: list[psutil.Process]
) -> None:
    training.reach(10)
    ranks[-1].kill()
    assert failure_of(training) == "rank_failed"
    assert saved_steps(database, training.claim)[0] >= 4


@pytest.mark.slow
@pytest.mark.usefixtures("ranks")
@pytest.mark.parametrize(("ask", "ended"), [(jobs.request_cancel, Cancelled), (jobs.request_pause, Released)])
def test_a_job_on_two_devices_is_cancelled_and_paused(
    database: Database, training: Training, ask: Callable[[Session, AccessScope, str], object], ended: type
) -> None:
    with database.transaction() as session:
        ask(session, EVERYTHING, training.claim.job_id)
    assert isinstance(training.ended(), ended)
    assert saved_steps(database, training.claim)[0] >= 3


@pytest.mark.slow
def test_ranks_end_with_their_launcher(training: Training, ranks: list[psutil.Process]) -> None:
    ranks[0].parent().kill()  # type: ignore[union-attr]
    assert failure_of(training) == "trainer_died"
