"""The figure of how sure and how right the shipped models are, from the figures of their cards."""

from collections.abc import Iterator, Sequence

from deploy.site.drawing import BLUE, FAINT, GREEN, INK, Point, dashes, figure, words
from trm.interface.pretrained import names, pretrained

SIDE, LEFT, GAP, TOP = 260, 70, 120, 50
COLOURS = (BLUE, GREEN, "#ef6c00", "#6a1b9a")


def draw_calibration() -> str:
    """On the left the share right against the halt probability, on the right the accuracy after each supervision step."""
    measured = {name: pretrained(name).measured for name in names()}
    first, second = LEFT, LEFT + SIDE + GAP
    parts = [*_axes(first, "halt probability", "share of answers that are right", ("0", "0.5", "1"))]
    parts += _axes(second, "supervision step", "share of puzzles that are right", ("1", "", "16"))
    parts.append(dashes((first, TOP + SIDE), (first + SIDE, TOP)))
    for colour, known in zip(COLOURS, measured.values(), strict=False):
        last = len(known.step_exact) - 1
        by_step = [(place / last, right / known.exact.n) for place, right in enumerate(known.step_exact)]
        reliability = [(one.halt_probability, one.right) for one in known.calibration if one.answers]
        parts += _dots(reliability, first, colour)
        parts += _dots(by_step, second, colour)
    for row, (colour, name) in enumerate(zip(COLOURS, measured, strict=False)):
        parts.append(words((second + SIDE + 20, TOP + 20 + 22 * row), name, colour=colour, anchor="start", bold=True))
    return figure(second + SIDE + 150, TOP + SIDE + 60, "Calibration and accuracy by step of the shipped models", parts)


def _dots(points: Sequence[Point], left: float, colour: str) -> Iterator[str]:
    placed = [(round(left + SIDE * x, 1), round(TOP + SIDE * (1 - y), 1)) for x, y in points]
    path = " ".join(f"{x:g},{y:g}" for x, y in placed)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    yield from (f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="{colour}"/>' for x, y in placed)


def _axes(left: float, across: str, up: str, ticks: tuple[str, str, str]) -> Iterator[str]:
    bottom = TOP + SIDE
    yield f'<rect x="{left:g}" y="{TOP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="{FAINT}"/>'
    yield from (words((left + SIDE * i / 2, bottom + 14), tick, size=11) for i, tick in enumerate(ticks))
    yield from (words((left - 8, bottom - SIDE * i / 2), f"{50 * i} %", size=11, anchor="end") for i in range(3))
    yield words((left + SIDE / 2, bottom + 36), across, colour=INK)
    yield words((left + SIDE / 2, TOP - 20), up, colour=INK)
