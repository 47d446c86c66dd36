"""Files of Sudokus without answers: a board a line (.sdm), or boards of several lines (.sdk, .ss)."""

import re
from collections.abc import Iterable, Iterator
from math import isqrt

from trm.puzzles.reading.boards import is_jigsaw_length
from trm.puzzles.reading.drawings import is_frame, is_note

CELLS = r"[0-9A-Za-z.*_\-?]"
MARKS = "0123456789.*_-?"
FLAT = re.compile(rf"({CELLS}{{16,}})(\s.*)?", re.DOTALL)  # what follows a blank is a comment
LINE = re.compile(rf"[{CELLS[1:-1]}\s|!]+")


def begins_board(line: str) -> bool:
    """Whether this line can be the first of such a file."""
    line = line.strip()
    holds_marks = LINE.fullmatch(line) is not None and _is_mostly_marks(line)
    return is_note(line) or is_frame(line) or _is_flat(line) or holds_marks


def boards(lines: Iterable[str]) -> Iterator[str]:
    """The text of every board: one a line, or what stands between empty lines, notes left out."""
    block: list[str] = []
    closed = False  # after the first section of a file with sections
    for line in lines:
        stripped = line.strip()
        if _is_flat(stripped) and not block:
            yield stripped.split()[0]
        elif stripped.startswith("["):
            closed = not stripped.lower().startswith("[puzzle")
        elif not stripped and block:
            yield "".join(block)
            block = []
        elif stripped and not closed and not is_note(stripped) and not is_frame(stripped):
            block.append(line)
    if block:
        yield "".join(block)


def _is_flat(line: str) -> bool:
    found = FLAT.fullmatch(line)
    if found is None or not any(cell in MARKS for cell in found[1]):
        return False
    length = len(found[1])
    return isqrt(length) ** 2 == length or is_jigsaw_length(length)


def _is_mostly_marks(line: str) -> bool:
    cells = re.sub(r"[\s|!]", "", line)
    return len(cells) >= 4 and 2 * sum(cell in MARKS for cell in cells) >= len(cells)
