"""What people draw around the cells of a Sudoku: frames, rules between boxes, notes."""

import re

FRAME = re.compile(r"[\s|!+*:=.'`,-]*")
LINES = dict.fromkeys(range(9472, 9600), "+") | {ord(bar): "|" for bar in "│║┃¦!"}  # of box drawing


def is_note(line: str) -> bool:
    """Whether a line is a comment or the title of a section, as .sdk files have them."""
    return line.startswith("#") or (line.startswith("[") and line.endswith("]") and line[1:2].isalpha())


def is_frame(line: str) -> bool:
    """Whether a line is drawn between rows: `---+---+---`, `*-----------*`, `======`; not `---|1--`, which may hold blanks."""
    line = line.translate(LINES).strip()
    corners = "+" in line or "=" in line or (line[:1] in "*:.'" and line[-1:] in "*:.'" and "---" in line)
    return corners and FRAME.fullmatch(line) is not None


def undrawn(text: str) -> str:
    """The text of a Sudoku without notes, frames and the bars between boxes."""
    lines = [line.translate(LINES) for line in text.splitlines()]
    if any("[puzzle]" in line.lower() for line in lines):
        at = next(i for i, line in enumerate(lines) if "[puzzle]" in line.lower())
        rest = lines[at + 1 :]
        end = next((i for i, line in enumerate(rest) if line.startswith("[")), len(rest))
        lines = rest[:end]
    framed = any("|" in line for line in lines)
    kept = [
        line
        for line in lines
        if line.strip()
        and not is_note(line.strip())
        and not is_frame(line)
        and not (framed and "|" not in line and set(line.strip()) == {"-"})
    ]
    return "\n".join(line.replace("|", "") for line in kept)
