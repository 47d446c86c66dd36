"""A worker that runs is known with the address of its metrics, and forgotten once it was stopped."""

import pytest

from services.registry.db.database import Database
from services.registry.jobs import presence
from services.registry.jobs.requirements import Capabilities
from services.registry.settings import Settings
from tests.conftest import wait_until
from workers.presence import announced, of_this_process

OFFERS = Capabilities("cpu", 4, 1 << 33, labels=("lab-a",))


def known(database: Database) -> dict[str, str]:
    with database.transaction() as session:
        return {row.name: row.metrics for row in presence.list_watched(session)}


def test_a_process_is_known_while_it_runs(database: Database, settings: Settings) -> None:
    with announced(database, of_this_process(settings, "here:1", "train", 9100, OFFERS)):
        wait_until(lambda: known(database) == {"here:1": "127.0.0.1:9100"})
    assert known(database) == {}


def test_one_that_disappears_is_watched_on(database: Database, settings: Settings) -> None:
    with database.transaction() as session:
        presence.record(session, of_this_process(settings, "gone:1", "solve", 9100, OFFERS))
        presence.forget_lost(session)
    assert known(database) == {"gone:1": "127.0.0.1:9100"}


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_process_that_listens_everywhere_names_its_own_address(settings: Settings, host: str) -> None:
    everywhere = settings.model_copy(update={"worker_metrics_host": host, "threads": 1})
    told = of_this_process(everywhere, "n", "train", 9100, OFFERS)
    assert told.metrics.rpartition(":")[0] not in ("", host)
    assert (told.offers, told.cores) == (OFFERS, 1)
