"""JSON objects read one by one: a line each, over several lines, or in one array."""

import json
from collections.abc import Iterator

from trm.errors import DatasetError, PuzzleError, RowProblem

LONGEST_OBJECT = 1 << 20  # characters


def json_objects(pieces: Iterator[str]) -> Iterator[dict[str, object]]:
    """The objects of a text that comes in pieces; raises DatasetError naming the first that is none."""
    buffer = _Buffer(pieces)
    if (in_array := buffer.takes("[")) and buffer.takes("]"):
        return
    number = 0
    while buffer.more():
        number += 1
        yield buffer.object(number)
        if in_array:
            if buffer.takes("]"):
                break
            if not buffer.takes(","):
                raise _refusal(number + 1, "a comma or the end of the array is missing before it")
    if buffer.more():
        raise _refusal(number + 1, "something follows the end of the array")


class _Buffer:
    """The part of the text that is at hand."""

    def __init__(self, pieces: Iterator[str]) -> None:
        self.pieces, self.text, self.at = pieces, "", 0
        self.decoder = json.JSONDecoder(parse_constant=_refuse_constant)

    def more(self) -> bool:
        """Whether anything but white space follows; `at` is there then."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
                self.at += 1
            if self.at < len(self.text):
                return True
            if not self._grow():
                return False

    def takes(self, sign: str) -> bool:
        """Consume this character if it is next."""
        found = self.more() and self.text[self.at] == sign
        self.at += found
        return found

    def object(self, number: int) -> dict[str, object]:
        """The next value, which must be an object."""
        while True:
            try:
                value, self.at = self.decoder.raw_decode(self.text, self.at)
                break
            except json.JSONDecodeError as error:  # cut off, perhaps
                if len(self.text) - self.at > LONGEST_OBJECT or not self._grow():
                    raise _refusal(number, f"not JSON: {error.msg}") from error
            except (ValueError, RecursionError) as error:
                raise _refusal(number, f"not JSON: {error}") from error
        if not isinstance(value, dict):
            raise _refusal(number, "not an object with question and answer")
        return value

    def _grow(self) -> bool:
        piece = next(self.pieces, "")
        self.text, self.at = self.text[self.at :] + piece, 0
        return bool(piece)


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _refusal(number: int, what: str) -> DatasetError:
    return DatasetError(f"Row {number} is {what}.", (RowProblem(number, PuzzleError.code, what),))
