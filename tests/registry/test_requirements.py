"""A job that asks for something of its worker is claimed by one that offers it, and by no other; until there is one it says so."""

from datetime import timedelta

from sqlalchemy import func, update

from services.registry.db.operations_tables import WorkerProcess
from services.registry.db.tables import Job
from services.registry.jobs import leases, presence, waiting
from services.registry.jobs.presence import ALIVE_SECONDS, Presence
from services.registry.jobs.requirements import GIB, Capabilities, Requirements
from services.registry.states import JobKind
from tests.fresh import new_job, new_run
from tests.registry.conftest import CONFIG, Book

LAPTOP = Capabilities("cpu", 4, 8 * GIB)
CLUSTER = Capabilities("cuda", 2, 80 * GIB, "NVIDIA H100", ("lab-a", "fast"))
ASKED = [
    (Requirements(), True, True),
    (Requirements(device="cpu"), True, False),
    (Requirements(device="cuda"), False, True),
    (Requirements(min_memory_gb=8), True, True),
    (Requirements(min_memory_gb=8.001), False, True),
    (Requirements(min_memory_gb=80.5), False, False),
    (Requirements(devices=2), True, True),
    (Requirements(devices=3), True, False),
    (Requirements(devices=5), False, False),
    (Requirements(labels=("fast",)), False, True),
    (Requirements(labels=("fast", "lab-a")), False, True),
    (Requirements(labels=("fast", "lab-b")), False, False),
    (Requirements("cuda", 40, ("lab-a",), 2), False, True),
    (Requirements("cpu", 40, ("lab-a",), 2), False, False),
]


def submit(book: Book, requires: Requirements, priority: int = 0) -> str:
    with book.transaction() as session:
        job = new_job(session, JobKind.TRAIN, {}, run_id=new_run(session, CONFIG).id, requires=requires)
        job.priority = priority
        return job.id


def claimed(book: Book, named_job: str, offers: Capabilities) -> str | None:
    with book.transaction() as session:
        claim = leases.claim_next(session, JobKind.TRAIN, named_job, "w", 30, offers)
    return None if claim is None else claim.job_id


def appear(book: Book, name: str, offers: Capabilities, role: str = "train") -> None:
    with book.transaction() as session:
        presence.record(session, Presence(name, role, "h:1", 1, offers))


def alone(book: Book, *job_ids: str) -> dict[str, str]:
    with book.transaction() as session:
        return waiting.waiting_for(session, job_ids)


def test_a_worker_takes_what_it_fits_and_nothing_else(book: Book) -> None:
    cases = [case for requires, *fits in ASKED for case in zip([requires] * 2, (LAPTOP, CLUSTER), fits, strict=True)]
    for requires, offers, fits in cases:
        job_id = submit(book, requires)
        assert claimed(book, job_id, offers) == (job_id if fits else None)
        if not fits:
            book.claim(job_id)  # out of the way


def test_workers_that_are_present_are_judged_by_the_same_rule(book: Book) -> None:
    job_ids = [submit(book, requires) for requires, *_ in ASKED]
    assert set(alone(book, *job_ids)) == {*job_ids}
    appear(book, "laptop", LAPTOP)
    assert [job_id not in alone(book, *job_ids) for job_id in job_ids] == [laptop for _, laptop, _ in ASKED]
    appear(book, "cluster", CLUSTER)
    assert [job_id not in alone(book, *job_ids) for job_id in job_ids] == [a or b for _, a, b in ASKED]


def test_a_worker_passes_over_what_it_does_not_fit(book: Book) -> None:
    urgent = submit(book, Requirements(device="cuda"), priority=5)
    plain = submit(book, Requirements())
    assert claimed(book, urgent, LAPTOP) == plain
    assert claimed(book, urgent, LAPTOP) is None
    assert claimed(book, "job_unknown", CLUSTER) == urgent


def test_jobs_that_ask_are_found_by_those_that_they_wait_for(book: Book) -> None:
    def found(offers: Capabilities) -> str | None:
        with book.transaction() as session:
            return leases.find_choosy(session, JobKind.TRAIN, offers)

    submit(book, Requirements())
    assert (found(LAPTOP), found(CLUSTER)) == (None, None)
    job_id = submit(book, Requirements(labels=("fast",)))
    assert (found(LAPTOP), found(CLUSTER)) == (None, job_id)
    assert claimed(book, job_id, CLUSTER) is not None
    assert claimed(book, job_id, CLUSTER) == job_id  # the plain one was first
    assert found(CLUSTER) is None


def test_what_a_job_waits_for_is_said(book: Book) -> None:
    plain, choosy = submit(book, Requirements()), submit(book, Requirements("cuda", 40, ("lab-a", "fast"), 2))
    with book.transaction() as session:
        solve = new_job(
            session, JobKind.SOLVE, {}, pretrained="sudoku-6x6", requires=Requirements(min_memory_gb=0.5)
        ).id
    appear(book, "other", CLUSTER, role="reaper")
    assert alone(book, plain, choosy, solve) == {
        plain: "a train worker",
        choosy: "a train worker with 2 devices, an NVIDIA GPU, 40 GB of memory and the labels lab-a, fast",
        solve: "a solve worker with 0.5 GB of memory",
    }
    appear(book, "one", CLUSTER)
    assert list(alone(book, plain, choosy, solve)) == [solve]
    with book.transaction() as session:
        silent = func.now() - timedelta(seconds=ALIVE_SECONDS + 1)
        session.execute(update(WorkerProcess).where(WorkerProcess.name == "one").values(seen_at=silent))
    assert set(alone(book, plain, choosy)) == {plain, choosy}
    book.claim(plain)
    assert set(alone(book, plain, choosy)) == {choosy}  # it no longer waits


def test_what_was_asked_is_recorded_as_little_as_it_can_be(book: Book) -> None:
    job = book.get(submit(book, Requirements(labels=("a",))))
    assert job.requires == {"labels": ["a"]}
    assert Requirements.of(job.requires) == Requirements(labels=("a",))
    with book.transaction() as session:
        assert session.get_one(Job, submit(book, Requirements())).requires is None
