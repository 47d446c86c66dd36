"""Every page in both themes: axe finds nothing, nothing runs out of a narrow window, and its picture is taken."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.api import Client
from tests.browser.console import Console
from tests.conftest import wait_until
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text

SUDOKU = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79"
PICTURES = os.environ.get(
    "TRM_CONSOLE_PICTURES"
)  # the folder to leave them in; `make console-pictures` says docs/images
MOST_BYTES = 150_000
NARROW = 360  # pixels of a small telephone
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LIVE = ("runs", "jobs", "job", "queue")  # pages that never stop to ask
WITHOUT_TRAINING = (
    "solve", "train", "runs", "jobs", "models", "models/sudoku-6x6", "datasets", "datasets/arc-1", "evaluations", "queue", "settings",
)  # fmt: skip
PAGES = (
    "solve", "solve-maze", "run", "runs", "compare", "train", "jobs", "job", "models", "model", "promoted", "datasets", "dataset", "upload",
    "evaluations", "evaluation", "queue", "settings",
)  # fmt: skip


def evaluated(client: Client) -> str:
    """An evaluation of the shipped model, made once."""
    [*earlier] = client.get("/v1/jobs", kind="evaluate", status="succeeded")["data"]
    asked = {"model": "sudoku-6x6", "limit": 100}
    job = earlier[-1] if earlier else client.wait_until_finished(client.post("/v1/evaluation-jobs", asked))
    return str(job["id"])


def promoted(client: Client, run: str) -> str:
    """The page of a name that has pointed at two checkpoints."""
    newer, older, *_ = client.get(f"/v1/runs/{run}/checkpoints")["data"]
    for checkpoint in (older, newer):
        client.post("/v1/models", {"name": "tiny-sudoku", "checkpoint": checkpoint["id"]})
    return "models/tiny-sudoku"


@pytest.fixture
def opened(request: pytest.FixtureRequest, console: Console, client: Client) -> Console:
    """The page that the test is called with, with something to see on it."""
    name, page = request.param, console.page

    def made(fixture: str) -> str:
        return str(request.getfixturevalue(fixture))

    addresses: dict[str, Callable[[], str]] = {
        "solve": lambda: "solve?model=sudoku",
        "solve-maze": lambda: "solve?model=maze",
        "run": lambda: f"runs/{made('run')}",
        "jobs": lambda: (client.post("/v1/solve-jobs", {"model": "sudoku", "puzzle": SUDOKU}), "jobs")[-1],
        "runs": lambda: (made("run"), made("nine"), "runs")[-1],
        "compare": lambda: f"compare?runs={made('run')},{made('nine')}",
        "job": lambda: "jobs/" + client.get(f"/v1/runs/{made('run')}")["job_id"],
        "model": lambda: "models/sudoku-6x6",
        "promoted": lambda: promoted(client, made("run")),
        "dataset": lambda: (made("mazes"), "datasets/mazes-8")[-1],
        "upload": lambda: "datasets",
        "evaluation": lambda: f"jobs/{evaluated(client)}",
    }
    console.open(addresses[name]() if name in addresses else name)
    if name == "solve":
        page.get_by_label("Or paste it as text").fill(SUDOKU)
        console.solve()
        expect(page.locator(".count")).to_have_text("16 / 16")
        page.locator("main").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
    if name == "solve-maze":
        puzzles = load("maze-hard", "test")
        page.get_by_label("Or paste it as text").fill(text(puzzles.spec, puzzles.questions[0]))
        console.solve()
        expect(page.locator(".count")).to_have_text("16 / 16")
    if name == "run":
        expect(page.get_by_role("table", name="Attempts")).to_be_visible()
    if name == "upload":
        console.button("Upload puzzles").click()
    if name == "compare":
        expect(page.get_by_role("table", name="Results")).to_be_visible()
    if name in LIVE:
        expect(page.get_by_role("table").first).to_be_visible()
    else:
        page.wait_for_load_state("networkidle")
    return console


@pytest.mark.smoke
def test_pages_that_need_no_training_are_accessible(console: Console, page: Page) -> None:
    faults = {}
    for name in WITHOUT_TRAINING:
        console.open(name)
        page.wait_for_load_state("networkidle")
        expect(page.get_by_text(re.compile("^Reading "))).to_have_count(0)
        faults[name] = console.accessibility_faults()
    assert faults == {name: [] for name in WITHOUT_TRAINING}


@pytest.mark.parametrize("opened", PAGES, indirect=True)
def test_a_page_is_accessible_in_both_themes_and_fits(
    opened: Console, page: Page, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    name, faults = request.node.callspec.params["opened"], dict[str, list[str]]()
    for theme in THEMES:
        opened.put_on(theme)
        take(page, Path(PICTURES or tmp_path) / f"console-{name}-{theme}.png")
        faults[theme] = opened.accessibility_faults()
    page.set_viewport_size({"width": NARROW, "height": 800})
    wait_until(lambda: page.evaluate("document.documentElement.scrollWidth") <= NARROW)
    faults["narrow"] = opened.accessibility_faults()
    assert [*faults.items()] == [(look, []) for look in (*THEMES, "narrow")]


def take(page: Page, path: Path) -> None:
    """A small picture: few colours are enough for flat areas."""
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path)
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES


def test_every_page_can_be_reached_and_left_by_keys_alone(console: Console, page: Page) -> None:
    console.open()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the page")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText ?? ''"))
        if seen[-1] == "Skip to the page":  # once around
            break
    assert any(re.match("row 1, column 1", name) for name in seen)
    assert "Solve" in seen
    assert sum(name.startswith("row ") for name in seen) <= 2  # a board is one stop, arrow keys move in it


def test_the_theme_is_kept(console: Console, page: Page) -> None:
    console.open("settings")
    seen = {}
    for theme in ("Light", "Dark"):
        page.get_by_role("button", name="Theme: ").click()
        expect(console.button(f"Theme: {theme}")).to_be_visible()
        seen[theme] = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    expect(console.button("Theme: Dark")).to_be_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == seen["Dark"] != seen["Light"]


def test_the_pages_of_the_interface_load_nothing_from_elsewhere(page: Page, client: Client) -> None:
    page.goto(f"{client.api}/docs")
    expect(page.locator(".opblock").first).to_be_visible()
    page.goto(f"{client.api}/redoc")
    expect(page.get_by_role("heading", name=re.compile("TRM"), level=1)).to_be_visible()
    page.wait_for_load_state("networkidle")


def test_a_page_that_another_leads_to_stands_in_its_place(console: Console, page: Page) -> None:
    for path, name in (("queue", "Jobs"), ("compare", "Runs")):
        page.goto(f"{console.api}/#/{path}")
        expect(page.locator("nav [aria-current]")).to_have_text(name)
