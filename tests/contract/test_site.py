"""The documentation site: pages written from the code are current, all are in the navigation, two builders take it without a warning."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.site.__main__ import MADE

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SITE = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
WARNING = re.compile(r"warning|error|issue", re.IGNORECASE)


@pytest.mark.parametrize("name", MADE)
def test_what_is_written_from_the_code_is_current(name: str) -> None:
    assert (DOCS / name).read_text() == MADE[name](), "make reference"


def navigated(entries: list[Any]) -> Iterator[tuple[str, int]]:
    """Pages of the navigation, and how many headings lie above each."""
    for entry in entries:
        [(_, below)] = entry.items()
        if isinstance(below, str):
            yield below, 0
        else:
            yield from ((page, depth + 1) for page, depth in navigated(below))


def test_every_page_is_in_the_navigation_once_two_clicks_away() -> None:
    pages = list(navigated(SITE["nav"]))
    assert sorted(page for page, _ in pages) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))
    assert max(depth for _, depth in pages) <= 2  # a tab, its list of pages; groups within it are headings


def test_the_site_needs_no_plugin() -> None:
    assert "plugins" not in SITE


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=lambda page: str(page.relative_to(DOCS)))
def test_links_stay_inside_the_site(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)\s]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).resolve().is_relative_to(DOCS)] == []


@pytest.mark.parametrize(
    "command",
    [
        ("mkdocs", "build", "--strict", "--site-dir", "SITE"),
        ("zensical", "build", "--strict", "--config-file", "CONFIG"),
    ],
    ids=["material", "zensical"],
)
def test_the_site_is_built_without_a_warning(command: tuple[str, ...], tmp_path: Path) -> None:
    config = tmp_path / "mkdocs.yml"  # a builder leaves its cache beside it
    config.write_text((ROOT / "mkdocs.yml").read_text())
    shutil.copytree(DOCS, tmp_path / "docs")
    words = [{"SITE": str(tmp_path / "build/docs"), "CONFIG": str(config)}.get(word, word) for word in command]
    done = subprocess.run(
        [Path(sys.executable).with_name(words[0]), *words[1:]],
        cwd=tmp_path,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},  # Material's own notice on the future of MkDocs
        capture_output=True,
        text=True,
        timeout=240,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert [line for line in said.splitlines() if WARNING.search(line)] in ([], ["No issues found"])
    for page, _ in navigated(SITE["nav"]):
        made = page.removesuffix("index.md") if page.endswith("index.md") else f"{page.removesuffix('.md')}/"
        assert (tmp_path / "build/docs" / made / "index.html").is_file(), page
