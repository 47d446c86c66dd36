"""Random lives of a job, checked against a model of it after every act."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, update

from services.registry.access.visibility import EVERYTHING
from services.registry.db.tables import Job
from services.registry.errors import JobFinished, StaleLease, TransitionRefused
from services.registry.jobs import attempts, completion, job_events, jobs, leases, rescue
from services.registry.states import JobKind, JobStatus, Outcome, can_transition
from tests.registry.conftest import DEAD, Book

QUEUED, RUNNING, PAUSED, SUCCEEDED, FAILED, CANCELLED = JobStatus
MAX_ATTEMPTS = 2
SEED = 20261125
LEASE_SECONDS = 3600
NEVER = 10**10  # as Unix time


STALE_WRITES: dict[str, Callable[..., object]] = {
    "heartbeat": leases.heartbeat,
    "release": completion.release,
    "retry": lambda session, claim: completion.retry(session, claim, DEAD),
    "succeed": lambda session, claim: completion.finish(session, claim, SUCCEEDED),
}


def held(machine: "JobLife") -> bool:
    """Whether a worker holds the job."""
    return machine.live is not None


class JobLife(RuleBasedStateMachine):
    """One job, every worker that ever held it, and what must be true of them."""

    book: ClassVar[Book]

    def __init__(self) -> None:
        super().__init__()
        self.job_id = self.book.train(max_attempts=MAX_ATTEMPTS, ttl_seconds=3600).id
        self.status = QUEUED
        self.cancel = self.pause = False  # asked for, and not confirmed yet
        self.failures = self.ends = 0
        self.claims: list[leases.Claim] = []
        self.live: leases.Claim | None = None

    def teardown(self) -> None:
        """Out of the way of the next life."""
        with self.book.transaction() as session:
            session.execute(update(Job).values(available_at=func.to_timestamp(NEVER)))

    def _go(self, status: JobStatus) -> None:
        assert can_transition(self.status, status), (self.status, status)
        self.status, self.live = status, None
        self.ends += status.is_final
        if status is not PAUSED:
            self.pause = False
        if status is QUEUED:
            self.cancel = False

    def _owner(self, act: Callable[[], None], *, refused: bool) -> bool:
        """Do what the owner asks; whether it was done, which must be as expected."""
        try:
            act()
        except (JobFinished, TransitionRefused):
            assert refused, (self.status, self.cancel, self.pause)
            return False
        assert not refused, (self.status, self.cancel, self.pause)
        return True

    def _ask(self, move: Callable[..., Job], *given: int) -> Callable[[], None]:
        def act() -> None:
            with self.book.transaction() as session:
                move(session, EVERYTHING, self.job_id, *given)

        return act

    def _broke_down(self) -> None:
        self.failures += 1
        if self.cancel:
            self._go(CANCELLED)
        elif self.failures >= MAX_ATTEMPTS:
            self._go(FAILED)
        else:
            self._go(PAUSED if self.pause else QUEUED)

    @precondition(lambda self: self.status is QUEUED)
    @rule()
    def deliver_message(self) -> None:
        self._deliver(named=True)

    @precondition(lambda self: self.status is QUEUED)
    @rule()
    def deliver_nudge(self) -> None:
        self._deliver(named=False)

    @rule(named=st.booleans())
    def deliver_late(self, named: bool) -> None:
        """Whatever the job's state."""
        self._deliver(named=named)

    def _deliver(self, *, named: bool) -> None:
        worker = f"worker-{len(self.claims)}"
        with self.book.transaction() as session:
            session.execute(update(Job).where(Job.id == self.job_id).values(available_at=func.now()))
            if named:
                claim = leases.claim(session, self.job_id, worker, LEASE_SECONDS)
            else:
                claim = leases.claim_next(session, JobKind.TRAIN, self.job_id, worker, LEASE_SECONDS)
        assert (claim is not None) == (self.status is QUEUED)
        if claim is not None:
            assert claim.attempt == len(self.claims) + 1
            self.claims.append(claim)
            self._go(RUNNING)
            self.live = claim

    @precondition(held)
    @rule(status=st.sampled_from([SUCCEEDED, FAILED, CANCELLED]))
    def finish(self, status: JobStatus) -> None:
        assert self.live is not None
        self.book.finish(self.live, status)
        self._go(status)

    @precondition(held)
    @rule()
    def break_down(self) -> None:
        assert self.live is not None
        with self.book.transaction() as session:
            completion.retry(session, self.live, DEAD)
        self._broke_down()

    @precondition(held)
    @rule(overdue=st.booleans())
    def fall_silent(self, overdue: bool) -> None:
        past = {"lease_expires_at": func.to_timestamp(0)} | ({"deadline_at": func.to_timestamp(0)} if overdue else {})
        with self.book.transaction() as session:
            session.execute(update(Job).where(Job.id == self.job_id).values(past))
        self._reap()
        if overdue and not self.cancel:
            self.failures = MAX_ATTEMPTS
        else:
            self.failures -= 1  # it does not count
        self._broke_down()

    @rule()
    def reap(self) -> None:
        """A round that finds nothing to do."""
        self._reap()

    def _reap(self) -> None:
        with self.book.transaction() as session:
            rescue.rescue_expired(session)
            rescue.fail_expired(session)

    @precondition(lambda self: self.status is QUEUED and not self.claims)
    @rule()
    def wait_too_long(self) -> None:
        with self.book.transaction() as session:
            session.execute(update(Job).where(Job.id == self.job_id).values(expires_at=func.to_timestamp(0)))
        with self.book.transaction() as session:
            assert leases.claim(session, self.job_id, "late", 30) is None
        self._reap()
        self._go(FAILED)

    @precondition(held)
    @rule()
    def stop_worker(self) -> None:
        assert self.live is not None
        with self.book.transaction() as session:
            completion.release(session, self.live)
        self._go(CANCELLED if self.cancel else PAUSED if self.pause else QUEUED)

    @rule()
    def ask_to_cancel(self) -> None:
        ended_otherwise = self.status.is_final and self.status is not CANCELLED
        if not self._owner(self._ask(jobs.request_cancel), refused=ended_otherwise):
            return
        if self.status is RUNNING:
            self.cancel, self.pause = True, False
        elif self.status is not CANCELLED:
            self._go(CANCELLED)

    @rule()
    def ask_to_pause(self) -> None:
        if not self._owner(self._ask(jobs.request_pause), refused=self.status.is_final or self.cancel):
            return
        self.pause = True
        if self.status is QUEUED:
            self._go(PAUSED)

    @rule()
    def resume(self) -> None:
        if not self._owner(self._ask(jobs.resume), refused=not self.pause):
            return
        self.pause = False
        if self.status is PAUSED:
            self._go(QUEUED)

    @precondition(lambda self: self.status in (FAILED, CANCELLED))
    @rule()
    def retry_what_has_ended(self) -> None:
        self.retry()

    @precondition(lambda self: self.status is PAUSED)
    @rule()
    def resume_what_rests(self) -> None:
        self.resume()

    @rule()
    def retry(self) -> None:
        if self._owner(self._ask(jobs.retry, MAX_ATTEMPTS), refused=self.status not in (FAILED, CANCELLED)):
            self.failures = 0
            self._go(QUEUED)

    @precondition(held)
    @rule()
    def heartbeat(self) -> None:
        assert self.live is not None
        with self.book.transaction() as session:
            assert leases.heartbeat(session, self.live) == leases.JobSignals(cancel=self.cancel, pause=self.pause)

    @precondition(lambda self: len(self.claims) > held(self))
    @rule(data=st.data(), write=st.sampled_from(sorted(STALE_WRITES)))
    def write_with_a_claim_that_was_lost(self, data: st.DataObject, write: str) -> None:
        claim = data.draw(st.sampled_from([claim for claim in self.claims if claim is not self.live]))
        with pytest.raises(StaleLease), self.book.transaction() as session:
            STALE_WRITES[write](session, claim)

    @invariant()
    def row_agrees_with_the_model(self) -> None:
        with self.book.transaction() as session:
            job = jobs.get(session, EVERYTHING, self.job_id)
            tried = attempts.of_job(session, EVERYTHING, self.job_id)
            events = job_events.after(session, EVERYTHING, self.job_id)
        assert job.status is self.status
        assert job.lease_token == (self.live.lease_token if self.live else None)
        assert (job.pause_requested_at is not None) == self.pause
        assert (job.finished_at is not None) == self.status.is_final
        assert [attempt.attempt for attempt in tried] == list(range(1, len(self.claims) + 1))
        assert sum(attempt.ended_at is None for attempt in tried) == (self.live is not None)
        assert all(attempt.outcome is not Outcome.SUCCEEDED for attempt in tried[:-1])
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert sum(event.type == "done" for event in events) == self.ends


@pytest.mark.parametrize("lives", [8, pytest.param(60, marks=pytest.mark.slow)])
def test_any_life_of_a_job_keeps_its_promises(book: Book, lives: int) -> None:
    JobLife.book = book
    run_state_machine_as_test(
        seed(SEED)(JobLife),
        settings=settings(
            max_examples=lives,
            stateful_step_count=40,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
