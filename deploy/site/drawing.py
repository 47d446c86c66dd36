"""Boxes, arrows and words as SVG: what the figures of the documentation are drawn with."""

from collections.abc import Iterable
from xml.sax.saxutils import escape

INK, PAPER, FAINT, BLUE, GREEN, RED, TINT = "#222222", "#ffffff", "#b8b8b8", "#3949ab", "#2e7d32", "#c62828", "#e8eaf6"
FONT = 'font-family="sans-serif"'
Point = tuple[float, float]


def figure(width: int, height: int, title: str, parts: Iterable[str]) -> str:
    """A picture on white paper that stands alone; the title is for those who do not see it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">'
        f"<title>{escape(title)}</title>"
        f'<rect width="{width}" height="{height}" fill="{PAPER}"/>'
    )
    return "\n".join([head, *parts, "</svg>"]) + "\n"


def words(
    at: Point, text: str, *, size: int = 13, colour: str = INK, anchor: str = "middle", bold: bool = False
) -> str:
    """A text, its middle at a height; by default centred."""
    weight = ' font-weight="bold"' if bold else ""
    place = f'x="{at[0]:g}" y="{at[1]:g}" text-anchor="{anchor}" dominant-baseline="central"'
    return f'<text {place} {FONT} font-size="{size}" fill="{colour}"{weight}>{escape(text)}</text>'


def box(at: Point, size: Point, text: str, *, colour: str = BLUE, note: str = "") -> str:
    """A rounded box around a centre, with a word, and a smaller note below it."""
    (x, y), (width, height) = at, size
    frame = (
        f'<rect x="{x - width / 2:g}" y="{y - height / 2:g}" width="{width:g}" height="{height:g}" rx="8" '
        f'fill="{TINT}" stroke="{colour}" stroke-width="1.5"/>'
    )
    if not note:
        return frame + words(at, text, bold=True)
    return frame + words((x, y - 9), text, bold=True) + words((x, y + 10), note, size=11)


def arrow(points: Iterable[Point], *, colour: str = INK, dashed: bool = False) -> str:
    """Straight lines through the points, with a head at the last."""
    (*rest, (x0, y0), (x1, y1)) = points
    path = " ".join(f"{x:g},{y:g}" for x, y in (*rest, (x0, y0), (x1, y1)))
    pattern = ' stroke-dasharray="5 4"' if dashed else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5"{pattern}/>{_head((x0, y0), (x1, y1), colour)}'


def dashes(start: Point, end: Point) -> str:
    """A dashed line without a head."""
    ends = f'x1="{start[0]:g}" y1="{start[1]:g}" x2="{end[0]:g}" y2="{end[1]:g}"'
    return f'<line {ends} stroke="{FAINT}" stroke-width="1" stroke-dasharray="4 4"/>'


def _head(start: Point, end: Point, colour: str) -> str:
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    ux, uy = dx / length, dy / length
    left = f"{end[0] - 9 * ux - 4.5 * uy:.1f},{end[1] - 9 * uy + 4.5 * ux:.1f}"
    right = f"{end[0] - 9 * ux + 4.5 * uy:.1f},{end[1] - 9 * uy - 4.5 * ux:.1f}"
    return f'<polygon points="{end[0]:g},{end[1]:g} {left} {right}" fill="{colour}"/>'
