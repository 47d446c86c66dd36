"""Random lives of a job, checked against a model of it after every act."""

from typing import ClassVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import func, update

from services.registry import attempts, endings, job_events, jobs, leases, rescue
from services.registry.errors import JobFinished, StaleLease
from services.registry.states import JobStatus
from services.registry.tables import Job
from tests.registry.conftest import DEAD, Book

MAX_ATTEMPTS = 2


class JobLife(RuleBasedStateMachine):
    """One job, every worker that ever held it, and what must be true of them."""

    book: ClassVar[Book]

    def __init__(self) -> None:
        super().__init__()
        self.job_id = self.book.train(max_attempts=MAX_ATTEMPTS).id
        self.status = JobStatus.QUEUED
        self.asked = False
        self.failures = 0
        self.claims: list[leases.Claim] = []
        self.live: leases.Claim | None = None

    def _broke_down(self) -> None:
        self.failures += 1
        self.live = None
        if self.asked:
            self.status = JobStatus.CANCELLED
        else:
            self.status = JobStatus.QUEUED if self.failures < MAX_ATTEMPTS else JobStatus.FAILED

    @rule()
    def deliver_message(self) -> None:
        with self.book.transaction() as session:
            session.execute(update(Job).where(Job.id == self.job_id).values(available_at=func.now()))
            claim = leases.claim(session, self.job_id, f"worker-{len(self.claims)}", 30)
        assert (claim is not None) == (self.status is JobStatus.QUEUED)
        if claim is not None:
            self.claims.append(claim)
            self.status, self.live = JobStatus.RUNNING, claim

    @precondition(lambda self: self.live is not None)
    @rule(status=st.sampled_from([status for status in JobStatus if status.is_final]))
    def finish(self, status: JobStatus) -> None:
        assert self.live is not None
        self.book.finish(self.live, status)
        self.status, self.live = status, None

    @precondition(lambda self: self.live is not None)
    @rule()
    def break_down(self) -> None:
        assert self.live is not None
        with self.book.transaction() as session:
            endings.retry(session, self.live, DEAD)
        self._broke_down()

    @precondition(lambda self: self.live is not None)
    @rule()
    def fall_silent(self) -> None:
        with self.book.transaction() as session:
            session.execute(update(Job).where(Job.id == self.job_id).values(lease_expires_at=func.to_timestamp(0)))
        with self.book.transaction() as session:
            rescue.rescue_expired(session)
        self._broke_down()

    @precondition(lambda self: self.live is not None)
    @rule()
    def stop_worker(self) -> None:
        assert self.live is not None
        with self.book.transaction() as session:
            endings.release(session, self.live)
        self.status, self.live = (JobStatus.CANCELLED if self.asked else JobStatus.QUEUED), None

    @rule()
    def ask_to_cancel(self) -> None:
        try:
            with self.book.transaction() as session:
                jobs.request_cancel(session, self.job_id)
        except JobFinished:
            assert self.status.is_final
            return
        assert not self.status.is_final
        self.asked = True
        if self.status is JobStatus.QUEUED:
            self.status = JobStatus.CANCELLED

    @rule(data=st.data())
    def write_with_any_claim_ever_given(self, data: st.DataObject) -> None:
        if not self.claims:
            return
        claim = data.draw(st.sampled_from(self.claims))
        try:
            with self.book.transaction() as session:
                assert leases.heartbeat(session, claim).cancel == self.asked
        except StaleLease:
            assert claim is not self.live
        else:
            assert claim is self.live

    @invariant()
    def row_agrees_with_the_model(self) -> None:
        with self.book.transaction() as session:
            job = jobs.get(session, self.job_id)
            tried = attempts.of_job(session, self.job_id)
            events = job_events.after(session, self.job_id)
        assert job.status is self.status
        assert job.lease_token == (self.live.lease_token if self.live else None)
        assert [attempt.attempt for attempt in tried] == list(range(1, len(self.claims) + 1))
        assert sum(attempt.ended_at is None for attempt in tried) == (self.live is not None)
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        assert sum(event.type == "done" for event in events) == self.status.is_final


def test_any_life_of_a_job_keeps_its_promises(book: Book) -> None:
    JobLife.book = book
    run_state_machine_as_test(
        JobLife,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
