"""The training task around a checkpoint that is stored, too many, damaged, or finds no room."""

import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.event import listen

from services.registry.access.visibility import EVERYTHING
from services.registry.db.database import Database
from services.registry.errors import DatabaseUnavailable, StaleLease
from services.registry.jobs import completion, job_events, job_logs, jobs, leases, queue
from services.registry.jobs.leases import Claim
from services.registry.metrics.metrics import ReaperMetrics, TrainMetrics
from services.registry.runs import checkpoints
from services.registry.settings import Settings
from services.registry.states import JobStatus
from services.registry.storage.artifacts import is_checkpoint
from tests.workers.conftest import EVERY, STEPS, Train
from trm.config.run import RunConfig
from trm.interface.events import Evaluating, Finished, Updated, parse
from workers import attempt, outcome
from workers.attempt import Failed
from workers.context import Worker
from workers.reaper import Reaper
from workers.retention import clear_out
from workers.training import train as train_task
from workers.training.journal import Journal
from workers.training.progress import TrainingProgress
from workers.training.train import train

FINISHED = Finished(STEPS, seconds=1.0, exact_accuracy=None, peak_bytes=0)


def saved_steps(database: Database, claim: Claim) -> list[int]:
    with database.transaction() as session:
        return [row.step for row in checkpoints.furthest_first(session, EVERYTHING, claim.training_run)]


def stored(worker: Worker[TrainMetrics]) -> list[str]:
    return sorted(path.name for path in Path(worker.storage.root).glob("runs/*/attempt_*/*"))


def events(database: Database, claim: Claim) -> list[dict[str, Any]]:
    with database.transaction() as session:
        return [{"type": event.type, **event.data} for event in job_events.after(session, EVERYTHING, claim.job_id)]


def again(database: Database, claim: Claim) -> Claim:
    """The next attempt at the job, after this one was released."""
    with database.transaction() as session:
        completion.release(session, claim)
    with database.transaction() as session:
        claimed = leases.claim(session, claim.job_id, "tests", 60)
    assert claimed is not None
    return claimed


