"""A training on several devices: as many ranks as the job asks for and the worker has, ended whole however it ends."""

import threading
from contextlib import suppress

import psutil
import pytest

from services.registry.access.visibility import EVERYTHING
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


def under_way(database: Database, claim: Claim, step: int) -> list[psutil.Process]:
    """The two ranks, once the training has come so far."""

    def reached() -> bool:
        with database.transaction() as session:
            return jobs.get(session, EVERYTHING, claim.job_id).step >= step

    wait_until(reached, PATIENCE)
    ranks = ranks_of(psutil.Process())
    assert len(ranks) == 2
    return ranks


@pytest.mark.parametrize(
    ("asked", "offered", "slots", "count"), [(1, 4, 8, 1), (4, 4, 8, 4), (8, 2, 8, 2), (3, 8, 12, 3), (8, 5, 12, 4)]
)
def test_a_job_gets_what_it_asks_for_as_far_as_it_is_there(asked: int, offered: int, slots: int, count: int) -> None:
    assert count_ranks(asked, offered, slots) == count


def test_a_job_on_two_devices_goes_on_with_one(
    two: Worker[TrainMetrics],
    database: Database,
    submit_training: Train,
) -> None:
    claim = submit_training(devices=2, steps=LONG)
    training = Training(two, claim)
    ranks = under_way(database, claim, 3)
    two.stopping.set()
    assert isinstance(training.ended(), Released)
    assert psutil.wait_procs(ranks, timeout=10)[1] == []
    two.stopping.clear()
    with database.transaction() as session:
        stopped = checkpoints.newest(session, EVERYTHING, claim.training_run).step
    assert stopped >= 3
    two.offers = Capabilities("cpu", devices=1)
    claim = again(database, claim)
    training = Training(two, claim)

    def resumed() -> bool:
        return [event["step"] for event in events(database, claim) if event["type"] == "started"][1:] == [stopped]

    wait_until(resumed, PATIENCE)
    assert ranks_of(psutil.Process()) == []
    two.stopping.set()
    assert isinstance(training.ended(), Released)


@pytest.mark.slow
def test_a_rank_that_is_killed_ends_the_attempt_and_the_next_goes_on(
    two: Worker[TrainMetrics],
    database: Database,
    submit_training: Train,
) -> None:
    claim = submit_training(devices=2, steps=LONG)
    training = Training(two, claim)
    ranks = under_way(database, claim, 10)
    ranks[-1].kill()
    raised = training.ended()
    assert isinstance(raised, Failed)
    assert raised.verdict.failure.code == "rank_failed"
    assert psutil.wait_procs(ranks, timeout=10)[1] == []
    assert saved_steps(database, claim)[0] >= 4


@pytest.mark.slow
@pytest.mark.parametrize("move", ["cancel", "pause"])
def test_a_job_on_two_devices_is_cancelled_and_paused(
    two: Worker[TrainMetrics],
    database: Database,
    submit_training: Train,
    move: str,
) -> None:
    claim = submit_training(devices=2, steps=LONG)
    training = Training(two, claim)
    ranks = under_way(database, claim, 3)
    ask = jobs.request_cancel if move == "cancel" else jobs.request_pause
    with database.transaction() as session:
        ask(session, EVERYTHING, claim.job_id)
    assert isinstance(training.ended(), Cancelled if move == "cancel" else Released)
    assert psutil.wait_procs(ranks, timeout=10)[1] == []
    assert saved_steps(database, claim)[0] >= 3


@pytest.mark.slow
def test_ranks_end_with_their_launcher(
    two: Worker[TrainMetrics],
    database: Database,
    submit_training: Train,
) -> None:
    claim = submit_training(devices=2, steps=LONG)
    training = Training(two, claim)
    ranks = under_way(database, claim, 3)
    ranks[0].parent().kill()  # type: ignore[union-attr]
    raised = training.ended()
    assert isinstance(raised, Failed)
    assert raised.verdict.failure.code == "trainer_died"
    assert psutil.wait_procs(ranks, timeout=10)[1] == []
