"""One stand for all tests; after each test everything is mended, brought to its end, and checked."""

import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.chaos import invariants, processes, report
from tests.chaos.customer import Customer
from tests.chaos.invariants import Scene
from tests.chaos.report import Soak, Trial
from tests.chaos.stand import Stand

RESULTS = "CHAOS_JSON"  # names the file that the results go to
trials: list[Trial] = []
soaks: list[Soak] = []


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is not quick runs only when it is asked for."""
    for item in items:
        if item.get_closest_marker("fault") and not item.get_closest_marker("quick"):
            item.add_marker(pytest.mark.chaos)


@pytest.fixture(scope="session")
def stand(_own_environment: None) -> Iterator[Stand]:
    """The service, running."""
    with processes.opened(Stand, "chaos") as opened:
        yield opened


@pytest.fixture(scope="session")
def model(stand: Stand) -> str:
    """A checkpoint to solve with."""
    with closing(Customer(stand.api)) as teacher:
        return str(teacher.checkpointed(teacher.succeeded(teacher.train(20))["id"])[0]["id"])


@pytest.fixture
def customer(stand: Stand, model: str) -> Iterator[Customer]:
    """A client whose jobs must not be lost."""
    stand.crashes.clear()
    with stand.database.transaction() as session:
        since = session.scalar(text("SELECT clock_timestamp()"))
    with closing(Customer(stand.api, model, since)) as made:
        yield made


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Run a test, then hold the service to its promises; both are the test."""
    stand, customer = (pyfuncitem.funcargs.get(name) for name in ("stand", "customer"))
    fault = pyfuncitem.get_closest_marker("fault")
    if not isinstance(stand, Stand) or not isinstance(customer, Customer) or fault is None:
        return (yield)
    begun, survived = time.monotonic(), False
    try:
        result = yield
        stand.heal()
        bring_to_end(stand, customer)
        found = invariants.settled(stand, customer.since, customer.accepted)
        assert not found, "\n".join(found)
        survived = True
    except BaseException as error:
        error.add_note(stand.tail())
        raise
    finally:
        stand.heal()
        lost, doubled = _count(stand, customer)
        seconds = time.monotonic() - begun
        broken, name = fault.args
        trials.append(
            Trial(broken, name, pyfuncitem.name, survived, len(customer.accepted), lost, doubled, round(seconds, 1))
        )
        _write_down()
    return result


def bring_to_end(stand: Stand, customer: Customer) -> None:
    """Wait until every job that was accepted has ended, as it should."""
    for job in list(customer.accepted.values()):
        if customer.job(job)["status"] == "paused":
            customer.move(job, "resume")
    for job in list(customer.accepted.values()):
        if job not in customer.broken:
            customer.succeeded(job)
        else:
            customer.ended(job)
    if any((stand.data / "scratch").glob("job_*/attempt_*")):
        customer.succeeded(customer.train(5))  # the next training clears away what killed workers left


def _count(stand: Stand, customer: Customer) -> tuple[int, int]:
    with stand.database.transaction() as session:
        scene = Scene(stand, session, customer.since, customer.accepted)
        return len(list(invariants.lost(scene))), len(list(invariants.doubled(scene)))


def _write_down() -> None:
    """Leave the results so far where they are wanted."""
    if path := os.environ.get(RESULTS):
        Path(path).write_text(report.as_json(trials, soaks))
