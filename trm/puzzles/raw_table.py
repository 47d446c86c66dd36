"""A table of puzzles: its rows are taken one by one, and what they mean is decided over all of them."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from trm.errors import DatasetError, PuzzleError, RowProblem
from trm.puzzles import grids, maze
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.reading import alphabets, boards
from trm.puzzles.reading.alphabets import Tokens
from trm.puzzles.reading.boards import Board
from trm.puzzles.reading.rows import Row
from trm.puzzles.regions import name_regions
from trm.puzzles.rules import check_many
from trm.puzzles.search import require_unique
from trm.puzzles.spec import DeclaredRules, Kind, PuzzleSpec
from trm.puzzles.sudoku import BLANK, boxes_of, jigsaw_spec, spec_for
from trm.puzzles.violations import require_right

Given = str | Board | PuzzleError  # a text is laid out once all of them are known
ARC_ELSEWHERE = "ARC tasks are not tables of questions and answers: they are read with trm.puzzles.arc_files."
NOTHING = PuzzleError("the value is missing")
MOST_SEARCHED = 1_000  # Sudokus, at about 20 ms each
MOST_SYMBOLS = 4096


class RawTable:
    """Questions and answers as they were written, a byte a cell where symbols are characters."""

    def __init__(self, rows: Iterable[Row], rules: DeclaredRules | None = None) -> None:
        """Takes all rows, and the rules that are declared for them; raises what the iterator raises."""
        self.rules = rules
        self.layouts: dict[str, int] = {}  # regions of jigsaws as they were written -> the first row with them
        self.questions: list[Given] = []
        self.answers: list[Given] = []
        self.sources: list[str] = []
        self.ratings: list[float] = []  # NaN for none
        self.unrated: list[int] = []  # rows whose rating is no number
        self._separators: dict[Kind, str | None] = {}
        for row in rows:
            self.questions.append(_read_cell(row.question))
            self.answers.append(_read_cell(row.answer))
            self.sources.append(str(row.source or ""))
            self.ratings.append(self._rating(row.rating))
            if row.regions:
                self.layouts.setdefault(str(row.regions), len(self.questions))
        if not self.questions:
            raise DatasetError("The file holds no puzzles.")

    def puzzles(self, kind: Kind, spec: PuzzleSpec | None = None, *, answers_required: bool = True) -> PuzzleSet:
        """The puzzles, every row checked; without `spec` shape and symbols are those of the most rows.

        Raises DatasetError listing the bad rows by number.
        """
        if kind == "arc":
            raise DatasetError(ARC_ELSEWHERE)
        if kind == "maze" and self.rules is not None:
            raise DatasetError("Mazes have rules of their own: leave the rules out, or take them for a grid.")
        try:
            return self._puzzles(kind, spec, answers_required=answers_required)
        except DatasetError as error:
            likely = self.kind() if spec is None else kind
            if likely in (kind, "grid"):
                raise
            raise DatasetError(f"{error} The rows look like {likely}s: kind={likely}.", error.problems) from error

    def _puzzles(self, kind: Kind, spec: PuzzleSpec | None, *, answers_required: bool) -> PuzzleSet:
        chosen = spec or self.spec(kind)
        if chosen.kind == "sudoku" and self._regions() not in (None, chosen.regions):
            raise DatasetError("The puzzles are jigsaws with other regions than those of the data set.")
        questions, answers = self._tokens(chosen, answers_required=answers_required)
        if spec is None:
            chosen = _with_box(chosen, questions, answers)
        if answers_required:
            require_right(chosen, questions, answers)
        rated = any(map(math.isfinite, self.ratings))
        ratings = np.array(self.ratings) if rated else None
        return PuzzleSet(chosen, questions, answers, tuple(self.sources), ratings, remarks=tuple(self._remarks(kind)))

    def spec(self, kind: Kind) -> PuzzleSpec:
        """Shape and symbols of the puzzles; the boxes of a Sudoku are the squarest until answers tell others."""
        height, width = self._shape(kind)
        if kind == "sudoku":
            return self._sudoku_spec(height, width)
        if kind == "maze" and height == 1 and not self._shapes(kind):
            raise DatasetError("A maze in one line must be square. Put every row on a line of its own, or give a list.")
        symbols = maze.SYMBOLS if kind == "maze" else self._symbols()
        try:
            return PuzzleSpec(kind=kind, rows=height, cols=width, symbols=symbols, rules=self._grid_rules())
        except ValidationError as error:
            if self.rules is not None:
                reason = error.errors()[0]["msg"].removeprefix("Value error, ")
                raise DatasetError(f"The rules do not fit the grids of {height}x{width}: {reason}.") from error
            limits = f"The grids are {height}x{width} with {len(symbols)} symbols"
            raise DatasetError(f"{limits}; 64x64 with {MOST_SYMBOLS} symbols is the most.") from error

    def kind(self) -> Kind:
        """What most rows look like: mazes, Sudokus whose answers obey the rules, or grids of any symbols."""
        marks, known = self._marks(self.questions, "maze"), alphabets.MAZE_MARKS.keys() | set(alphabets.UNDECIDED)
        if 2 * sum(count for found, count in marks.items() if {"S", "s"} & found and found <= known) > len(
            self.questions
        ):
            return "maze"
        try:
            spec = self.spec("sudoku")
        except DatasetError:
            return "grid"
        table, problems = alphabets.tokens_of(spec), dict[int, RowProblem]()
        questions = self._encode_column(spec, "question", self.questions, table, problems)
        if self._is_unanswered:
            return "sudoku" if 2 * len(problems) < len(questions) else "grid"
        answers = self._encode_column(spec, "answer", self.answers, table, problems)
        verdicts = check_many(_with_box(spec, questions, answers), questions, answers)
        return "sudoku" if verdicts is not None and 2 * verdicts.sum() >= len(questions) else "grid"

    def _grid_rules(self) -> DeclaredRules | None:
        """The declared rules of grids, with the blank: unless they name it, the one symbol of questions that no answer holds."""
        if self.rules is None or self.rules.blank is not None:
            return self.rules
        asked, answered = (set[str]().union(*self._marks(given, "grid")) for given in (self.questions, self.answers))
        blanks = asked - answered
        return self.rules.model_copy(update={"blank": blanks.pop()}) if answered and len(blanks) == 1 else self.rules

    def _regions(self) -> str | None:
        """The regions of the jigsaws, declared or written with them: the same for all."""
        found = {} if self.rules is None or self.rules.regions is None else {self.rules.regions: 0}
        for regions, row in self.layouts.items():
            try:
                found.setdefault(name_regions(regions), row)
            except ValueError as error:
                raise DatasetError(f"Row {row}: {error}.") from error
        for row, board in enumerate(self._lay_out(self.questions, "sudoku"), start=1):
            if isinstance(board, Board) and board.regions is not None:
                found.setdefault(board.regions, row)
        if len(found) > 1:
            first, second = ("the rules" if row == 0 else f"row {row}" for row in list(found.values())[:2])
            raise DatasetError(
                f"The regions of {first} and {second} differ: the puzzles of a data set have the same ones."
            )
        return next(iter(found), None)

    @property
    def _is_unanswered(self) -> bool:
        return all(answer is NOTHING for answer in self.answers)

    def _rating(self, value: object) -> float:
        if value is None or value == "":
            return math.nan
        try:
            number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else math.nan
        except (ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            self.unrated.append(len(self.ratings) + 1)
            return math.nan
        return number

    def _remarks(self, kind: Kind) -> Iterator[str]:
        if len(self.unrated) == 1:
            yield f"The rating of row {self.unrated[0]} is not a number and was left out."
        elif self.unrated:
            shown = ", ".join(map(str, self.unrated[:5])) + (", .." if len(self.unrated) > 5 else "")
            yield f"The ratings of {len(self.unrated):,} rows are not numbers and were left out: rows {shown}."
        without = sum(map(math.isnan, self.ratings)) - len(self.unrated)
        if 0 < without < len(self.ratings) - len(self.unrated):
            yield f"{without:,} of {len(self.ratings):,} rows have no rating."
        if (separator := self._separator(kind)) is not None:
            yield f"{separator!r} stands between the cells of every text, and was taken for no symbol."

    def _separator(self, kind: Kind) -> str | None:
        if kind not in self._separators:
            self._separators[kind] = self._find_separator(kind)
        return self._separators[kind]

    def _find_separator(self, kind: Kind) -> str | None:
        """What stands between the cells of every text of the table; Sudokus see to it themselves."""
        if kind == "sudoku":
            return None
        texts = [given for given in (*self.questions, *self.answers) if isinstance(given, str)]
        found = set(boards.SEPARATORS)
        for text in texts:
            found &= boards.separators_of(text)
            if not found:
                return None
        if kind == "maze" and not any(set(text) & set("0._") for text in texts):
            return None  # the blanks are the way
        return next((s for s in boards.SEPARATORS if s in found), None) if texts else None

    def _lay_out(self, given: Iterable[Given], kind: Kind, cells: int | None = None) -> Iterator[Board | PuzzleError]:
        separator = self._separator(kind)
        for one in given:
            if not isinstance(one, str):
                yield one
                continue
            if one.lstrip().startswith("["):
                yield PuzzleError("the text begins like a list")
                continue
            try:
                yield boards.from_text(one, kind, separator, cells)
            except PuzzleError as error:
                yield error

    def _boards(self, kind: Kind) -> Iterator[Board]:
        for board in self._lay_out((*self.questions, *self.answers), kind):
            if isinstance(board, Board):
                yield board

    def _shapes(self, kind: Kind) -> Counter[tuple[int, int]]:
        return Counter(board.shape for board in self._boards(kind) if board.shape is not None)

    def _shape(self, kind: Kind) -> tuple[int, int]:
        """The shape of the most boards; where none of that size is written in rows, the square, or one row."""
        counts = Counter(len(board.cells) for board in self._boards(kind))
        if not counts:
            problems = [
                RowProblem(number, board.code, f"question: {board}")
                for number, board in enumerate(self._lay_out(self.questions, kind), start=1)
                if isinstance(board, PuzzleError)
            ]
            raise DatasetError("No row holds a question that can be read.", tuple(problems))
        count = counts.most_common(1)[0][0]
        for shape, _ in self._shapes(kind).most_common():
            if shape[0] * shape[1] == count:
                return shape
        side = round(count**0.5)
        return (side, side) if side * side == count else (1, count)

    def _marks(self, given: Iterable[Given], kind: Kind) -> Counter[frozenset[str]]:
        """Count the boards by the set of characters they use."""
        boards_ = self._lay_out(given, kind)
        return Counter(frozenset(board.cells) for board in boards_ if isinstance(board, Board))

    def _sudoku_spec(self, height: int, width: int) -> PuzzleSpec:
        if self.rules is not None and self.rules.regions is None:
            raise DatasetError(
                "A Sudoku has rules of its own; only regions can be declared. kind=grid takes other rules."
            )
        if height != width:
            raise DatasetError(f"The questions are {height}x{width}; a Sudoku is square. kind=grid takes them.")
        try:
            regions = self._regions()
            spec = spec_for(height) if regions is None else jigsaw_spec(height, regions)
        except PuzzleError as error:
            raise DatasetError(f"{error} kind=grid takes it.") from error
        digits = alphabets.digits_of(height, self._marks(self.questions, "sudoku"), self._marks(self.answers, "sudoku"))
        return spec.model_copy(update={"symbols": (".", *digits)})

    def _symbols(self) -> tuple[str, ...]:
        """The symbols of all grids in order."""
        symbols = {cell for board in self._boards("grid") for cell in board.cells} - {""}
        if len(symbols) < 2:
            raise DatasetError("The grids hold fewer than two different symbols.")
        _require_writable(symbols)
        return tuple(sorted(symbols))

    def _tokens(self, spec: PuzzleSpec, *, answers_required: bool) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        table = alphabets.tokens_of(spec)
        if spec.kind == "maze":
            seen = [frozenset().union(*self._marks(given, "maze")) for given in (self.questions, self.answers)]
            table = alphabets.maze_tokens(seen[0], seen[1])
        problems: dict[int, RowProblem] = {}
        questions = self._encode_column(spec, "question", self.questions, table, problems)
        answers = questions
        if answers_required and self._is_unanswered and (spec.kind == "maze" or spec.is_searchable):
            answers = _search_answers(spec, questions, problems)
        elif answers_required or not any(isinstance(answer, PuzzleError) for answer in self.answers):
            answers = self._encode_column(spec, "answer", self.answers, table, problems)
        if problems:
            listed = tuple(problems[row] for row in sorted(problems))
            raise DatasetError(f"{len(problems)} of {len(self.questions)} rows cannot be used.", listed)
        return questions, answers

    def _encode_column(
        self, spec: PuzzleSpec, field: str, given: list[Given], table: Tokens, problems: dict[int, RowProblem]
    ) -> NDArray[np.int32]:
        """Tokens `(n, L)`; problems are noted, one a row."""
        quick, cells = _quick_table(spec, table), spec.cells
        packed, slow = bytearray(len(given) * cells), list[int]()
        for i, one in enumerate(given):
            if isinstance(one, str) and len(one) == cells and one.isascii():
                packed[i * cells : (i + 1) * cells] = found = one.encode("ascii").translate(quick)
                if 0 not in found:
                    continue
            slow.append(i)
        tokens = np.frombuffer(packed, dtype=np.uint8).reshape(len(given), cells).astype(np.int32)
        for i in slow:
            try:
                tokens[i] = _encode(spec, given[i], table)
            except PuzzleError as error:
                problems.setdefault(i + 1, RowProblem(i + 1, error.code, f"{field}: {error}"))
        return tokens


def _encode(spec: PuzzleSpec, given: Given, table: Tokens) -> NDArray[np.int32]:
    if isinstance(given, PuzzleError):
        raise given
    return grids.encode(spec, given if isinstance(given, Board) else grids.read_board(spec, given), table)


def _read_cell(value: object) -> Given:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, str) and value[0] not in "[ \t\n":
        return value  # most are such: no list
    try:
        if not isinstance(value, str):
            return boards.from_json(value)
        return boards.parse_list(value) or value
    except PuzzleError as error:
        return value if isinstance(value, str) else error


def _with_box(spec: PuzzleSpec, questions: NDArray[np.int32], answers: NDArray[np.int32]) -> PuzzleSpec:
    """The same with the boxes that most answers obey: 6x6 grids may have boxes of 2x3 or of 3x2."""
    if spec.box is None:
        return spec
    candidates = [spec.model_copy(update={"box": box}) for box in boxes_of(spec.rows)]

    def obeying(candidate: PuzzleSpec) -> int:
        verdicts = check_many(candidate, questions, answers)
        return 0 if verdicts is None else int(verdicts.sum())

    return max(candidates, key=obeying) if len(candidates) > 1 else spec


def _quick_table(spec: PuzzleSpec, table: Tokens) -> bytes:
    """Character code -> token for texts that need no second look; 0 for characters that do."""
    if spec.vocab_size > 255 or any(len(symbol) > 1 for symbol in spec.symbols):
        return bytes(256)
    codes = {ord(mark): token for mark, token in table.items() if len(mark) == 1 and mark.isascii()}
    if spec.kind == "sudoku":
        codes.pop(ord(" "), None)
        if spec.rows >= grids.SAFE_SIZE and table.get("0") == BLANK:
            del codes[ord("0")]
    return bytes(codes.get(code, 0) for code in range(256))


def _search_answers(
    spec: PuzzleSpec, questions: NDArray[np.int32], problems: dict[int, RowProblem]
) -> NDArray[np.int32]:
    """The answers of a table that holds none, by exact search."""
    if len(questions) > MOST_SEARCHED:
        raise DatasetError(
            f"The file holds {len(questions):,} questions without answers; for at most {MOST_SEARCHED:,} they are searched for."
        )
    answers = np.zeros_like(questions)
    for row, question in enumerate(questions):
        if row + 1 in problems:
            continue
        try:
            answers[row] = require_unique(spec, question)
        except PuzzleError as error:
            problems[row + 1] = RowProblem(row + 1, error.code, f"question: {error}")
    return answers


def _require_writable(symbols: Collection[str]) -> None:
    """Symbols must survive being written as text: one character each, or integers that blanks can separate."""
    words = any(len(symbol) != 1 for symbol in symbols)
    for symbol in symbols:
        if not symbol or any(c in "\0\r\n" for c in symbol) or (words and symbol.split() != [symbol]):
            raise DatasetError(
                f"The symbol {symbol!r} cannot be stored. Use one visible character, or integers without blanks between them."
            )
