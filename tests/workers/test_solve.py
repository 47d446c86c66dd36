"""Solving: chains are counted, told and recorded, and a job keeps its lease while it waits for the model."""

import threading

import pytest
from prometheus_client import CollectorRegistry

from services.registry import job_events, jobs, leases, solutions
from services.registry.metrics import SolveMetrics
from services.registry.tables import Job, JobEvent, Solution
from tests.conftest import wait_until
from tests.workers.conftest import Submit
from workers.attempt import Cancelled, Released
from workers.context import Worker
from workers.models import Models
from workers.solve import CHUNK, solve

PUZZLE = ".2.43......31..."


@pytest.fixture
def models(worker: Worker[SolveMetrics]) -> Models:
    return Models(worker)


def answers(worker: Worker[SolveMetrics], claim: leases.Claim) -> list[Solution]:
    with worker.database.transaction() as session:
        return solutions.page(session, claim.job_id).items


def events(worker: Worker[SolveMetrics], claim: leases.Claim) -> list[JobEvent]:
    with worker.database.transaction() as session:
        return list(job_events.after(session, claim.job_id, 0))


def job(worker: Worker[SolveMetrics], claim: leases.Claim) -> Job:
    with worker.database.transaction() as session:
        return jobs.get(session, claim.job_id)


def test_chains_are_recorded_told_and_counted(
    worker: Worker[SolveMetrics], models: Models, submit: Submit, collectors: CollectorRegistry
) -> None:
    claim = submit([PUZZLE, PUZZLE], trace=True, views=3, rollouts=2, noise=0.3, max_steps=5, choose="votes")
    result = solve(worker, claim, models)
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
    worker: Worker[SolveMetrics], models: Models, submit: Submit, collectors: CollectorRegistry
) -> None:
    solve(worker, submit([PUZZLE], max_steps=40), models)
    within = [collectors.get_sample_value("trm_solve_steps_bucket", {"le": end}) for end in ("32.0", "64.0")]
    assert within == [0, 1]


def test_answers_are_recorded_after_so_many_chains(
    worker: Worker[SolveMetrics], models: Models, submit: Submit
) -> None:
    claim = submit([PUZZLE] * 5, views=CHUNK // 2, max_steps=1)
    assert solve(worker, claim, models)["n"] == 5
    solved = [event.data for event in events(worker, claim) if event.type == "solved"]
    assert solved == [{"first": 0, "count": 2}, {"first": 2, "count": 2}, {"first": 4, "count": 1}]
    assert job(worker, claim).step == 5
    assert len({row.answer for row in answers(worker, claim)}) == 1  # wherever a puzzle stands, it is answered alike


@pytest.mark.parametrize("ending", [Cancelled, Released])
def test_a_job_that_waits_for_the_model_stays_alive(
    worker: Worker[SolveMetrics], models: Models, submit: Submit, ending: type[Exception]
) -> None:
    claim = submit([PUZZLE])
    _, lock = models.get(str(job(worker, claim).model_id))
    ends: list[type[BaseException] | None] = []

    def work() -> None:
        try:
            solve(worker, claim, models)
        except (Cancelled, Released) as error:
            ends.append(type(error))

    with lock:
        waiting = threading.Thread(target=work)
        waiting.start()
        first = job(worker, claim).lease_expires_at
        wait_until(lambda: (job(worker, claim).lease_expires_at or 0) != first)
        if ending is Cancelled:
            with worker.database.transaction() as session:
                jobs.request_cancel(session, claim.job_id)
        else:
            worker.stopping.set()
        waiting.join(10)
    assert ends == [ending]
    assert answers(worker, claim) == []
