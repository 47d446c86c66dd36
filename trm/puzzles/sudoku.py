"""The Sudoku family: its sizes and symbols, with boxes and as jigsaws."""

from functools import cache

from trm.errors import WrongGridSize
from trm.puzzles.regions import is_jigsaw, name_regions
from trm.puzzles.spec import DeclaredRules, PuzzleSpec

BLANK = 1  # token of an empty cell; digit d is token d + 1
DIGITS = "123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@cache
def boxes_of(size: int) -> tuple[tuple[int, int], ...]:
    """Shapes (rows, columns) that the boxes of a size x size Sudoku can have, the squarest first, of two like these the flat one."""
    shapes = [(height, size // height) for height in range(2, size) if size % height == 0]
    return tuple(sorted(shapes, key=lambda box: (abs(box[0] - box[1]), box[0])))


def spec_for(size: int, box: tuple[int, int] | None = None) -> PuzzleSpec:
    """The specification of a size x size Sudoku; raises WrongGridSize for sizes without boxes, or boxes of another size."""
    shapes = boxes_of(size) if size <= len(DIGITS) else ()
    if not shapes or (box is not None and box not in shapes):
        wanted = "" if box is None else f" with boxes of {box[0]}x{box[1]}"
        raise WrongGridSize(
            f"There is no {size}x{size} Sudoku{wanted}. Sizes are products of two numbers, 4 to {len(DIGITS)}."
        )
    return PuzzleSpec(kind="sudoku", rows=size, cols=size, symbols=(".", *DIGITS[:size]), box=box or shapes[0])


def jigsaw_spec(size: int, regions: str) -> PuzzleSpec:
    """The specification of a size x size jigsaw Sudoku: regions, a letter a cell, take the place of boxes; raises WrongGridSize."""
    if not 2 <= size <= len(DIGITS):
        raise WrongGridSize(f"There is no {size}x{size} jigsaw Sudoku. Sizes are 2 to {len(DIGITS)}.")
    named = name_regions(regions)
    if not is_jigsaw(named, size):
        raise WrongGridSize(
            f"A {size}x{size} jigsaw Sudoku needs {size} regions of {size} cells each, a letter for every cell."
        )
    rules = DeclaredRules(rows=True, columns=True, regions=named)
    return PuzzleSpec(kind="sudoku", rows=size, cols=size, symbols=(".", *DIGITS[:size]), rules=rules)
