"""Workers and trainers that are killed, stopped, frozen, poisoned."""

import random
import signal
import time
from pathlib import Path

import pytest

from services.registry.access.visibility import EVERYTHING
from services.registry.db.tables import Checkpoint
from services.registry.runs import run_metrics
from tests.api import Json
from tests.chaos.customer import Customer
from tests.chaos.invariants import samples
from tests.chaos.processes import LEASE_SECONDS
from tests.chaos.stand import PYTHON_PARTS, SOLVE, TRAIN, TRAIN_TOO, Stand
from trm.checkpoints import checkpoint

HEAVY = {"rollouts": 16, "noise": 0.1, "max_steps": 64}  # makes a solve job of some puzzles last seconds
SEEDS = (1, 2, 3)


def outcomes(job: Json) -> list[str]:
    return [attempt["outcome"] for attempt in job["attempts"]]


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.fault("trainer", "kill -9 in the middle of a step")
def test_a_trainer_is_killed_in_a_step(stand: Stand, customer: Customer) -> None:
    stand.arm(TRAIN, "update", "kill", calls=33)
    job = customer.succeeded(customer.train(60))
    assert outcomes(job) == ["retried", "succeeded"]
    assert job["attempts"][1]["first_step"] == 20


@pytest.mark.fault("trainer", "killed more often than attempts are allowed, after a newer checkpoint each time")
def test_a_training_that_gets_further_each_time_ends_well(stand: Stand, customer: Customer) -> None:
    stand.restart("gateway", TRM_MAX_ATTEMPTS="2")
    for _ in range(4):
        stand.arm(TRAIN, "update", "kill", calls=25)
    job = customer.succeeded(customer.train(120))
    assert outcomes(job) == ["retried"] * 4 + ["succeeded"]
    assert [attempt["uncounted"] for attempt in job["attempts"]] == ["progress"] * 4 + [None]
    stand.restart("gateway")


@pytest.mark.fault("solve worker", "killed more often than attempts are allowed: not the job's fault")
def test_a_solve_job_is_not_blamed_for_its_workers_deaths(stand: Stand, customer: Customer) -> None:
    stand.restart("gateway", TRM_MAX_ATTEMPTS="1")
    job_id = customer.solve(8, **HEAVY)
    for attempt in (1, 2):
        customer.wait(job_id, lambda job: (job["status"], job["attempt"]) == ("running", attempt))  # noqa: B023 - called now
        stand.kill(SOLVE)
    job = customer.succeeded(job_id)
    assert [attempt["uncounted"] for attempt in job["attempts"]] == ["infrastructure"] * 2 + [None]
    stand.restart("gateway")


@pytest.mark.fault("trainer", "kill -9 while it writes a checkpoint")
@pytest.mark.parametrize("files", [4, 5, 7])
def test_a_trainer_is_killed_in_a_checkpoint(stand: Stand, customer: Customer, files: int) -> None:
    stand.arm(
        TRAIN, "write", "kill", calls=files, after=files == 7
    )  # 4 files each; after the last one: before the rename
    job = customer.succeeded(customer.train(60))
    assert outcomes(job) == ["retried", "succeeded"]
    assert job["attempts"][1]["first_step"] == 20


@pytest.mark.fault("trainer", "exact resume: three kills at random steps, then the same weights, optimiser and curve")
@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_with_kills_ends_bit_for_bit_as_one_without(stand: Stand, customer: Customer, seed: int) -> None:
    draw = random.Random(seed)
    undisturbed = customer.succeeded(customer.train(120, seed=seed))
    armed = [stand.arm(TRAIN, "update", "kill", calls=draw.randrange(21, 40))[0] for _ in range(2)]
    armed += stand.arm(TRAIN, "checkpoint", "kill", calls=draw.randrange(2, 4))
    killed = customer.succeeded(customer.train(120, seed=seed))
    stand.struck(armed)
    assert killed["attempt"] == 4
    assert _traces(stand, killed) == _traces(stand, undisturbed)


def _traces(stand: Stand, job: Json) -> tuple[dict[str, str], list[list[object]]]:
    """Digests of the last checkpoint's tensors, and the curve without its times."""
    with stand.database.transaction() as session:
        rows = run_metrics.read(session, EVERYTHING, job["run_id"])
        last = session.query(Checkpoint).filter_by(run_id=job["run_id"], step=rows[-1].step).one()
        names = [name for name in run_metrics.COLUMNS if name not in ("seconds", "puzzles_per_second")]
        curve = [[getattr(row, name) for name in names] for row in rows]
    files = checkpoint.verify(Path(last.url.removeprefix("file://"))).files
    assert len(files) >= 3
    return {name: file["sha256"] for name, file in files.items()}, curve


@pytest.mark.fault("training worker", "kill -9 between a stored checkpoint and its row")
@pytest.mark.parametrize(
    ("point", "after"), [("store", False), ("store", True), ("checkpoint", False), ("checkpoint", True)]
)
def test_a_worker_is_killed_around_a_checkpoint(stand: Stand, customer: Customer, point: str, after: bool) -> None:
    stand.arm(TRAIN, point, "kill", after=after, calls=1)
    job = customer.succeeded(customer.train(80))
    assert outcomes(job) == ["lost", "succeeded"]


@pytest.mark.fault("training worker", "kill -9: alone, with its trainer, with every other process of the service")
@pytest.mark.parametrize("whole", ["worker", "group", "container"])
def test_a_worker_is_killed(stand: Stand, customer: Customer, whole: str) -> None:
    job = customer.train(400)
    customer.checkpointed(job)
    trainer = stand.trainer()
    if whole == "group":
        trainer.kill()
    for name in PYTHON_PARTS if whole == "container" else (TRAIN,):
        stand.processes[name].kill()
    found = customer.succeeded(job)
    assert outcomes(found) == ["lost", "succeeded"]
    assert found["attempts"][1]["first_step"] > 0
    assert not trainer.is_running()


