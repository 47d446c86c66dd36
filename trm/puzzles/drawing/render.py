"""Puzzles for people: a ruled grid in colour."""

from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from trm.puzzles import arc_grids as arc
from trm.puzzles import grids
from trm.puzzles.maze import GOAL, PATH, START, WALL
from trm.puzzles.rules import conflicts
from trm.puzzles.spec import PuzzleSpec

MAZE_SIGNS = {WALL: "\u2588\u2588", START: "S ", GOAL: "G ", PATH: "\u2022 "}  # two characters are about a square
MAZE_COLOURS = {WALL: "grey50", START: "green", GOAL: "magenta", PATH: "cyan"}
MAZE_STYLES = {WALL: "dim", START: "bold green", GOAL: "bold magenta"}


def render(
    spec: PuzzleSpec,
    tokens: NDArray[np.int32],
    givens: NDArray[np.int32] | None = None,
    previous: NDArray[np.int32] | None = None,
) -> Text:
    """The grid with givens bold, cells changed since `previous` in yellow, and clashing cells in red.

    A maze has blocks for walls and dots for the path, ARC grids are blocks of colour.
    """
    if spec.kind == "maze":
        return _maze(spec, tokens, previous)
    if spec.kind == "arc":
        return _arc(tokens)
    clashing = {cell for pair in conflicts(spec, tokens) for cell in pair}

    def style(cell: int) -> str:
        if cell in clashing:
            return "bold red"
        if givens is not None and givens[cell] > 1:
            return "bold"
        return "yellow" if previous is not None and previous[cell] != tokens[cell] else "cyan"

    styles = [style(cell) for cell in range(spec.cells)]
    if spec.regions is not None:
        return _with_regions(spec, tokens, spec.regions, styles)
    box_rows, box_cols = spec.box or (spec.rows, spec.cols)
    symbols = [symbol for row in grids.rows(spec, tokens) for symbol in row]
    out = Text()
    for row in range(spec.rows):
        if row and row % box_rows == 0:
            out.append("+".join("-" * (2 * box_cols + 1) for _ in range(spec.cols // box_cols)) + "\n", style="dim")
        for col in range(spec.cols):
            if col and col % box_cols == 0:
                out.append(" |", style="dim")
            cell = row * spec.cols + col
            out.append(f" {symbols[cell]}", style=styles[cell])
        out.append("\n")
    return out


def render_small(spec: PuzzleSpec, tokens: NDArray[np.int32], previous: NDArray[np.int32] | None = None) -> Text | None:
    """A maze or ARC grid with a character for two cells, one above the other; None for grids of symbols."""
    if spec.kind == "maze":
        clashing = {cell for pair in conflicts(spec, tokens) for cell in pair}
        changed = tokens != previous if previous is not None else np.zeros_like(tokens, bool)
        colours = [
            "red" if cell in clashing else "yellow" if token == PATH and changed[cell] else MAZE_COLOURS.get(token)
            for cell, token in enumerate(tokens.tolist())
        ]
        return _halves([colours[at : at + spec.cols] for at in range(0, spec.cells, spec.cols)])
    if spec.kind == "arc":
        used = tokens.reshape(arc.SIDE, arc.SIDE)[arc.area(tokens)] - arc.FIRST_COLOUR
        return _halves([[arc.PALETTE[c] if 0 <= c < arc.COLOURS else None for c in row] for row in used.tolist()])
    return None


def _halves(rows: list[list[str | None]]) -> Text:
    out = Text()
    for upper, lower in zip_longest(rows[::2], rows[1::2], fillvalue=[None] * len(rows[0])):
        for top, bottom in zip(upper, lower, strict=True):
            if top is None:
                out.append("\u2584" if bottom else " ", style=bottom or "")
            else:
                out.append("\u2580", style=f"{top} on {bottom}" if bottom else top)
        out.append("\n")
    return out


def _with_regions(spec: PuzzleSpec, tokens: NDArray[np.int32], regions: str, styles: list[str]) -> Text:
    """The grid with a border wherever two regions meet."""
    shown, names = grids.rows(spec, tokens), np.array(list(regions)).reshape(spec.rows, spec.cols)
    out = Text()
    for row in range(spec.rows):
        if row and (parted := names[row] != names[row - 1]).any():
            out.append("".join(" ---" if part else "    " for part in parted).rstrip() + "\n", style="dim")
        for col in range(spec.cols):
            parted_left = col > 0 and names[row, col] != names[row, col - 1]
            out.append("| " if parted_left else "  ", style="dim")
            out.append(f"{shown[row][col]} ", style=styles[row * spec.cols + col])
        out.append("\n")
    return out


def plain(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> str:
    """The grid as plain text: what `render` draws, without colour; ARC grids as the numbers of their colours."""
    if spec.kind != "arc":
        return render(spec, tokens).plain.rstrip("\n")
    used = np.array(grids.rows(spec, tokens))[arc.area(tokens)]
    return "\n".join(" ".join(row) for row in used.tolist())


def _arc(tokens: NDArray[np.int32]) -> Text:
    out = Text()
    for row in tokens.reshape(arc.SIDE, arc.SIDE)[arc.area(tokens)].tolist():
        for token in row:
            colour = token - arc.FIRST_COLOUR
            out.append("  ", style=f"on {arc.PALETTE[colour]}" if 0 <= colour < arc.COLOURS else "")
        out.append("\n")
    return out


def _maze(spec: PuzzleSpec, tokens: NDArray[np.int32], previous: NDArray[np.int32] | None) -> Text:
    clashing = {cell for pair in conflicts(spec, tokens) for cell in pair}
    out = Text()
    for cell, token in enumerate(tokens.tolist()):
        changed = previous is not None and previous[cell] != token
        style = "bold red" if cell in clashing else MAZE_STYLES.get(token, "yellow" if changed else "cyan")
        out.append(MAZE_SIGNS.get(token, "  "), style=style)
        if cell % spec.cols == spec.cols - 1:
            out.append("\n")
    return out
