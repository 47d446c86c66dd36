"""Every page in both themes: axe finds nothing, nothing runs out of a narrow window, and its picture is taken."""

import os
import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from services.stack.client import Client
from tests.browser.console import Console

PUZZLE = "1.6543.4...1..4.5.2.....46.315.5..24"
PICTURES = os.environ.get(
    "TRM_CONSOLE_PICTURES"
)  # the folder to leave them in; `make console-pictures` says docs/images
MOST_BYTES = 150_000
THEMES = ("light", "dark")
PAGES = (
    "solve", "solve-maze", "run", "runs", "compare", "train", "jobs", "job", "models", "model", "datasets", "dataset", "upload",
    "evaluations", "evaluation", "queue", "settings",
)  # fmt: skip


def evaluated(client: Client) -> str:
    """An evaluation of the shipped model, made once."""
    [*earlier] = client.get("/v1/jobs", kind="evaluate", status="succeeded")["data"]
    asked = {"model": "sudoku-6x6", "limit": 100}
    job = earlier[-1] if earlier else client.wait_until_finished(client.post("/v1/evaluation-jobs", asked))
    return str(job["id"])


@pytest.fixture
def opened(
    request: pytest.FixtureRequest, console: Console, client: Client, run: str, nine: str, mazes: str
) -> Console:
    """The page that the test is called with, with something to see on it."""
    name, page = request.param, console.page
    job = client.get(f"/v1/runs/{run}")["job_id"]
    examined = evaluated(client) if name == "evaluation" else ""
    addresses = {
        "solve-maze": f"solve?model={mazes}", "run": f"runs/{run}", "compare": f"compare?runs={run},{nine}", "job": f"jobs/{job}",
        "model": "models/sudoku-6x6", "dataset": "datasets/mazes-8", "upload": "datasets", "evaluation": f"jobs/{examined}",
    }  # fmt: skip
    console.open(addresses.get(name, name))
    if name == "solve":
        page.get_by_label("Or paste it as text").fill(PUZZLE)
        console.solve()
        expect(page.locator(".count")).to_have_text("16 / 16")
        page.locator("main").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
    if name == "solve-maze":
        console.solve()
        expect(page.locator(".count")).to_have_text("16 / 16")
    if name == "run":
        expect(page.get_by_role("table", name="Attempts")).to_be_visible()
    if name == "upload":
        console.button("Upload puzzles").click()
    if name == "compare":
        expect(page.get_by_role("table", name="Results")).to_be_visible()
    page.wait_for_load_state("networkidle") if name not in ("runs", "jobs") else page.wait_for_timeout(500)
    return console


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("opened", PAGES, indirect=True)
def test_a_page_is_accessible_and_fits(
    opened: Console, page: Page, theme: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
    page.wait_for_timeout(400)  # transitions of colours
    assert opened.accessibility_faults() == []
    name = request.node.callspec.params["opened"]
    take(page, Path(PICTURES or tmp_path) / f"console-{name}-{theme}.png")
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert opened.accessibility_faults() == []


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
    page.get_by_label("Theme").select_option("dark")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.reload()
    expect(page.get_by_label("Theme")).to_have_value("dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark
    page.get_by_label("Theme").select_option("light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != dark
