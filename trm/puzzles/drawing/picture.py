"""Puzzles as SVG pictures that stand alone."""

import re
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from trm.puzzles import arc_grids as arc
from trm.puzzles import grids
from trm.puzzles.maze import GOAL, PATH, START, WALL
from trm.puzzles.rules import conflicts
from trm.puzzles.spec import PuzzleSpec

Tokens = NDArray[np.int32]
CELL = 24  # user units, as all lengths here
MARGIN = 2
GAP = 16  # between pictures, and room for a caption
PER_ROW = 6  # pictures side by side
INK, PAPER, FAINT, TINT, CLASH, DRAWN = "#222222", "#ffffff", "#d0d0d0", "#fff3b0", "#d62728", "#1f77b4"
MAZE_MARKS = {START: ("#2ca02c", "S"), GOAL: ("#9467bd", "G")}
SIZE = re.compile(r'<svg [^>]*width="(\d+)" height="(\d+)"')


def svg(spec: PuzzleSpec, tokens: Tokens, givens: Tokens | None = None, previous: Tokens | None = None) -> str:
    """One grid `(L,)`: givens bold, cells changed since `previous` tinted, clashing cells red.

    Sudokus have box lines, mazes filled walls and their path as a line, ARC grids are cropped to the used area.
    """
    changed = np.zeros(spec.cells, dtype=np.bool_) if previous is None else previous != tokens
    if spec.kind == "maze":
        return _picture(spec.rows, spec.cols, _maze(spec, tokens, changed))
    if spec.kind == "arc":
        used = arc.area(tokens)
        grid, changed = tokens.reshape(spec.rows, spec.cols)[used], changed.reshape(spec.rows, spec.cols)[used]
        return _picture(grid.shape[0], grid.shape[1], _arc_cells(grid, changed))
    return _picture(spec.rows, spec.cols, _symbols(spec, tokens, givens, changed))


