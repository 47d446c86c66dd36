"""The figure of what was tried to bring the shipped `sudoku` further, and what the validation puzzles said of each."""

from collections.abc import Iterator, Sequence

from deploy.site.drawing import BLUE, FAINT, GREEN, INK, RED, Point, figure, words

LEFT, TOP, WIDTH, HEIGHT = 60, 50, 460, 260
UPDATES, LOWEST, HIGHEST = 4500, 65, 80  # ends of the axes, the last two in percent
# optimizer updates since update 11,731, and how many of 300 validation puzzles are exactly right in one pass, in percent
TRIED: dict[str, Sequence[Point]] = {
    "two recursions": [(0, 70.0), (3000, 73.7)],
    "width 64": [(1500, 68.0), (4300, 72.7)],
    "six latent steps": [(500, 76.3), (1000, 76.7), (2000, 75.7), (2860, 76.7)],
    "4x4 and 6x6 as well": [(1000, 76.7), (1250, 76.3), (1500, 77.7), (1750, 77.0), (2000, 77.7)],
    "a higher rate": [(2000, 77.7), (2650, 70.3)],
    "segments": [(1000, 76.7), (1250, 76.3), (1500, 76.0), (2215, 69.7), (2865, 74.7)],
}
COLOURS = ("#6a1b9a", "#ef6c00", BLUE, GREEN, RED, INK)


def draw_trainings() -> str:
    """Validation accuracy against optimizer updates, a line for each training."""
    parts = [*_axes()]
    for row, (colour, (name, points)) in enumerate(zip(COLOURS, TRIED.items(), strict=True)):
        parts += _line([_place(point) for point in points], colour)
        parts.append(words((LEFT + WIDTH + 20, TOP + 20 + 22 * row), name, colour=colour, anchor="start", bold=True))
    return figure(LEFT + WIDTH + 200, TOP + HEIGHT + 60, "Validation accuracy of what was tried with sudoku", parts)


def _place(point: Point) -> Point:
    up = (point[1] - LOWEST) / (HIGHEST - LOWEST)
    return round(LEFT + WIDTH * point[0] / UPDATES, 1), round(TOP + HEIGHT * (1 - up), 1)


def _line(points: Sequence[Point], colour: str) -> Iterator[str]:
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    yield from (f'<circle cx="{x:g}" cy="{y:g}" r="3.5" fill="{colour}"/>' for x, y in points)


def _axes() -> Iterator[str]:
    bottom = TOP + HEIGHT
    yield f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="{FAINT}"/>'
    for updates in range(0, UPDATES + 1, 1000):
        yield words((_place((updates, LOWEST))[0], bottom + 14), f"{updates:,}", size=11)
    for percent in range(LOWEST, HIGHEST + 1, 5):
        yield words((LEFT - 8, _place((0, percent))[1]), f"{percent} %", size=11, anchor="end")
    yield words((LEFT + WIDTH / 2, bottom + 36), "optimizer updates since update 11,731", colour=INK)
    yield words((LEFT + WIDTH / 2, TOP - 20), "exactly right of 300 validation puzzles, one pass", colour=INK)
