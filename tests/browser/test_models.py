"""Models in the console: examined, their checkpoints downloaded, promoted to names and solved with."""

import re
import tarfile
from pathlib import Path

from playwright.sync_api import Page, expect

from services.registry.db.database import Database
from services.registry.jobs import presence
from services.registry.jobs.presence import Presence
from services.registry.jobs.requirements import Capabilities
from tests.api import Client
from tests.browser.console import Console
from trm.interface.pretrained import pretrained


def test_a_shipped_model_is_examined_and_its_halting_probability_judged(console: Console, page: Page) -> None:
    console.open("evaluations?model=sudoku-6x6")
    page.get_by_label("Puzzles, at most").fill("20")
    page.get_by_label("Puzzles, at most").press("Tab")
    console.button("Examine").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Evaluation")
    expect(
        page.get_by_role("img", name=re.compile("Share right over halting probability. .*sure: .*right"))
    ).to_be_visible()
    expect(page.get_by_role("img", name=re.compile("Exact accuracy over supervision step;"))).to_be_visible()
    expect(page.get_by_role("table", name="By givens")).to_contain_text("20")
    console.open("evaluations")
    expect(page.get_by_role("table", name="Evaluations").get_by_role("row").nth(1)).to_contain_text("sudoku-6x6, test")


def test_a_checkpoint_is_downloaded_promoted_and_solved_with(
    console: Console, page: Page, run: str, client: Client, tmp_path: Path
) -> None:
    console.open(f"runs/{run}")
    with page.expect_download() as download:
        console.button("Download step 150").click()
    download.value.save_as(tmp_path / "checkpoint.tar")
    with tarfile.open(tmp_path / "checkpoint.tar") as archive:
        assert any(name.endswith("model.safetensors") for name in archive.getnames())
    for step in (150, 100):
        console.button(f"Promote step {step}").click()
        page.get_by_label("Name of the model").fill("small-prod")
        console.button("Promote to this name").click()
        expect(page.get_by_text(f"small-prod is the checkpoint at step {step} now.")).to_be_visible()
        expect(page.get_by_label("Name of the model")).to_have_count(0)
    console.open("models")
    page.get_by_role("table", name="Promoted models").get_by_role("link", name="small-prod", exact=True).click()
    versions = page.get_by_role("table", name="Versions").get_by_role("row")
    expect(versions).to_have_count(3)
    console.button("Back to this").click()
    expect(versions).to_have_count(4)
    newest, *_, oldest = client.get("/v1/models/small-prod/versions")["data"]
    assert (newest["version"], newest["checkpoint_id"]) == (3, oldest["checkpoint_id"])
    page.get_by_role("link", name="Solve with it").click()
    expect(page.get_by_role("gridcell")).to_have_count(16)
    console.solve()
    expect(page.locator(".count")).to_have_text("8 / 8")


def test_a_run_shows_its_log(console: Console, page: Page, run: str, client: Client) -> None:
    lines = client.get(f"{client.get(f'/v1/runs/{run}')['links']['job']}/logs")["data"]
    console.open(f"runs/{run}")
    told = [line["text"] for line in lines] or ["The trainer had nothing to say"]  # as a healthy one has
    expect(page.locator(".card").filter(has=page.get_by_role("heading", name="Log"))).to_contain_text(told[-1])


def test_the_queue_and_its_workers_are_shown(console: Console, page: Page) -> None:
    console.open("queue")
    expect(page.get_by_role("table", name="Workers")).to_contain_text("solve")
    expect(page.get_by_role("table", name="Waiting").get_by_role("row")).to_have_count(4)


def test_many_workers_are_read_by_name_page_by_page(console: Console, page: Page, database: Database) -> None:
    names = [f"a-host-{i:02}:1" for i in range(21)]  # before those of this machine
    with database.transaction() as session:
        for name in names:
            presence.record(session, Presence(name, "reaper", "10.0.0.1:9100", 2, Capabilities("cpu"), 0), None)
    console.open("queue")
    rows = page.get_by_role("table", name="Workers").get_by_role("row")
    expect(rows).to_have_count(21)  # with the head
    expect(rows.nth(20)).to_contain_text(names[19])
    page.get_by_role("link", name="Next").click()
    expect(rows.nth(1)).to_contain_text(names[20])
    page.get_by_role("link", name="First").click()
    expect(rows.nth(1)).to_contain_text(names[0])
    with database.transaction() as session:
        for name in names:
            presence.forget(session, name)
    expect(rows.nth(1)).not_to_contain_text("a-host")


def test_a_training_says_what_it_will_take_before_it_is_begun(console: Console, page: Page) -> None:
    console.open("train?preset=sudoku-4x4")
    expect(page.get_by_text(re.compile("Takes about .*, on 1,200 puzzles"))).to_be_visible()
    page.get_by_label("train.batch_size", exact=True).fill("0")
    expect(
        page.locator(".setting .trouble")
    ).to_be_visible()  # refused by the service, while nothing was asked to start


def test_an_exported_model_is_uploaded_and_solved_with(console: Console, page: Page, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "model.tar", "w") as archive:
        archive.add(pretrained("sudoku-6x6").folder, "sudoku-6x6")
    (tmp_path / "notes.tar").write_text("no tar")
    console.open("models")
    console.button("Upload a model").click()
    chooser = page.get_by_label("File: a tar")
    chooser.set_input_files(tmp_path / "notes.tar")
    page.get_by_role("button", name="Upload 6 B").click()
    expect(page.get_by_role("alert")).to_contain_text("The uploaded model cannot be used")
    chooser.set_input_files(tmp_path / "model.tar")
    page.get_by_label("What to call it").fill("from afar")
    page.get_by_role("button", name=re.compile("^Upload [0-9.]+ kB")).click()
    expect(page.locator(".note.good")).to_contain_text("It is a checkpoint now")
    page.get_by_role("link", name="Solve with it").click()
    expect(page.get_by_role("gridcell")).to_have_count(36)
    console.solve()
    expect(page.locator(".verdict.right")).to_be_visible()


def test_a_checkpoint_is_deleted_once_asked_twice(console: Console, page: Page, nine: str, client: Client) -> None:
    [found, *_] = client.get(f"/v1/runs/{nine}/checkpoints")["data"]
    archive = client.http.get(f"/v1/checkpoints/{found['id']}/archive").content
    copy = client.http.post("/v1/checkpoints", files={"file": ("copy.tar", archive)}).json()
    console.open("models")
    row = page.get_by_role("table", name="Checkpoints").get_by_role("row").filter(has_text=copy["id"])
    expect(row.get_by_role("link", name=copy["run_id"][-8:])).to_be_visible()  # whose it is
    page.once("dialog", lambda dialog: dialog.dismiss())
    row.get_by_role("button", name="Delete").click()
    expect(row).to_have_count(1)
    page.once("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Delete").click()
    expect(page.get_by_text(f"{copy['id']} is deleted.")).to_be_visible()
    expect(row).to_have_count(0)
    assert client.http.get(f"/v1/checkpoints/{copy['id']}").status_code == 404