def test_the_last_checkpoints_stay_and_nothing_lies_twice_on_the_disk(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    claim = submit_training()
    train(trainer, claim)
    assert saved_steps(database, claim) == [STEPS, STEPS - EVERY]
    assert stored(trainer) == [f"step_{step:08d}" for step in (STEPS - EVERY, STEPS)]
    assert not any(trainer.scratch.glob("*/attempt_*"))


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_taken(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, collectors: CollectorRegistry
) -> None:
    claim = submit_training()
    train(trainer, claim)
    *_, newest = sorted(Path(trainer.storage.root).glob("runs/*/attempt_1-*/*"))
    weights = newest / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    claim = again(database, claim)
    train(trainer, claim)
    told = [event for event in events(database, claim) if event["type"] == "checkpoint_damaged"]
    assert [(event["step"], event["id"][:5]) for event in told] == [(STEPS, "ckpt_")]
    assert [event["step"] for event in events(database, claim) if event["type"] == "started"] == [0, STEPS - EVERY]
    assert collectors.get_sample_value("trm_checkpoints_damaged_total", {"kind": "train"}) == 1


def test_without_room_checkpoints_fail_and_are_counted_and_the_end_waits_for_room(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, collectors: CollectorRegistry
) -> None:
    trainer.storage.min_free_bytes = 1 << 60
    claim = submit_training()
    with pytest.raises(Exception, match="no room") as raised:
        train(trainer, claim)
    assert getattr(raised.value, "code", "") == "storage_full"
    failed = collectors.get_sample_value("trm_checkpoint_failures_total", {"reason": "storage_full"})
    assert failed == STEPS / EVERY
    assert [event["step"] for event in events(database, claim) if event["type"] == "finished"] == [STEPS]
    assert (saved_steps(database, claim), stored(trainer)) == ([], [])


@pytest.mark.slow
def test_what_killed_workers_left_behind_is_removed_by_the_next_attempt(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    claim, other = submit_training(), submit_training()
    train(trainer, claim)
    kept, run = stored(trainer), Path(trainer.storage.root, f"runs/{claim.training_run}")
    for left in (run / "attempt_1/step_00000099", run / "attempt_1/.step_00000100.x.part"):
        (left / "deep").mkdir(parents=True)
    folders = [trainer.scratch / job / "attempt_1" for job in (claim.job_id, "job_unknown", other.job_id)]
    for folder in folders:
        folder.mkdir(parents=True)
    train(trainer, again(database, claim))
    assert stored(trainer) == kept  # the first attempt's: the second had nothing left to do
    assert [folder.parent.exists() for folder in folders] == [False, False, True]  # the last is at work


def test_what_was_stored_without_the_lease_is_removed(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    trainer.settings = trainer.settings.model_copy(update={"metrics_batch_seconds": 1000.0})  # it learns at its end
    claim = submit_training()
    with database.transaction() as session:
        jobs.get(session, EVERYTHING, claim.job_id).lease_token = uuid4()
    with pytest.raises(StaleLease):
        train(trainer, claim)
    assert stored(trainer) == []
    assert not any(trainer.scratch.glob("*/attempt_*"))


def test_a_slow_database_gets_more_rows_at_once(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, config: RunConfig
) -> None:
    trainer.settings = trainer.settings.model_copy(update={"metrics_batch_seconds": 0.5})
    journal = Journal(trainer, submit_training(), TrainingProgress(config))
    listen(database.engine, "begin", lambda _: time.sleep(1))
    journal.take(FINISHED)
    journal.write()
    journal.take(FINISHED)
    assert not journal.is_due  # although the write took longer than a row may wait


def test_how_far_an_evaluation_is_is_told_and_progress_never_goes_back(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, config: RunConfig
) -> None:
    claim = submit_training()
    journal = Journal(trainer, claim, TrainingProgress(config))
    journal.take(Updated(STEPS))
    journal.take(Evaluating(STEPS - 1, "validation", n=500, through=32))  # of weights of the step before
    journal.write()
    told = {"step": STEPS - 1, "split": "validation", "n": 500, "through": 32}
    assert events(database, claim) == [{"type": "evaluating", **told}]
    with database.transaction() as session:
        assert jobs.get(session, EVERYTHING, claim.job_id).step == STEPS


def test_an_event_of_a_newer_version_is_kept_as_it_came(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, config: RunConfig
) -> None:
    claim = submit_training()
    journal = Journal(trainer, claim, TrainingProgress(config))
    journal.take(parse('{"event": "rested", "step": 3, "why": {"heat": 81.5}}'))
    journal.write()
    assert events(database, claim) == [{"type": "rested", "step": 3, "why": {"heat": 81.5}}]


def test_an_attempt_does_not_end_before_the_database_has_taken_everything(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, config: RunConfig
) -> None:
    claim, tries = submit_training(), iter(range(3))
    journal = Journal(trainer, claim, TrainingProgress(config))
    journal.take(FINISHED)

    def refuse(_: object) -> None:
        if next(tries, None) is not None:
            raise DatabaseUnavailable("It is away.")

    listen(database.engine, "begin", refuse)
    journal.write_out()
    assert [event["type"] for event in events(database, claim)] == ["finished"]


def test_a_run_begins_with_the_weights_of_another(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    parent = submit_training()
    train(trainer, parent)
    with database.transaction() as session:
        weights = checkpoints.newest(session, EVERYTHING, parent.training_run).id
    child = submit_training(weights)
    train(trainer, child)
    assert [event["step"] for event in events(database, child) if event["type"] == "started"] == [0]
    assert saved_steps(database, child)[0] == STEPS


def test_a_run_whose_parent_is_damaged_fails(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    parent = submit_training()
    train(trainer, parent)
    with database.transaction() as session:
        newest = checkpoints.newest(session, EVERYTHING, parent.training_run)
    (Path(trainer.storage.fetch_folder(newest.url, trainer.scratch)) / "meta.json").write_text("{}")
    child = submit_training(newest.id)
    with pytest.raises(Failed) as raised:
        train(trainer, child)
    assert raised.value.verdict.failure.code == "checkpoint_corrupt"


@pytest.mark.slow
def test_the_reaper_finishes_what_a_killed_worker_has_left(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, settings: Settings
) -> None:
    claim = submit_training()
    train(trainer, claim)
    with database.transaction() as session:
        checkpoints.retire(session, claim, keep=1)
    Reaper(settings, database, queue.publisher_app(settings), ReaperMetrics(CollectorRegistry())).make_round()
    assert len(stored(trainer)) == 2  # its worker may be about to delete it
    assert clear_out(database, trainer.storage) == 1
    assert stored(trainer) == [f"step_{STEPS:08d}"]
    assert clear_out(database, trainer.storage) == 0


def test_an_overdue_training_saves_and_has_timed_out(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    claim = submit_training()
    with database.transaction() as session:
        jobs.get(session, EVERYTHING, claim.job_id).deadline_at = jobs.get(session, EVERYTHING, claim.job_id).created_at
    trainer.settings = trainer.settings.model_copy(update={"heartbeat_seconds": 0.05})
    with pytest.raises(Failed) as raised:
        train(trainer, claim)
    assert raised.value.verdict.failure.code == "job_timed_out"
    with database.transaction() as session:
        completion.finish(session, claim, JobStatus.FAILED, failure=raised.value.verdict.failure)


@pytest.mark.slow
def test_attempts_with_the_same_number_store_under_names_of_their_own(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train
) -> None:
    """A restored database counts attempts again that the storage has seen already."""
    claim = submit_training()
    train(trainer, claim)
    with database.transaction() as session:
        session.execute(text("DELETE FROM checkpoints"))
        session.execute(text("DELETE FROM run_metrics"))
        session.execute(text("DELETE FROM job_attempts"))
        released = "status = 'queued', attempt = 0, lease_token = NULL, lease_expires_at = NULL"
        session.execute(text(f"UPDATE jobs SET {released}"))
    with database.transaction() as session:
        again = leases.claim(session, claim.job_id, "tests", 60)
    assert again is not None
    assert again.attempt == claim.attempt
    train(trainer, again)
    with database.transaction() as session:
        rows = checkpoints.furthest_first(session, EVERYTHING, claim.training_run)
    assert [row.step for row in rows] == [STEPS, STEPS - EVERY]
    assert all(is_checkpoint(trainer.storage.fetch_folder(row.url, trainer.scratch), row.digest) for row in rows)


def test_poison_is_counted(
    trainer: Worker[TrainMetrics], submit_training: Train, collectors: CollectorRegistry
) -> None:
    trainer.settings = trainer.settings.model_copy(update={"quarantine_deaths": 1})
    claim = submit_training()

    def die(*_: object) -> dict[str, Any]:
        raise Failed(outcome.of_death(-9, "It was killed."))

    attempt._run(trainer, claim, die)
    assert collectors.get_sample_value("trm_jobs_quarantined_total", {"kind": "train"}) == 1


def test_what_the_trainer_writes_is_kept_to_its_last_line(
    trainer: Worker[TrainMetrics], database: Database, submit_training: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = submit_training()
    code = "import sys, time; print('hello', file=sys.stderr, flush=True); time.sleep(0.5); print('no event'); sys.exit('the end')"
    whole = train_task._build_command

    def command(worker: Worker[TrainMetrics], claim: Claim, folder: Path) -> list[str]:
        whole(worker, claim, folder)  # writes the configuration
        return [sys.executable, "-c", code]

    monkeypatch.setattr(train_task, "_build_command", command)
    with pytest.raises(Failed):
        train(trainer, claim)
    with database.transaction() as session:
        assert sorted(line.text for line in job_logs.after(session, EVERYTHING, claim.job_id)) == [
            "hello",
            "no event",
            "the end",
        ]
