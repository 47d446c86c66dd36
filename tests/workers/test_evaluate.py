"""Evaluation jobs: examined by a real model in a real engine, with a lease, and stopped when they are cancelled or paused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.registry.access.visibility import EVERYTHING
from services.registry.errors import StaleLease
from services.registry.jobs import completion, job_events, jobs, leases
from services.registry.metrics.metrics import SolveMetrics
from services.registry.states import JobKind, JobStatus
from tests.fresh import new_job
from trm.errors import UnknownDataset
from trm.evaluation.examine import examine
from trm.interface.effort import Effort
from trm.interface.report import Report
from trm.puzzles.datasets.datasets import load, save_dataset
from trm.solving.solver import Solver
from workers import attempt
from workers.attempt import Cancelled, Released
from workers.context import Worker
from workers.solving.engine_loop import EngineLoop
from workers.solving.evaluate import evaluate
from workers.solving.models import Models

Ask = Callable[[leases.Claim], dict[str, Any]]
Claimed = Callable[..., leases.Claim]


@pytest.fixture
def engine_loop(worker: Worker[SolveMetrics]) -> EngineLoop:
    return EngineLoop(worker.metrics, worker.cores)


@pytest.fixture
def models(worker: Worker[SolveMetrics]) -> Models:
    return Models(worker)


@pytest.fixture
def ask(worker: Worker[SolveMetrics], models: Models, engine_loop: EngineLoop) -> Ask:
    return lambda claim: evaluate(worker, claim, models, engine_loop)


@pytest.fixture
def claimed(worker: Worker[SolveMetrics], submit: Claimed) -> Claimed:
    """Makes an evaluation job that this worker holds."""

    def make(url: str | None = None, split: str = "test", limit: int = 20, **effort: object) -> leases.Claim:
        model = _model(worker, submit(["." * 16]))
        dataset = {"name": "sudoku-4x4", "url": url}
        request = {"model": model, "dataset": dataset, "split": split, "limit": limit, "effort": effort}
        with worker.database.transaction() as session:
            job = new_job(session, JobKind.EVALUATE, request, model_id=model, total_steps=limit)
            claim = leases.claim(session, job.id, worker.name, 30)
        assert claim is not None
        return claim

    return make


def _model(worker: Worker[SolveMetrics], solving: leases.Claim) -> str:
    with worker.database.transaction() as session:
        return jobs.get(session, EVERYTHING, solving.job_id).model_id or ""


def test_the_report_is_that_of_the_library(ask: Ask, claimed: Claimed, saved: Path) -> None:
    result = ask(claimed(views=2, max_steps=3))
    solver = Solver.load(saved, "cpu")
    expected = examine(solver, load("sudoku-4x4", "test").take(20), Effort(views=2, max_steps=3))
    assert Report.model_validate(result["report"]) == expected
    assert (result["dataset"], result["split"], result["effort"]) == (
        "sudoku-4x4",
        "test",
        {"views": 2, "max_steps": 3},
    )


def test_an_uploaded_set_is_read_from_the_storage(
    worker: Worker[SolveMetrics], ask: Ask, claimed: Claimed, tmp_path: Path
) -> None:
    few = load("sudoku-4x4", "train").take(7)
    save_dataset(tmp_path / "ds_x", "mine", {"train": few, "test": few})
    url = worker.storage.put_folder(tmp_path / "ds_x", "datasets/ds_x")
    result = ask(claimed(url=url, split="train"))
    assert (result["report"]["n"], result["split"]) == (7, "train")


def test_a_split_that_is_not_there_fails_the_job(ask: Ask, claimed: Claimed) -> None:
    with pytest.raises(UnknownDataset):
        ask(claimed(split="dev"))


def test_progress_is_told_and_the_result_recorded(
    worker: Worker[SolveMetrics],
    claimed: Claimed,
    models: Models,
    engine_loop: EngineLoop,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    claim = claimed(limit=150, max_steps=32)
    attempt._run(worker, claim, lambda worker, claim: evaluate(worker, claim, models, engine_loop))
    with worker.database.transaction() as session:
        job = jobs.get(session, EVERYTHING, claim.job_id)
        told = [
            event.data["through"]
            for event in job_events.after(session, EVERYTHING, claim.job_id)
            if event.type == "evaluating"
        ]
    assert job.status is JobStatus.SUCCEEDED
    assert job.result is not None
    assert job.result["report"]["n"] == 150
    assert told == sorted(set(told)) != []


@pytest.mark.parametrize(("ask_for", "ending"), [("cancel", Cancelled), ("pause", Released), ("stop", Released)])
def test_it_stops_when_it_is_asked_to(
    worker: Worker[SolveMetrics],
    ask: Ask,
    claimed: Claimed,
    engine_loop: EngineLoop,
    ask_for: str,
    ending: type[Exception],
) -> None:
    claim = claimed(limit=1000, max_steps=1024)
    if ask_for == "stop":
        worker.stopping.set()
    else:
        with worker.database.transaction() as session:
            {"cancel": jobs.request_cancel, "pause": jobs.request_pause}[ask_for](session, EVERYTHING, claim.job_id)
    with pytest.raises(ending):
        ask(claim)


def test_one_that_lost_its_lease_writes_nothing(worker: Worker[SolveMetrics], ask: Ask, claimed: Claimed) -> None:
    claim = claimed(limit=1000, max_steps=1024)
    with worker.database.transaction() as session:
        completion.release(session, claim)
    with pytest.raises(StaleLease):
        ask(claim)
