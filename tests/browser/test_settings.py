"""Settings in the console: keys and secrets are shown once, webhooks with their messages, and the audit log."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.api import Client
from tests.browser.conftest import UNTAKEN
from tests.browser.console import Console
from tests.conftest import wait_until

PUZZLE = ".1254..3..6.12....35.1245.3.1.2..3.."
NOWHERE = "https://hooks.invalid/trm"  # a name that leads nowhere, by RFC 2606


def test_a_key_is_shown_once_and_can_be_withdrawn(console: Console, page: Page, client: Client) -> None:
    console.open("settings")
    page.get_by_label("Owner").fill("carol")
    page.get_by_label("What it is used for").fill("notebook")
    page.get_by_label("solve").uncheck()
    console.button("Make a key").click()
    told = page.get_by_role("status").filter(has_text="Keep this key: it is shown only now.")
    token = told.locator("code").inner_text()
    assert re.fullmatch("trm_[0-9a-f]{32}_[0-9a-f]{64}", token)
    told.get_by_role("button", name="Copy").click()
    assert page.evaluate("navigator.clipboard.readText()") == token
    page.reload()
    row = page.get_by_role("table", name="API keys").get_by_role("row").filter(has_text="notebook")
    expect(row).to_contain_text("train")
    expect(row).not_to_contain_text("solve")
    expect(page.get_by_text(token.rpartition("_")[2])).to_have_count(0)
    console.button("Withdraw notebook").click()
    expect(row).to_contain_text("withdrawn")
    wait_until(lambda: client.get("/v1/audit")["data"][0]["action"] == "revokeApiKey")
    page.reload()
    expect(page.get_by_role("table", name="Audit log")).to_contain_text("revokeApiKey")


@pytest.fixture
def hook(console: Console, page: Page, client: Client) -> str:
    """The id of a webhook that was made in the console."""
    console.open("settings")
    page.get_by_label("Address").fill(NOWHERE)
    console.button("Make a webhook").click()
    expect(page.get_by_text("Keep this secret: it is shown only now.")).to_be_visible()
    return str(client.get("/v1/webhooks")["data"][0]["id"])


def test_a_webhook_shows_its_messages(console: Console, page: Page, client: Client, hook: str) -> None:
    client.wait_until_finished(client.post("/v1/solve-jobs", {"model": "sudoku-6x6", "puzzle": PUZZLE}))
    wait_until(lambda: any(one["attempt"] for one in client.get(f"/v1/webhooks/{hook}/deliveries")["data"]))
    page.reload()
    expect(page.get_by_text("Keep this secret")).to_have_count(0)
    expect(page.get_by_role("table", name="Webhooks")).to_contain_text(NOWHERE)
    page.get_by_role("link", name="Messages", exact=True).click()
    expect(page.get_by_role("table", name="Messages").get_by_role("row").nth(1)).to_contain_text("will be tried again")
    console.button("Delete").click()
    expect(page.get_by_text(NOWHERE)).to_have_count(0)


def test_older_messages_are_a_page_further(console: Console, page: Page, client: Client, hook: str) -> None:
    for _ in range(21):
        client.post(f"/v1/jobs/{client.post('/v1/training-jobs', UNTAKEN)['id']}/cancel", {})
    rows = page.get_by_role("table", name="Messages").get_by_role("row")
    console.open(f"settings?hook={hook}")
    expect(rows).to_have_count(21)  # the head too
    messages = page.locator(".card").filter(has=page.get_by_role("heading", name="Webhooks"))
    messages.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(2)
    page.go_back()
    expect(rows).to_have_count(21)
    console.button("Delete").click()
    expect(page.get_by_role("table", name="Messages")).to_have_count(0)
