"""Uploading puzzles in the console: what is wrong stands beside its row, and can be mended."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.console import Console
from trm.puzzles.datasets.datasets import load
from trm.puzzles.grids import text


def table(count: int) -> list[str]:
    puzzles = load("sudoku-4x4", "test")
    pairs = zip(puzzles.questions[:count], puzzles.answers[:count], strict=True)
    return ["question,answer", *(f"{text(puzzles.spec, q)},{text(puzzles.spec, a)}" for q, a in pairs)]


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
