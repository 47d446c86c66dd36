"""Trainings in the console: begun from a form, followed while they grow, stopped, compared."""

import re

from playwright.sync_api import Page, expect

from services.registry.db.database import Database
from services.registry.jobs import completion, leases
from tests.api import Client
from tests.browser.conftest import TINY, UNTAKEN
from tests.browser.console import Console


def test_a_training_is_begun_followed_and_cancelled(console: Console, page: Page, client: Client) -> None:
    console.open("train?preset=sudoku-4x4")
    page.get_by_label("Name of the run").fill("from the form")
    page.get_by_label("Tags, to find it by").fill("form, long")
    console.button(
        next(name for name in page.get_by_role("button").all_inner_texts() if name.startswith("All "))
    ).click()
    for name, value in {**TINY, "train.steps": 100_000}.items():
        page.get_by_label(name, exact=True).fill(str(value))
    expect(page.get_by_text(re.compile(f"{len(TINY) + 1} settings changed"))).to_be_visible()
    console.button("Start the training").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("from the form")
    expect(page.get_by_role("link", name="#form")).to_be_visible()
    expect(page.locator(".status.running")).to_be_visible()
    chart = page.get_by_role("img", name=re.compile("^Loss; last values"))
    expect(chart).to_be_visible()
    first = chart.get_attribute("aria-label")
    expect(chart).not_to_have_attribute("aria-label", first or "")  # it grows by itself
    expect(page.get_by_role("img", name=re.compile("Exact accuracy after each supervision step"))).to_be_visible()
    console.button("Cancel").click()
    expect(page.locator(".status.cancelled")).to_be_visible()
    expect(page.get_by_text("Cancelled", exact=True)).to_be_visible()  # its attempt says so too
    expect(console.button("Retry")).to_be_visible()


def test_a_training_is_paused_and_resumed(console: Console, page: Page, client: Client) -> None:
    body = {"preset": "sudoku-4x4", "name": "in the middle", "overrides": TINY | {"train.steps": 3000}}
    job = client.post("/v1/training-jobs", body)
    console.open(f"runs/{job['run_id']}")
    expect(page.locator(".status.running")).to_be_visible()
    console.button("Pause").click()
    expect(page.locator(".status.paused")).to_be_visible()
    console.button("Resume").click()
    expect(page.locator(".status.running")).to_be_visible()
    client.post(f"/v1/jobs/{job['id']}/cancel", {})
    expect(page.locator(".status.cancelled")).to_be_visible()


def test_a_wrong_setting_is_refused_where_it_stands(console: Console, page: Page) -> None:
    console.open("train?preset=sudoku-4x4")
    steps = page.get_by_label("train.steps", exact=True)
    steps.fill("many")
    expect(page.get_by_role("alert")).to_have_text("This is no number.")
    expect(console.button("Start the training")).to_be_disabled()
    page.get_by_label("Find a setting").fill("curriculum")
    curriculum = page.get_by_label("train.depth_curriculum", exact=True)
    curriculum.fill("1, 2")
    expect(page.get_by_role("alert").filter(has_text="This is no JSON")).to_be_visible()
    curriculum.fill("[]")
    page.get_by_label("Find a setting").fill("")
    steps.fill("0")
    console.button("Start the training").click()
    expect(page.locator(".setting .trouble")).to_contain_text("1")
    expect(page.locator(".note.problem")).to_be_visible()


def test_a_run_shows_what_is_kept_of_it(console: Console, page: Page, run: str) -> None:
    console.open(f"runs/{run}")
    expect(page.locator(".status.succeeded")).to_be_visible()
    evaluations = page.get_by_role("table", name="Evaluations")
    expect(evaluations.get_by_role("row")).to_have_count(11)  # with its head: the test and nine of ten validations
    expect(evaluations.get_by_role("row").nth(1)).to_contain_text("test")
    card = page.locator(".card").filter(has=page.get_by_role("heading", name="Evaluations"))
    card.get_by_role("link", name="Older").click()
    expect(evaluations.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("heading", name="On the test split")).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("^Share right over halting probability"))).to_be_visible()
    differs = page.get_by_role("table", name="Settings that differ")
    expect(differs).to_contain_text("train.batch_size")
    expect(differs).to_contain_text("32")
    page.get_by_role("table", name="Checkpoints").get_by_role("link", name="Solve").first.click()
    expect(page.get_by_role("grid")).to_be_visible()
    assert len(console.cells()) == 16


def test_runs_are_compared(console: Console, page: Page, run: str, nine: str) -> None:
    console.open("runs?tag=compared")  # other tests make more runs than a page has
    page.get_by_label("Compare small one").check()
    page.get_by_label("Compare nine by nine").check()
    console.button("Compare 2").click()
    expect(page.get_by_role("table", name="Results").get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("table", name="Settings that differ")).to_contain_text("model.mixer")
    loss = page.get_by_role("img", name=re.compile("^Loss; last values: "))
    expect(loss).to_have_attribute("aria-label", re.compile("small one .*nine by nine|nine by nine .*small one"))


