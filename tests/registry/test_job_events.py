"""Events are numbered without gaps, with any number of writers and readers."""

import threading

from services.registry.db.base import Json
from services.registry.jobs import job_events
from tests.registry.conftest import Book


def test_events_are_numbered_from_one(book: Book) -> None:
    claim = book.training()
    for batch in ([("started", {"step": 0})], [("evaluated", {"n": 1}), ("checkpoint", {"n": 2})]):
        with book.transaction() as session:
            job_events.append(session, claim, batch)
    with book.transaction() as session:
        events = job_events.after(session, claim.job_id)
        rest = job_events.after(session, claim.job_id, seq=1, limit=1)
    assert [(event.seq, event.type, event.data) for event in events] == [
        (1, "started", {"step": 0}),
        (2, "evaluated", {"n": 1}),
        (3, "checkpoint", {"n": 2}),
    ]
    assert [event.seq for event in rest] == [2]


def test_reader_that_follows_misses_nothing(book: Book) -> None:
    claim = book.training()
    count, writers = 20, 3

    def write(name: int) -> None:
        for number in range(count):
            with book.transaction() as session:
                job_events.append(session, claim, [("step", {"writer": name, "number": number})])

    threads = [threading.Thread(target=write, args=(name,)) for name in range(writers)]
    for thread in threads:
        thread.start()
    seen: list[tuple[int, Json]] = []
    while len(seen) < count * writers and any(thread.is_alive() for thread in threads):
        with book.transaction() as session:
            seen += [(event.seq, event.data) for event in job_events.after(session, claim.job_id, seq=len(seen))]
    for thread in threads:
        thread.join()
    with book.transaction() as session:
        seen += [(event.seq, event.data) for event in job_events.after(session, claim.job_id, seq=len(seen))]
    assert [seq for seq, _ in seen] == list(range(1, count * writers + 1))
    for name in range(writers):
        assert [data["number"] for _, data in seen if data["writer"] == name] == list(range(count))
