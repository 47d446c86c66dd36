"""The web console in Chromium, over the whole stack; every page is watched for errors, violations of its policy and outside requests."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from services.registry.db.database import Database
from services.registry.settings import Settings
from services.stack import operator, state
from tests.api import Client, Json
from tests.browser.console import AXE, Console, watched
from trm.puzzles import maze
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
PATIENCE_MILLISECONDS = 120_000  # for what a worker does on a busy machine
# Small enough to train within seconds.
TINY = {
    "model.hidden_size": 16, "model.layers": 1, "model.latent_steps": 1, "model.recursions": 1, "model.max_supervision_steps": 6,
    "train.batch_size": 16, "train.log_every": 2, "train.evaluate_every": 20, "train.evaluate_puzzles": 20,
    "train.checkpoint_every": 20, "train.test_puzzles": 20,
}  # fmt: skip
BRIEF = TINY | {"train.steps": 2, "train.batch_size": 4, "train.evaluate_puzzles": 2, "train.test_puzzles": 2}
UNTAKEN = {"preset": "sudoku-4x4", "requires": {"labels": ["elsewhere"]}}  # no worker here takes such a training
MAZES = {
    "model.latent_steps": 4, "train.batch_size": 8, "train.steps": 200, "train.warmup_steps": 20, "train.log_every": 10,
    "train.evaluate_every": 100, "train.evaluate_puzzles": 20, "train.test_puzzles": 20, "train.checkpoint_every": 100,
}  # fmt: skip
# Learns 4x4 Sudokus in half a minute: its curves have something to show.
LEARNS = {
    "model.max_supervision_steps": 8, "model.recursions": 1, "train.steps": 150, "train.batch_size": 32, "train.warmup_steps": 10,
    "train.log_every": 3, "train.evaluate_every": 15, "train.evaluate_puzzles": 40, "train.test_puzzles": 50, "train.checkpoint_every": 50,
}  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """The Chromium that CHROMIUM names, or of PATH, or the one that playwright has installed."""
    if not AXE.exists():
        pytest.skip("no axe-core: `npm ci` in services/console could not install it (needs Node and its registry)")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        if found is None and not Path(playwright.chromium.executable_path).exists():
            pytest.skip(
                f"no Chromium: none of {', '.join(CHROMIUM)} is on PATH, and `playwright install chromium` has not been run"
            )
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A whole service, once there is something to use it with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRM_DATA_DIR", str(tmp_path_factory.mktemp("stack")))
        patch.setenv("TRM_DEVICE", "cpu")
        patch.setenv("TRM_WEBHOOKS", "on")
        patch.setenv("TRM_COMPILE", "never")  # a browser test does not wait for kernels to be compiled
        settings = Settings()
        operator.up(settings, lambda _: None)
        try:
            yield settings
        finally:
            operator.down(settings)


@pytest.fixture(scope="session")
def client(stack: Settings) -> Iterator[Client]:
    running, _ = operator.up(stack, lambda _: None)
    with Client(running.api) as open_client:
        yield open_client


@pytest.fixture
def database(client: Client, stack: Settings) -> Iterator[Database]:
    """The stack's own."""
    running = state.read(stack.data_dir)
    assert running is not None
    database = Database(running.database_url)
    yield database
    database.close()


def trained(client: Client, preset: str, overrides: Json, **body: object) -> str:
    """The run of a training that has succeeded."""
    job = client.post("/v1/training-jobs", {"preset": preset, "overrides": overrides, **body})
    return str(client.wait_until_finished(job)["run_id"])


@pytest.fixture(scope="session")
def run(client: Client) -> str:
    """A run on 4x4 Sudokus, with curves, evaluations and checkpoints."""
    return trained(
        client, "sudoku-4x4", LEARNS, name="small one", tags=["browser", "compared"], metadata={"team": "tests"}
    )


@pytest.fixture(scope="session")
def nine(client: Client) -> str:
    """A run on 9x9 Sudokus that has learnt next to nothing: its answers break rules."""
    return trained(client, "sudoku-1k", BRIEF | {"train.depth_curriculum": []}, name="nine by nine", tags=["compared"])


@pytest.fixture(scope="session")
def mazes(client: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run on 8x8 mazes of an own data set, which has begun to learn where ways lead."""
    spec = maze.spec_for(8, 8)
    rows = [f"{text(spec, q)},{text(spec, a)}" for q, a in maze.generate(8, 8, 300, seed=1, shortest=10)]
    files = {"file": ("mazes.csv", "\n".join(["question,answer", *rows]).encode())}
    sent = client.http.post("/v1/datasets", data={"name": "mazes-8", "kind": "maze"}, files=files)
    assert sent.status_code == 201, sent.text
    return trained(client, "maze", MAZES, dataset="mazes-8", name="small mazes")


@pytest.fixture(scope="session")
def nine_puzzle() -> str:
    puzzles = load("sudoku-extreme-1k", "test")
    return text(puzzles.spec, puzzles.questions[0])


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, permissions=["clipboard-read", "clipboard-write"]
    )
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, client: Client) -> Iterator[Page]:
    page, faults = watched(context, client.api)
    yield page
    assert faults == []


@pytest.fixture
def console(page: Page, client: Client) -> Console:
    return Console(page, client.api)
