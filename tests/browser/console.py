"""The console as tests use it: where its pages are, and what must not happen on any of them."""

import re
from pathlib import Path
from typing import Literal

from playwright.sync_api import BrowserContext, Locator, Page, expect

AXE = Path(__file__).parents[2] / "services/console/node_modules/axe-core/axe.min.js"
EXPECTED = re.compile(
    r"Failed to load resource|net::ERR_"
)  # what a browser says of every refusal and every lost connection
# Reported by the browser itself, beside the console's own lines.
LISTEN = "addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"


def watched(context: BrowserContext, api: str) -> tuple[Page, list[str]]:
    """A page, and what is found wrong with it while it is used."""
    page, faults = context.new_page(), list[str]()
    page.add_init_script(LISTEN)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on(
        "console",
        lambda line: faults.append(line.text) if line.type == "error" and not EXPECTED.search(line.text) else None,
    )
    page.on(
        "request",
        lambda request: None if request.url.startswith((api, "data:")) else faults.append(f"outside: {request.url}"),
    )
    return page, faults


# `evaluate` asks once; `wait_for_function` evaluates text in the page again and again, which its policy forbids.
ENDS = "(one) => one.effect.getComputedTiming().endTime < Infinity"


class Console:
    """An open console."""

    def __init__(self, page: Page, api: str) -> None:
        self.page, self.api = page, api

    def open(self, path: str = "") -> None:
        """Go to a page, from wherever the browser is."""
        self.page.goto(f"{self.api}/#/{path}")
        expect(self.page.get_by_role("heading", level=1)).to_be_visible()

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def cells(self, board: int = 0) -> list[str]:
        """What the cells of a board show, as a person reads them."""
        return self.page.get_by_role("grid").nth(board).get_by_role("gridcell").all_inner_texts()

    def expect_board(self, text: str) -> None:
        """Wait until the first board shows these cells, dots for blanks."""
        marks = ["" if mark == "." else mark for mark in text]
        expect(self.page.get_by_role("grid").first.get_by_role("gridcell")).to_have_text(marks)

    def solve(self) -> None:
        """Press the button, and wait for the verdict."""
        self.page.get_by_role("button", name=re.compile("^Solve")).first.click()
        expect(self.page.locator(".verdict.right, .verdict.wrong, .verdict.unknown")).to_be_visible()

    def put_on(self, theme: Literal["light", "dark"]) -> None:
        """Show the page in this theme, without waiting for colours that fade."""
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        self.page.evaluate(f"Promise.allSettled(document.getAnimations().filter({ENDS}).map((one) => one.finished))")

    def accessibility_faults(self) -> list[str]:
        """What axe finds wrong with the page as it is now."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE.read_text())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]
