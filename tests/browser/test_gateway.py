"""The console and its gateway: restarts, keys, owners, and pages that lead nowhere."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from services.registry.access import api_keys
from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.settings import Settings
from services.stack import operator, state
from tests.api import Client
from tests.browser.conftest import TINY
from tests.browser.console import Console, watched
from tests.conftest import free_port

PUZZLE = ".1254..3..6.12....35.1245.3.1.2..3.."


def test_a_restart_of_the_gateway_is_survived_and_told(
    console: Console, page: Page, client: Client, stack: Settings
) -> None:
    job = client.post("/v1/training-jobs", {"preset": "sudoku-4x4", "overrides": TINY | {"train.steps": 100_000}})
    console.open(f"runs/{job['run_id']}")
    expect(page.locator(".status.running")).to_be_visible()
    running = state.read(stack.data_dir)
    assert running is not None
    os.kill(running.parts["gateway"].pid, 9)  # the supervisor starts another
    banner = page.locator(".connection")
    expect(banner).to_contain_text("does not answer")
    expect(banner).to_contain_text("Connected again")
    operator.up(stack, lambda _: None)
    client.post(f"/v1/jobs/{job['id']}/cancel", {})
    expect(page.locator(".status.cancelled")).to_be_visible()  # it follows the job again


def test_an_address_that_leads_nowhere_says_so(console: Console, page: Page) -> None:
    console.open("nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    console.open("runs/run_01934e0c5f3b7c2aa1b2c3d4e5f60718")
    expect(page.get_by_role("alert")).to_contain_text("There is no such run")


@pytest.fixture(scope="module")
def guarded(stack: Settings, client: Client) -> Iterator[str]:
    """The address of a second gateway to the same service, which asks for keys."""
    running = state.read(stack.data_dir)
    assert running is not None
    port = free_port("127.0.0.1")
    addresses = {"TRM_DATABASE_URL": running.database_url, "TRM_BROKER_URL": running.broker_url}
    env = os.environ | addresses | {"TRM_AUTH": "on", "TRM_GATEWAY_PORT": str(port)}
    with subprocess.Popen([sys.executable, "-m", "services.gateway"], env=env) as process:
        api = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while not _answers(api):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield api
        process.terminate()


def _answers(api: str) -> bool:
    try:
        return httpx2.get(f"{api}/readyz").is_success
    except httpx2.TransportError:
        return False


def key_of(database: Database, owner: str) -> str:
    with database.transaction() as session:
        return api_keys.create(session, owner=owner, name="browser", scopes=(Scope.TRAIN, Scope.SOLVE)).token


@pytest.fixture
def locked(context: BrowserContext, guarded: str) -> Iterator[Console]:
    page, faults = watched(context, guarded)
    yield Console(page, guarded)
    assert faults == []


def enter(console: Console, key: str) -> None:
    console.page.get_by_label("API key").fill(key)
    console.button("Go on").click()


@pytest.mark.smoke
def test_a_key_is_pasted_once_and_kept_for_the_tab_alone(
    locked: Console, database: Database, context: BrowserContext
) -> None:
    page, token = locked.page, key_of(database, "alice")
    locked.open()
    expect(page.get_by_role("heading", level=1)).to_have_text("An API key is needed")
    enter(locked, "trm_nonsense_0")
    expect(page.get_by_role("heading", level=1)).to_have_text("This key is not valid")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    enter(locked, token)
    expect(page.get_by_role("grid")).to_be_visible()
    locked.solve()
    assert [url for url in sent if token in url] == []
    assert context.cookies() == []
    assert page.evaluate("Object.values(localStorage).join()").find(token) == -1
    page.reload()
    expect(page.locator(".verdict.right")).to_be_visible()
    other, _ = watched(context, locked.api)
    other.goto(locked.api)
    expect(other.get_by_role("heading", level=1)).to_have_text("An API key is needed")


@pytest.mark.smoke
def test_the_link_of_another_owner_is_refused(locked: Console, database: Database) -> None:
    with Client(locked.api, key_of(database, "alice")) as alice:
        job = alice.wait_until_finished(
            alice.post("/v1/solve-jobs", {"model": "sudoku-6x6", "puzzle": PUZZLE, "trace": True})
        )
    locked.open(f"solve/{job['id']}")
    enter(locked, key_of(database, "bob"))
    expect(locked.page.get_by_role("alert")).to_contain_text("There is no such job")
    expect(locked.page.locator(".verdict")).to_have_count(0)


def test_what_only_admins_may_see_is_refused_in_words(locked: Console, database: Database) -> None:
    locked.open("settings")
    enter(locked, key_of(database, "alice"))
    expect(locked.page.get_by_role("alert").first).to_contain_text("This needs a key with the scope admin")