def test_runs_and_jobs_are_found_by_name_tag_and_metadata(console: Console, page: Page, run: str) -> None:
    seek = page.get_by_label("Find by name, #tag or key:value")
    rows = page.get_by_role("table").get_by_role("row")
    for path in ("runs", "jobs?kind=train"):
        console.open(path)
        seek.fill("SMALL #browser team:tests")
        expect(page).to_have_url(re.compile("tag=browser&metadata=team%3Atests&name=SMALL|name=SMALL.*tag=browser"))
        expect(rows).to_have_count(2)
        seek.fill("#nowhere")
        expect(page.locator(".empty")).to_be_visible()
        page.reload()  # the address holds what is sought
        expect(seek).to_have_value("#nowhere")
        expect(page.locator(".empty")).to_be_visible()
        seek.fill("small")
        expect(rows.filter(has_text="small one")).to_have_count(1)
        page.get_by_role("link", name="#browser").first.click()
        expect(seek).to_have_value("#browser")
        expect(rows).to_have_count(2)


def test_lists_page_by_cursor_and_their_filters_have_addresses(console: Console, page: Page, client: Client) -> None:
    for _ in range(21):
        client.post("/v1/solve-jobs", {"model": "sudoku-6x6", "puzzle": ".1254..3..6.12....35.1245.3.1.2..3.."})
    console.open("jobs?kind=solve")
    rows = page.get_by_role("table", name="Jobs").get_by_role("row")
    expect(rows).to_have_count(21)
    newest = rows.nth(1).inner_text().split("\t")[0]
    page.get_by_role("link", name="Older").click()
    expect(page).to_have_url(re.compile("kind=solve&cursor="))
    expect(rows.nth(1)).not_to_contain_text(newest)
    page.go_back()
    expect(rows.nth(1)).to_contain_text(newest)
    page.get_by_label("Status").select_option("failed")
    expect(page.get_by_text("There is no such job.")).to_be_visible()
    expect(page).to_have_url(re.compile("status=failed"))


def test_attempts_page_by_cursor_while_new_ones_are_made(
    console: Console, page: Page, client: Client, database: Database
) -> None:
    def attempt() -> None:
        with database.transaction() as session:
            claim = leases.claim(session, job["id"], "elsewhere", 30)
            assert claim is not None
            completion.release(session, claim)

    job = client.post("/v1/training-jobs", UNTAKEN)
    for _ in range(21):
        attempt()
    console.open(f"jobs/{job['id']}")
    rows = page.get_by_role("table", name="Attempts").get_by_role("row")
    expect(rows).to_have_count(21)  # with the head
    expect(rows.nth(1)).to_contain_text(re.compile("^21\\s*Released"))
    card = page.locator(".card").filter(has=page.get_by_role("heading", name="Attempts"))
    card.get_by_role("link", name="Older").click()
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text(re.compile("^1\\s*Released"))
    expect(page).to_have_url(re.compile("attempts="))
    attempt()
    page.reload()
    expect(rows.nth(1)).to_contain_text(re.compile("^1\\s*Released"))
    expect(rows).to_have_count(2)
    card.get_by_role("link", name="Newest").click()
    expect(rows.nth(1)).to_contain_text(re.compile("^22\\s*Released"))
    client.post(f"/v1/jobs/{job['id']}/cancel", {})


def test_a_run_is_forked_with_its_settings_and_weights(console: Console, page: Page, run: str, client: Client) -> None:
    [newest, *_] = client.get(f"/v1/runs/{run}/checkpoints")["data"]
    console.open(f"runs/{run}")
    page.get_by_role("table", name="Checkpoints").get_by_role("link", name="Train on").first.click()
    expect(page.get_by_text(f"Begins with the weights of {newest['id']}")).to_be_visible()
    expect(page.get_by_label("train.batch_size", exact=True)).to_have_value("32")
    page.get_by_label("train.steps", exact=True).fill("2")
    page.get_by_label("Name of the run").fill("a fork")
    console.button("Start the training").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("a fork")
    expect(page.locator(".facts").filter(has_text="Began with").first).to_contain_text(newest["id"][-8:])
    expect(page.locator(".status.succeeded")).to_be_visible()


def test_eight_runs_are_compared_at_most(console: Console, page: Page, client: Client) -> None:
    body = {"preset": "sudoku-4x4", "tags": ["many"], "overrides": TINY | {"train.steps": 100_000}}
    jobs = [client.post("/v1/training-jobs", body | {"name": f"run {i}"}) for i in range(9)]
    for job in jobs:
        client.post(f"/v1/jobs/{job['id']}/cancel", {})
    console.open("runs?tag=many")
    for i in range(9):
        page.get_by_label(f"Compare run {i}").check()
    expect(page.get_by_label("Compare run 0")).not_to_be_checked()  # the first gives way
    console.button("Compare 8").click()
    expect(page.get_by_role("table", name="Results").get_by_role("row")).to_have_count(9)