def side_by_side(pictures: Sequence[str], captions: Sequence[str]) -> str:
    """One picture of several made by `svg`, each above its caption, six in a row."""
    sizes = [_size(picture) for picture in pictures]
    width, height = (max((size[i] for size in sizes), default=0) + GAP for i in (0, 1))
    parts = []
    for number, (picture, caption) in enumerate(zip(pictures, captions, strict=True)):
        x, y = number % PER_ROW * width, number // PER_ROW * (height + GAP)
        label = _text(sizes[number][0] / 2, sizes[number][1] + GAP / 2, caption, INK, size=12)
        parts.append(f'<g transform="translate({x} {y})">{picture}{label}</g>')
    rows = -(-len(pictures) // PER_ROW)
    return _shell(min(len(pictures), PER_ROW) * width, rows * (height + GAP), parts)


def _size(picture: str) -> tuple[int, int]:
    found = SIZE.match(picture)
    if found is None:
        raise ValueError("side_by_side takes pictures that svg made")
    return int(found[1]), int(found[2])


def _shell(width: int, height: int, parts: Sequence[str]) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


def _picture(rows: int, cols: int, parts: Iterator[str]) -> str:
    width, height = cols * CELL + 2 * MARGIN, rows * CELL + 2 * MARGIN
    paper = f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
    return _shell(width, height, (paper, f'<g transform="translate({MARGIN} {MARGIN})">', *parts, "</g>"))


def _symbols(spec: PuzzleSpec, tokens: Tokens, givens: Tokens | None, changed: NDArray[np.bool_]) -> Iterator[str]:
    clashing = {cell for pair in conflicts(spec, tokens) for cell in pair}
    shown = [symbol for row in grids.rows(spec, tokens) for symbol in row]
    for cell, symbol in enumerate(shown):
        row, col = divmod(cell, spec.cols)
        if changed[cell]:
            yield _square(row, col, TINT)
        if tokens[cell] != spec.blank:
            given = givens is not None and givens[cell] not in (spec.blank, 0, 1)
            ink = CLASH if cell in clashing else INK if given or givens is None else DRAWN
            yield _text((col + 0.5) * CELL, (row + 0.5) * CELL, symbol, ink, bold=given)
    yield from _lines(spec.rows, spec.cols, spec.box or (spec.rows, spec.cols))
    if spec.regions is not None:
        yield _borders(np.array(list(spec.regions)).reshape(spec.rows, spec.cols))


def _borders(names: NDArray[np.str_]) -> str:
    """Thick lines wherever two regions meet."""
    down, right = np.argwhere(names[1:] != names[:-1]).tolist(), np.argwhere(names[:, 1:] != names[:, :-1]).tolist()
    steps = [f"M{col * CELL} {(row + 1) * CELL}h{CELL}" for row, col in down]
    steps += [f"M{(col + 1) * CELL} {row * CELL}v{CELL}" for row, col in right]
    return f'<path d="{"".join(steps)}" fill="none" stroke="{INK}" stroke-width="2" stroke-linecap="square"/>'


def _maze(spec: PuzzleSpec, tokens: Tokens, changed: NDArray[np.bool_]) -> Iterator[str]:
    clashing = {cell for pair in conflicts(spec, tokens) for cell in pair}
    for cell, token in enumerate(tokens.tolist()):
        row, col = divmod(cell, spec.cols)
        fill = INK if token == WALL else TINT if changed[cell] else FAINT if token == 0 else None
        if fill:
            yield _square(row, col, fill)
        if token in MAZE_MARKS:
            colour, letter = MAZE_MARKS[token]
            yield _square(row, col, CLASH if cell in clashing else colour)
            yield _text((col + 0.5) * CELL, (row + 0.5) * CELL, letter, PAPER, bold=True)
    yield _path(tokens.reshape(spec.rows, spec.cols))
    yield _frame(spec.rows, spec.cols)


def _path(grid: Tokens) -> str:
    """Dots on path cells, and lines between neighbours of which one at least is a path cell."""
    walked, drawn = grid >= START, grid == PATH
    dots = [f"M{_middle(col)} {_middle(row)}h0" for row, col in np.argwhere(drawn).tolist()]
    across = walked[:, :-1] & walked[:, 1:] & (drawn[:, :-1] | drawn[:, 1:])
    down = walked[:-1] & walked[1:] & (drawn[:-1] | drawn[1:])
    steps = [f"M{_middle(col)} {_middle(row)}h{CELL}" for row, col in np.argwhere(across).tolist()]
    steps += [f"M{_middle(col)} {_middle(row)}v{CELL}" for row, col in np.argwhere(down).tolist()]
    style = f'fill="none" stroke="{DRAWN}" stroke-width="{CELL // 4}" stroke-linecap="round"'
    return f'<path d="{"".join(dots + steps)}" {style}/>'


def _arc_cells(grid: Tokens, changed: NDArray[np.bool_]) -> Iterator[str]:
    rows, cols = grid.shape
    for (row, col), token in np.ndenumerate(grid):
        if token >= 1:
            colour = int(token) - arc.FIRST_COLOUR
            yield _square(row, col, arc.PALETTE[colour] if 0 <= colour < arc.COLOURS else "#f4f4f4")
        if changed[row, col]:
            yield f'<circle cx="{_middle(col)}" cy="{_middle(row)}" r="4" fill="{TINT}" stroke="{INK}"/>'
    yield from _lines(rows, cols, (rows, cols))


def _lines(rows: int, cols: int, box: tuple[int, int]) -> Iterator[str]:
    """Thin lines between cells, thick ones between boxes and around."""
    for thick, colour in ((False, FAINT), (True, INK)):
        down = [i for i in range(1, rows) if (i % box[0] == 0) == thick]
        right = [i for i in range(1, cols) if (i % box[1] == 0) == thick]
        steps = [f"M0 {i * CELL}h{cols * CELL}" for i in down] + [f"M{i * CELL} 0v{rows * CELL}" for i in right]
        if steps:
            yield f'<path d="{"".join(steps)}" stroke="{colour}" stroke-width="{2 if thick else 1}"/>'
    yield _frame(rows, cols)


def _frame(rows: int, cols: int) -> str:
    return f'<rect width="{cols * CELL}" height="{rows * CELL}" fill="none" stroke="{INK}" stroke-width="2"/>'


def _square(row: int, col: int, fill: str) -> str:
    return f'<rect x="{col * CELL}" y="{row * CELL}" width="{CELL}" height="{CELL}" fill="{fill}"/>'


def _text(x: float, y: float, content: str, fill: str, *, bold: bool = False, size: int = CELL * 5 // 8) -> str:
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{x:g}" y="{y:g}" text-anchor="middle" dominant-baseline="central"'
    return f'<text {place} font-family="sans-serif" font-size="{size}" fill="{fill}"{weight}>{escape(content)}</text>'


def _middle(place: int) -> int:
    return place * CELL + CELL // 2
