"""The operator's commands start fast, and reach an API that asks for keys."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from services.gateway.app import create_app
from services.registry.access import audit
from services.registry.db.database import Database
from services.registry.settings import Settings
from services.stack.day_key import key_for_a_day
from services.stack.state import State, this_process
from tests.api import Client, Refused
from tests.gateway.conftest import served


def test_commands_of_the_stack_load_no_more_than_they_need() -> None:
    code = "import sys, services.stack.__main__; print(*{'alembic', 'celery', 'sqlalchemy', 'torch'} & {*sys.modules})"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.split() == []


@pytest.fixture
def running(request: pytest.FixtureRequest, settings: Settings) -> Iterator[State]:
    with served(create_app(settings.model_copy(update={"auth": request.param}))) as server:
        yield State(this_process(), server.url, settings.require_database_url(), "", ready=True, parts={}, metrics={})


@pytest.mark.parametrize("running", ["on"], indirect=True)
def test_a_key_is_made_where_one_is_asked_for(running: State, database: Database) -> None:
    with Client(running.api) as stranger, pytest.raises(Refused, match="key"):
        stranger.get("/v1/jobs")
    key = key_for_a_day(running)
    with Client(running.api, key) as client:
        assert client.is_let_in()
        assert client.post("/v1/training-jobs", {"preset": "sudoku-4x4"})["status"] == "queued"
    with database.transaction() as session:
        assert "keys create" in {act.action for act in audit.page(session).items}


@pytest.mark.parametrize("running", ["off"], indirect=True)
def test_no_key_is_made_where_none_is_asked_for(running: State) -> None:
    assert key_for_a_day(running) is None
