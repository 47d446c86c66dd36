"""Uploading puzzles in the console: what is wrong stands beside its row, and can be mended."""

import re
import tarfile
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from tests.api import Client
from tests.browser.console import Console
from trm.checkpoints.checkpoint import Meta
from trm.config.overrides import resolve
from trm.interop.export import write_files
from trm.network.model import TinyRecursiveModel
from trm.puzzles import arc_grids as arc
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text


def table(count: int) -> list[str]:
    puzzles = load("sudoku-4x4", "test")
    pairs = zip(puzzles.questions[:count], puzzles.answers[:count], strict=True)
    return ["question,answer", *(f"{text(puzzles.spec, q)},{text(puzzles.spec, a)}" for q, a in pairs)]


@pytest.mark.smoke
def test_an_upload_with_a_wrong_row_is_mended(console: Console, page: Page, tmp_path: Path) -> None:
    lines = table(30)
    wrong, file = list(lines), tmp_path / "own.csv"
    question, answer = lines[3].split(",")
    wrong[3] = f"{question},{answer[::-1]}"
    file.write_text("\n".join(wrong))
    console.open("datasets")
    console.button("Upload puzzles").click()
    upload = page.get_by_label("File: CSV")
    upload.set_input_files(file)
    expect(page.get_by_role("grid", name="First puzzle")).to_be_visible()
    console.expect_board(lines[1].split(",")[0])
    console.button("Upload").click()
    rows = page.get_by_role("table", name="Wrong rows").get_by_role("row")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("3")
    expect(rows.nth(1)).to_contain_text(wrong[3])
    file.write_text("\n".join(lines))
    console.button("Upload").click()
    expect(page.get_by_role("alert")).to_contain_text("The file has changed since it was chosen")
    with page.expect_file_chooser() as chooser:
        upload.click()
    chooser.value.set_files(file)
    console.button("Upload").click()
    expect(page.locator(".note.good")).to_contain_text("own is stored: 27 training puzzles, 3 held out")
    page.get_by_role("link", name="own", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("own")
    page.get_by_role("link", name="Train on it").click()
    expect(page.get_by_label("Data set, of")).to_have_value("own")


def test_the_example_pairs_of_arc_tasks_are_drawn(console: Console, page: Page) -> None:
    task = load_shipped("arc-agi-1")["evaluation"][1]
    console.open("datasets/arc-1")
    page.get_by_label("Evaluation task").select_option(label=task.name)
    pairs = page.get_by_role("group", name=f"Task {task.name}")
    expect(pairs.get_by_role("grid")).to_have_count(2 * len(task.train) + len(task.test))
    question, answer = task.train[0].question, task.train[0].answer
    assert answer is not None
    for place, grid in ((0, question), (1, answer)):
        cells = pairs.get_by_role("grid").nth(place).get_by_role("gridcell")
        colours = [f"colour-{colour}" for colour in grid.ravel().tolist()]
        expect(cells).to_have_class([re.compile(rf"\b{colour}\b") for colour in colours])


def test_arc_tasks_are_read_page_by_page(console: Console, page: Page) -> None:
    names = [task.name for task in load_shipped("arc-agi-1")["evaluation"]]
    console.open("datasets/arc-1")
    tasks = page.get_by_label("Evaluation task").get_by_role("option")
    expect(tasks).to_have_text(names[:100])
    page.get_by_label("Evaluation task").select_option(label=names[50])
    page.get_by_role("link", name="Next").click()
    expect(tasks).to_have_text(names[100:200])
    expect(page.get_by_role("group", name=f"Task {names[100]}")).to_be_visible()
    page.get_by_role("link", name="First").click()
    expect(tasks).to_have_text(names[:100])


def test_an_arc_model_shows_the_tasks_and_says_who_answers_them(
    console: Console, page: Page, client: Client, tmp_path: Path
) -> None:
    config = resolve("arc-1", arc.SPEC, {"model.hidden_size": 16, "model.layers": 1, "model.puzzle_ids": 1})
    model = TinyRecursiveModel(config.model, config.puzzle)
    model.initialise(torch.Generator().manual_seed(1))
    meta = Meta(step=1, config=config, files={}, metrics={}, progress={}, digest="")
    write_files(tmp_path, model, meta, dtype="float32", with_program=False, licence="unknown")
    with tarfile.open(tmp_path / "arc.tar", "w") as archive:
        archive.add(tmp_path / "config.json", "arc/config.json")
        archive.add(tmp_path / "model.safetensors", "arc/model.safetensors")
    sent = client.http.post("/v1/checkpoints", files={"file": ("arc.tar", (tmp_path / "arc.tar").read_bytes())})
    assert sent.status_code == 201, sent.text
    console.open(f"solve?model={sent.json()['id']}")
    expect(page.locator(".note").filter(has_text="does not answer ARC tasks")).to_be_visible()
    expect(page.get_by_role("grid", name=re.compile("^Example 1"))).to_be_visible()
