"""Long jobs take only their places: what waits for one is done afterwards, each job once, and nothing is forgotten."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from workers.places import Places


def test_no_more_run_at_once_than_there_are_places() -> None:
    places, running, most, done = Places(3), threading.Semaphore(3), [0], list[str]()
    lock, active = threading.Lock(), [0]

    def work(job_id: str) -> None:
        assert running.acquire(blocking=False)
        with lock:
            active[0] += 1
            most[0] = max(most[0], active[0])
        threading.Event().wait(0.01)
        with lock:
            active[0] -= 1
            done.append(job_id)
        running.release()

    with ThreadPoolExecutor(16) as pool:
        for future in [pool.submit(places.run, f"job_{i}", work) for i in range(60)]:
            future.result()
    assert sorted(done) == sorted(f"job_{i}" for i in range(60))
    assert most == [3]


def test_one_that_waits_holds_no_thread_and_is_done_once() -> None:
    places, begun, go_on, done = Places(1), threading.Event(), threading.Event(), list[str]()

    def hold(job_id: str) -> None:
        begun.set()
        assert go_on.wait(10)
        done.append(job_id)

    first = threading.Thread(target=places.run, args=("a", hold))
    first.start()
    assert begun.wait(10)
    for job_id in ("b", "c", "b"):
        places.run(job_id, done.append)  # returns
    assert done == []
    go_on.set()
    first.join(10)
    assert done == ["a", "b", "c"]


def test_a_place_is_free_after_an_error() -> None:
    places, done = Places(1), list[str]()

    def fail(job_id: str) -> None:
        raise LookupError(job_id)

    with pytest.raises(LookupError):
        places.run("a", fail)
    places.run("b", done.append)
    assert done == ["b"]
