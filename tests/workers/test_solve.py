"""Solving: chains are counted, told and recorded, and a job keeps its lease while it waits for the model."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from prometheus_client import CollectorRegistry
from sqlalchemy import delete

from services.registry.access.visibility import EVERYTHING
from services.registry.db.tables import Job, JobEvent, KeptCarry, Solution
from services.registry.errors import CarryExpired
from services.registry.jobs import job_events, jobs, leases, solutions
from services.registry.metrics.metrics import SolveMetrics
from services.registry.states import JobKind
from tests.conftest import wait_until
from tests.fresh import new_job
from tests.workers.conftest import Submit
from trm.config.run import RunConfig
from trm.errors import CarryInvalid, CorruptCheckpoint
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text
from trm.solving.solver import Solver
from workers.attempt import Cancelled, Released
from workers.context import Worker
from workers.solving.engine_loop import EngineLoop
from workers.solving.models import Models
from workers.solving.solve import solve

PUZZLE = ".2.43......31..."


Ask = Callable[[leases.Claim], dict[str, Any]]


@pytest.fixture
def models(worker: Worker[SolveMetrics]) -> Models:
    return Models(worker)


@pytest.fixture
def ask(worker: Worker[SolveMetrics], models: Models) -> Ask:
    engine_loop = EngineLoop(worker.metrics, worker.cores)
    return lambda claim: solve(worker, claim, models, engine_loop)


def answers(worker: Worker[SolveMetrics], claim: leases.Claim) -> list[Solution]:
    with worker.database.transaction() as session:
        return solutions.page(session, EVERYTHING, claim.job_id).items


def events(worker: Worker[SolveMetrics], claim: leases.Claim) -> list[JobEvent]:
    with worker.database.transaction() as session:
        return list(job_events.after(session, EVERYTHING, claim.job_id, 0))


def job(worker: Worker[SolveMetrics], claim: leases.Claim) -> Job:
    with worker.database.transaction() as session:
        return jobs.get(session, EVERYTHING, claim.job_id)


def test_chains_are_recorded_told_and_counted(
    worker: Worker[SolveMetrics], ask: Ask, submit: Submit, collectors: CollectorRegistry
) -> None:
    claim = submit([PUZZLE, PUZZLE], trace=True, views=3, rollouts=2, noise=0.3, max_steps=5, choose="votes")
    result = ask(claim)
    assert (result["n"], result["total_supervision_steps"], result["reasons"]) == (2, 60, {"budget": 2})
    assert result["mean_supervision_steps"] == 5
    rows = answers(worker, claim)
    assert [(row.index, row.chains, row.total_steps, row.reason, row.chosen_by) for row in rows] == [
        (0, 6, 30, "budget", "votes"),
        (1, 6, 30, "budget", "votes"),
    ]
    assert (rows[0].answer, rows[0].chain, rows[0].votes) == (rows[1].answer, rows[1].chain, rows[1].votes)
    assert [(s["step"], s["chain"]) for s in rows[0].trace or ()] == [(step, rows[0].chain) for step in range(1, 6)]
    told = [(e.data["puzzle"], e.data["chain"], e.data["step"]) for e in events(worker, claim) if e.type == "step"]
    assert sorted(told) == [(p, c, s) for p in range(2) for c in range(6) for s in range(1, 6)]
    assert collectors.get_sample_value("trm_solve_puzzles_total", {"reason": "budget"}) == 2
    assert collectors.get_sample_value("trm_solve_chain_steps_total") == 60
    assert collectors.get_sample_value("trm_solve_steps_sum") == 10


def test_long_thoughts_are_counted_in_buckets_of_their_own(
    worker: Worker[SolveMetrics], ask: Ask, submit: Submit, collectors: CollectorRegistry
) -> None:
    ask(submit([PUZZLE], max_steps=40))
    within = [collectors.get_sample_value("trm_solve_steps_bucket", {"le": end}) for end in ("32.0", "64.0")]
    assert within == [0, 1]


def test_answers_are_written_as_they_are_found(worker: Worker[SolveMetrics], ask: Ask, submit: Submit) -> None:
    claim = submit([PUZZLE] * 3000, max_steps=1)
    assert ask(claim)["n"] == 3000
    solved = [event.data for event in events(worker, claim) if event.type == "solved"]
    assert sum(told["count"] for told in solved) == 3000
    assert [told["answered"] for told in solved] == np.cumsum([told["count"] for told in solved]).tolist()
    assert len(solved) > 1
    assert job(worker, claim).step == 3000
    with worker.database.transaction() as session:
        rows = [solutions.get(session, EVERYTHING, claim.job_id, index) for index in (0, 1500, 2999)]
    assert len({row.answer for row in rows}) == 1  # wherever a puzzle stands, it is answered alike


@pytest.mark.parametrize("ending", [Cancelled, Released])
def test_a_job_keeps_its_lease_until_it_is_not_wanted(
    worker: Worker[SolveMetrics], ask: Ask, submit: Submit, ending: type[Exception]
) -> None:
    claim = submit([PUZZLE] * 10_000, max_steps=1024)  # hours
    ends: list[type[BaseException]] = []

    def work() -> None:
        try:
            ask(claim)
        except (Cancelled, Released) as error:
            ends.append(type(error))

    first = job(worker, claim).lease_expires_at
    working = threading.Thread(target=work)
    working.start()
    wait_until(lambda: (job(worker, claim).lease_expires_at or 0) != first)
    if ending is Cancelled:
        with worker.database.transaction() as session:
            jobs.request_cancel(session, EVERYTHING, claim.job_id)
    else:
        worker.stopping.set()
    working.join(10)
    assert ends == [ending]
    assert answers(worker, claim) == []


def test_a_small_job_does_not_wait_for_a_large_one(worker: Worker[SolveMetrics], ask: Ask, submit: Submit) -> None:
    large, small = submit([PUZZLE] * 3000), submit([PUZZLE])
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(ask, large)
        wait_until(lambda: job(worker, large).step > 0)
        assert ask(small)["n"] == 1
        assert not waiting.done()
        assert waiting.result()["n"] == 3000


def test_an_engine_that_fails_fails_its_jobs_and_goes_on(
    worker: Worker[SolveMetrics], models: Models, ask: Ask, submit: Submit
) -> None:
    first, second = submit([PUZZLE]), submit([PUZZLE])
    with models.acquired(str(job(worker, first).model_id)) as solver:
        weight = solver.model.get_parameter("layers.0.mlp.down.weight")
        good, weight.data = weight.data, weight.data[:, :1]  # a step cannot be computed with this
        with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
            ask(first)
        weight.data = good
        assert ask(first)["n"] == 1
    assert ask(second)["n"] == 1


def test_models_in_use_stay_and_others_make_room(worker: Worker[SolveMetrics], models: Models, submit: Submit) -> None:
    names = [str(job(worker, submit([PUZZLE])).model_id) for _ in range(4)]
    with models.acquired(names[0]) as first:
        for name in names[1:]:
            with models.acquired(name):
                pass
        with models.acquired(names[0]) as again:
            assert again is first  # the least recently used, and in use
    with models.acquired(names[3]) as newest, models.acquired(names[3]) as again:
        assert again is newest
    assert len(models.resident) == worker.settings.solve_models == 2


def test_a_shipped_model_solves_without_any_training(worker: Worker[SolveMetrics]) -> None:
    puzzle = ".1254..3..6.12....35.1245.3.1.2..3.."
    request = {"model": "sudoku-6x6", "puzzles": [puzzle], "effort": {"halt_threshold": 0.5}, "trace": False}
    with worker.database.transaction() as session:
        made = new_job(session, JobKind.SOLVE, request, pretrained="sudoku-6x6", total_steps=1)
        claim = leases.claim(session, made.id, worker.name, 30)
    assert claim is not None
    result = solve(worker, claim, Models(worker), EngineLoop(worker.metrics, worker.cores))
    assert (result["n"], result["verified"]) == (1, 1)


def test_a_damaged_model_is_counted(
    worker: Worker[SolveMetrics], models: Models, ask: Ask, submit: Submit, collectors: CollectorRegistry
) -> None:
    claim = submit([PUZZLE])
    for weights in Path(worker.storage.root).rglob("*.safetensors"):
        weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    with pytest.raises(CorruptCheckpoint):
        ask(claim)
    assert collectors.get_sample_value("trm_checkpoints_damaged_total", {"kind": "solve"}) == 1


def test_a_body_of_any_size_answers_puzzles_of_another_size(
    worker: Worker[SolveMetrics], models: Models, submit: Submit, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job says what size its puzzles have; the model was made for another."""
    body = {"mixer": "units", "expansion": 2.0, "prefix_tokens": 0, "hidden_size": 8}
    units = RunConfig.model_validate(config.model_dump() | {"model": config.model.model_dump() | body})
    solver = Solver(TinyRecursiveModel(units.model, units.puzzle), units, torch.device("cpu"))
    monkeypatch.setattr(Models, "_load", lambda _self, _name: solver)
    six = load("sudoku-6x6", "test")
    claim = submit([text(six.spec, question) for question in six.questions[:3]])
    with worker.database.transaction() as session:
        row = jobs.get(session, EVERYTHING, claim.job_id)
        row.request = row.request | {"puzzle": six.spec.model_dump(mode="json")}
    solve(worker, claim, models, EngineLoop(worker.metrics, worker.cores))
    rows = answers(worker, claim)
    assert [len(row.answer) for row in rows] == [36] * 3
    assert all(given in (".", answer) for row in rows for given, answer in zip(row.question, row.answer, strict=True))


