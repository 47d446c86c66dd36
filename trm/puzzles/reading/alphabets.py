"""What the characters of a board mean, kind by kind: blanks and digits of Sudokus, walls and ways of mazes, symbols of any grid."""

from collections import Counter
from collections.abc import Iterable, Mapping, Set
from functools import lru_cache

from trm.puzzles import maze
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK, DIGITS

Tokens = Mapping[str, int]
BASE_36 = "0" + DIGITS
BLANKS = frozenset((".", "0", "_", "*", "-", "x", "X", "?", " ", "", "None"))  # where they are no digits
MAZE_MARKS: dict[str, int] = {
    **dict.fromkeys(("#", "1", "\u2588"), maze.WALL),
    **dict.fromkeys((" ", ".", "_", "0"), maze.OPEN),
    **dict.fromkeys(("S", "s"), maze.START),
    **dict.fromkeys(("G", "g", "E", "e"), maze.GOAL),
    **dict.fromkeys(("o", "O"), maze.PATH),
}
UNDECIDED = ("X", "*", "+")  # wall, goal or path, whichever the maze has no other mark for
ALPHABETS = (DIGITS, BASE_36, DIGITS[9:])  # from 1, from 0, from A


@lru_cache(64)
def tokens_of(spec: PuzzleSpec) -> Tokens:
    """The tokens of all that may be written for a symbol of this alphabet; mazes by the marks that always mean the same."""
    canonical = {symbol: token for token, symbol in enumerate(spec.symbols, start=1)}
    if spec.kind == "maze":
        return MAZE_MARKS | canonical
    if spec.kind != "sudoku":
        return canonical
    table = dict.fromkeys(BLANKS, BLANK)
    for symbol, token in canonical.items():
        table |= dict.fromkeys((symbol, symbol.lower(), symbol.upper()), token)
    for number in range(10, len(BASE_36)):  # numbers stand for the letters that people write for them
        if BASE_36[number] in canonical:
            table[str(number)] = canonical[BASE_36[number]]
    return table


def maze_tokens(questions: Set[str], answers: Set[str]) -> Tokens:
    """The same for mazes in which these marks occur: what some mean depends on the others."""
    table, marks = dict(MAZE_MARKS), questions | answers
    if "." in answers - questions and not answers & {"o", "O"} and questions & {" ", "_", "0"}:
        table["."] = maze.PATH
    for mark in UNDECIDED:
        if mark not in marks:
            continue
        meant = {table[other] for other in marks if other in table}
        if maze.WALL not in meant and mark in questions:
            table[mark] = maze.WALL
        elif maze.GOAL not in meant and mark in questions:
            table[mark] = maze.GOAL
        elif maze.PATH not in meant and mark not in questions:
            table[mark] = maze.PATH
    return table


def digits_of(size: int, questions: Iterable[frozenset[str]], answers: Mapping[frozenset[str], int]) -> str:
    """The digits that most boards of a size x size Sudoku are written with: 1-9A-.., 0-9A-.. or A-...

    `answers` counts the sets of characters of answers, which hold no blanks; without any, questions tell.
    """
    asked = Counter(questions)
    candidates = [alphabet[:size] for alphabet in ALPHABETS if len(alphabet) >= size]

    def fitting(digits: str) -> int:
        known = set(digits) | set(digits.lower()) | {str(n) for n in range(10, 36) if BASE_36[n] in digits}
        if answers:
            return sum(count for marks, count in answers.items() if marks <= known)
        return sum(count for marks, count in asked.items() if not is_mixed(marks - known) and marks - known <= BLANKS)

    return max(candidates, key=fitting)


def is_mixed(blanks: Set[str]) -> bool:
    """Whether 0 stands beside another mark for blanks: then it may well be a digit."""
    return "0" in blanks and bool((blanks - {"0"}) & BLANKS)


def alphabet(spec: PuzzleSpec) -> str:
    """The symbols in words, for an error."""
    if spec.kind == "sudoku":
        digits = "".join(spec.symbols[1:])
        marks = BLANKS - {"", " ", "None", "X", *digits, *digits.lower()}
        return f"digits {_ranges(digits)}, and {' '.join(sorted(marks))} for blanks"
    if spec.kind == "maze":
        return "'#' wall, ' ' open, 'S' start, 'G' goal, 'o' path"
    shown = " ".join(map(repr, spec.symbols[:40]))
    return shown if len(spec.symbols) <= 40 else f"{shown} and {len(spec.symbols) - 40} more"


def _ranges(digits: str) -> str:
    """`1-9A-G` for the digits of 16x16."""
    numbers, letters = ([d for d in digits if d.isdigit() is numeric] for numeric in (True, False))
    return "".join(f"{part[0]}-{part[-1]}" if len(part) > 1 else part[0] for part in (numbers, letters) if part)