@pytest.mark.fault("training worker", "SIGTERM, once and twice, in a training")
@pytest.mark.parametrize("times", [1, 2])
def test_a_worker_is_stopped(stand: Stand, customer: Customer, times: int) -> None:
    job = customer.train(400)
    customer.under_way(job)
    stand.stop(TRAIN, times)
    found = customer.succeeded(job)
    assert outcomes(found) == ["released", "succeeded"]
    first, second = found["attempts"]
    assert second["first_step"] >= first["last_step"] > 0


@pytest.mark.fault("training worker", "SIGSTOP for twice its lease, then SIGCONT")
def test_a_frozen_worker_that_comes_back_has_lost(stand: Stand, customer: Customer) -> None:
    job = customer.train(400)
    customer.checkpointed(job)
    stand.freeze(TRAIN)
    stand.up(TRAIN_TOO)
    time.sleep(2 * LEASE_SECONDS)
    customer.wait(job, lambda found: found["attempt"] == 2)
    rejected = ("trm_stale_writes_rejected_total", "train")
    stand.thaw(TRAIN)
    found = customer.succeeded(job)
    assert outcomes(found) == ["lost", "succeeded"]
    assert samples(stand.ports[TRAIN])[rejected] == 1


@pytest.mark.fault("solve worker", "SIGSTOP for twice its lease, then SIGCONT")
def test_a_frozen_solve_worker_begins_anew(stand: Stand, customer: Customer) -> None:
    job = customer.solve(200, **HEAVY)
    customer.wait(job, lambda found: found["status"] == "running")
    stand.freeze(SOLVE)
    customer.wait(job, lambda found: found["status"] == "queued")
    time.sleep(LEASE_SECONDS)
    stand.thaw(SOLVE)
    found = customer.succeeded(job)
    assert outcomes(found)[0] == "lost"
    assert found["result"]["n"] == 200


@pytest.mark.slow
@pytest.mark.quick
@pytest.mark.fault("solve worker", "kill -9 with answers under way")
@pytest.mark.parametrize("point", ["claim", "solutions", "finish"])
def test_a_solve_worker_is_killed(stand: Stand, customer: Customer, point: str) -> None:
    armed = stand.arm(SOLVE, point, "kill", after=True)
    jobs = [customer.solve(3) for _ in range(20)]
    stand.struck(armed)
    for job in jobs:
        assert customer.succeeded(job)["result"]["n"] == 3


@pytest.mark.fault("trainer", "a job that kills its trainer every time: quarantined, the others unharmed")
def test_poison_is_quarantined(stand: Stand, customer: Customer) -> None:
    stand.arm(TRAIN, "update", "kill", times=3)
    poison = customer.train(40)
    customer.broken.add(poison)
    others = [customer.solve() for _ in range(20)]
    found = customer.ended(poison)
    assert (found["status"], found["error"]["code"], found["attempt"]) == ("failed", "job_quarantined", 3)
    for job in others:
        assert customer.succeeded(job)["attempt"] == 1
    assert customer.succeeded(customer.train(40))["attempt"] == 1


@pytest.mark.fault("trainer", "a loss that is not a number: failed with the reason, good checkpoints kept")
def test_a_training_that_diverges(stand: Stand, customer: Customer) -> None:
    wild = {"optimizer": "adamw", "learning_rate": 1.0, "weight_decay": 2.5, "warmup_steps": 0}
    job = customer.train(500, **wild)
    customer.broken.add(job)
    found = customer.ended(job)
    assert (found["status"], found["error"]["code"], found["attempt"]) == ("failed", "loss_not_finite", 1)
    assert customer.get(f"/v1/runs/{found['run_id']}/checkpoints")["data"]


@pytest.mark.fault("storage", "the newest checkpoint is cut short, or has a flipped bit")
@pytest.mark.parametrize("damage", ["short", "flipped"])
def test_a_damaged_checkpoint_is_passed_over(stand: Stand, customer: Customer, damage: str) -> None:
    job = customer.train(400, evaluate_every=1000)
    customer.checkpointed(job, 2)
    assert customer.move(job, "pause").status_code == 202
    paused = customer.wait(job, lambda found: found["status"] == "paused")
    newest = customer.checkpointed(job)[0]
    with stand.database.transaction() as session:
        file = Path(session.get_one(Checkpoint, newest["id"]).url.removeprefix("file://")) / "model.safetensors"
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + (b"" if damage == "short" else bytes([whole[-1] ^ 1])))
    customer.move(job, "resume")
    found = customer.succeeded(job)
    assert found["attempts"][1]["first_step"] < paused["progress"]["step"]
    told = customer.events(job)
    assert [event["data"]["step"] for event in told if event["type"] == "checkpoint_damaged"] == [newest["step"]]


@pytest.mark.fault("database", "slower than the training: 20 ms for every message each way")
def test_metrics_that_are_written_slowly_are_all_written(stand: Stand, customer: Customer) -> None:
    stand.wires["postgres"].slow_down(0.02)
    job = customer.succeeded(customer.train(200, log_every=1))
    assert job["attempt"] == 1


@pytest.mark.fault("training worker", "killed while a second one works")
def test_a_second_worker_takes_over(stand: Stand, customer: Customer) -> None:
    stand.up(TRAIN_TOO)
    jobs = [customer.train(200) for _ in range(3)]
    customer.under_way(jobs[0])
    stand.down(TRAIN, signal.SIGKILL)
    for job in jobs:
        customer.succeeded(job)
