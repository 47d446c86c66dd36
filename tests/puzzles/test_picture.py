"""Pictures are SVG that parses, and show what they should."""

from xml.etree import ElementTree

import numpy as np
import pytest

from trm.puzzles import grids
from trm.puzzles.arc_grids import PALETTE
from trm.puzzles.drawing.picture import CLASH, DRAWN, INK, TINT, side_by_side, svg
from trm.puzzles.maze import spec_for as maze_spec
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import spec_for

SUDOKU = spec_for(4)


def elements(picture: str, tag: str) -> list[dict[str, str]]:
    found = ElementTree.fromstring(picture).iter(f"{{http://www.w3.org/2000/svg}}{tag}")
    return [dict(element.attrib) | {"text": element.text or ""} for element in found]


def test_a_sudoku_shows_givens_changes_and_clashes() -> None:
    givens = grids.parse(SUDOKU, "1..." + "." * 12)
    before, after = (grids.parse(SUDOKU, text + "." * 12) for text in ("12..", "1311"))
    texts = elements(svg(SUDOKU, after, givens, before), "text")
    assert [text["text"] for text in texts] == ["1", "3", "1", "1"]
    assert [text["fill"] for text in texts] == [CLASH, DRAWN, CLASH, CLASH]
    assert ["font-weight" in text for text in texts] == [True, False, False, False]
    assert sum(rect["fill"] == TINT for rect in elements(svg(SUDOKU, after, givens, before), "rect")) == 3


def test_a_maze_shows_walls_marks_and_its_path() -> None:
    spec = maze_spec(2, 3)
    picture = svg(spec, grids.parse(spec, "oS G# "))
    assert sum(rect["fill"] == INK for rect in elements(picture, "rect")) == 1
    assert [text["text"] for text in elements(picture, "text")] == ["S", "G"]
    assert elements(picture, "path")[0]["d"] == "M12 12h0M12 12h24M12 12v24"


def test_an_arc_grid_is_cropped_and_coloured() -> None:
    spec = PuzzleSpec(kind="arc", rows=30, cols=30, symbols=tuple("$0123456789"))
    grid = np.zeros((30, 30), dtype=np.int32)
    grid[4:6, 7:10] = 2 + 3
    grid[5, 9] = 2 + 8
    grid[6, 7:10] = grid[4:6, 10] = 1
    root = ElementTree.fromstring(svg(spec, grid.ravel()))
    assert (root.attrib["width"], root.attrib["height"]) == ("76", "52")
    fills = [rect["fill"] for rect in elements(svg(spec, grid.ravel()), "rect")]
    assert fills.count(PALETTE[3]) == 5
    assert fills.count(PALETTE[8]) == 1
    assert elements(svg(spec, np.zeros(900, dtype=np.int32)), "text") == []


def test_any_symbol_is_written_safely() -> None:
    spec = PuzzleSpec(kind="grid", rows=1, cols=2, symbols=("<", "&"))
    assert [text["text"] for text in elements(svg(spec, np.array([1, 2], dtype=np.int32)), "text")] == ["<", "&"]


def test_pictures_stand_side_by_side_above_their_captions() -> None:
    one = svg(SUDOKU, grids.parse(SUDOKU, "." * 16))
    several = side_by_side([one] * 8, [f"step <{i}>" for i in range(8)])
    assert [text["text"] for text in elements(several, "text")] == [f"step <{i}>" for i in range(8)]
    assert len(elements(several, "svg")) == 9
    with pytest.raises(ValueError, match="svg made"):
        side_by_side(["<p/>"], [""])