def continued(worker: Worker[SolveMetrics], earlier: leases.Claim, **changes: Any) -> leases.Claim:  # noqa: ANN401
    """A claimed job that continues this one, with another request."""
    with worker.database.transaction() as session:
        row = jobs.get(session, EVERYTHING, earlier.job_id)
        request = row.request | changes
        later = new_job(session, JobKind.SOLVE, request, model_id=row.model_id, continues=row.id, total_steps=2)
        claim = leases.claim(session, later.id, worker.name, 30)
    assert claim is not None
    return claim


def told_of(row: Solution) -> dict[str, Any]:
    return {name: getattr(row, name) for name in solutions.COLUMNS if name != "trace"}


def test_a_continued_job_answers_as_one_with_all_the_steps(
    worker: Worker[SolveMetrics], ask: Ask, submit: Submit, collectors: CollectorRegistry
) -> None:
    """Bit for bit: the floats in the rows are compared as they are."""
    chains = {"views": 2, "rollouts": 2, "noise": 0.3, "choose": "votes"}
    begun = submit([PUZZLE, "1" + "." * 15], trace=True, keep_carry=True, max_steps=3, **chains)
    size = ask(begun)["carry_bytes"]
    assert size > 0
    ended = continued(worker, begun, effort={"max_steps": 9, **chains}, keep_carry=False)
    result = ask(ended)
    with worker.database.transaction() as session:
        request = jobs.get(session, EVERYTHING, begun.job_id).request
    at_once = submit(request["puzzles"], trace=True, max_steps=9, **chains)
    whole = ask(at_once)
    assert {**result, "seconds": 0} == {**whole, "seconds": 0}
    assert "carry_bytes" not in result
    for one, other in zip(answers(worker, ended), answers(worker, at_once), strict=True):
        assert told_of(one) == told_of(other)
        assert one.trace == (other.trace or [])[3:]
    steps = [event.data for event in events(worker, ended) if event.type == "step"]
    assert steps == [event.data for event in events(worker, at_once) if event.type == "step" and event.data["step"] > 3]
    assert collectors.get_sample_value("trm_solve_chain_steps_total") == 2 * 4 * (3 + 6 + 9)


def test_a_job_whose_carry_is_gone_fails_with_a_reason(worker: Worker[SolveMetrics], ask: Ask, submit: Submit) -> None:
    begun = submit([PUZZLE], keep_carry=True, max_steps=1)
    ask(begun)
    ended = continued(worker, begun, effort={"max_steps": 2})
    with worker.database.transaction() as session:
        session.execute(delete(KeptCarry))
    with pytest.raises(CarryExpired, match="Submit its puzzles again"):
        ask(ended)


def test_a_carry_of_other_chains_is_refused_and_harms_no_other_job(
    worker: Worker[SolveMetrics], ask: Ask, submit: Submit
) -> None:
    begun = submit([PUZZLE], keep_carry=True, max_steps=1)
    ask(begun)
    with pytest.raises(CarryInvalid, match="2 chains each"):
        ask(continued(worker, begun, effort={"max_steps": 2, "views": 2}))
    assert ask(submit([PUZZLE], max_steps=1))["n"] == 1
