"""Symmetries of Sudokus and mazes: changes that keep every puzzle a puzzle of the same difficulty."""

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import permutations, product
from math import factorial
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trm.errors import PuzzleTooHard
from trm.puzzles.regions import name_regions
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.symmetries import dihedral
from trm.puzzles.units import REMEMBERED

Lines = tuple[int, ...]
LARGEST_GROUP = 10_000  # cell permutations; 4x4 has 128, 6x6 has 3,456, 9x9 has 3,359,232


@dataclass(frozen=True)
class Symmetry:
    """New cell i is old cell `cells[i]`, its token t becomes `tokens[t]`."""

    cells: NDArray[np.int64]  # (L,)
    tokens: NDArray[np.int32]  # (V,)

    def apply(self, grid: NDArray[np.int32]) -> NDArray[np.int32]:
        """The image of grids `(.., L)`."""
        return self.tokens[grid[..., self.cells]]

    def inverse(self) -> Self:
        """The inverse symmetry."""
        return type(self)(np.argsort(self.cells), np.argsort(self.tokens).astype(np.int32))


def random_symmetry(spec: PuzzleSpec, rng: np.random.Generator) -> Symmetry:
    """A uniform member of the group; the identity for kinds without symmetries, and for grids whose rules were declared."""
    if spec.kind != "sudoku":
        known = _list_symmetries(spec)
        return known[int(rng.integers(len(known)))]
    cells = rng.choice(turned_cells(spec)) if spec.box is None else _random_cells(spec.rows, spec.box, rng)
    return Symmetry(cells, np.concatenate(([0, 1], 2 + rng.permutation(spec.rows))).astype(np.int32))


def _random_cells(size: int, box: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int64]:
    row_order, col_order = (_random_lines(size // w, w, rng) for w in box)
    cells = row_order[:, None] * size + col_order
    if box[0] == box[1] and rng.random() < 0.5:
        cells = cells.T
    return cells.ravel()


def views(spec: PuzzleSpec, count: int, seed: int) -> list[Symmetry]:
    """Up to `count` different symmetries, the identity first: random ones for Sudoku, the dihedral ones in order for mazes.

    The identity alone for kinds without symmetries.
    """
    chosen = {(s.cells.tobytes(), s.tokens.tobytes()): s for s in _list_symmetries(spec)[:count]}
    rng = np.random.default_rng(seed)
    most = len(turned_cells(spec)) * factorial(spec.rows) if spec.box is None else group_size(spec.box)
    while spec.kind == "sudoku" and len(chosen) < min(count, most):
        symmetry = random_symmetry(spec, rng)
        chosen.setdefault((symmetry.cells.tobytes(), symmetry.tokens.tobytes()), symmetry)
    return list(chosen.values())


def group_size(box: tuple[int, int]) -> int:
    """The number of symmetries of a Sudoku with such boxes."""
    size, (height, width) = box[0] * box[1], box
    rows, cols = (factorial(size // w) * int(factorial(w) ** (size // w)) for w in (height, width))
    return rows * cols * (2 if height == width else 1) * factorial(size)


def _list_symmetries(spec: PuzzleSpec) -> list[Symmetry]:
    """The identity, and for mazes and jigsaws the turns and reflections that keep the shape and the regions."""
    tokens = np.arange(spec.vocab_size, dtype=np.int32)
    return [Symmetry(cells, tokens) for cells in turned_cells(spec)]


@lru_cache(REMEMBERED)
def turned_cells(spec: PuzzleSpec) -> NDArray[np.int64]:
    """Those turns and reflections as orders of the cells, `(turns, L)`, the identity first; rules of other grids may not say all."""
    is_jigsaw = spec.kind == "sudoku" and spec.box is None
    turns = dihedral.shape_keeping(spec.rows, spec.cols) if spec.kind == "maze" or is_jigsaw else (0,)
    images = [dihedral.cell_permutation(spec.rows, spec.cols, turn) for turn in turns]
    if is_jigsaw:
        letters = spec.regions or ""
        images = [cells for cells in images if name_regions("".join(letters[cell] for cell in cells)) == letters]
    return np.stack(images)


def canonical(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> bytes:
    """The smallest image of a puzzle under the whole group: equal for two puzzles exactly if they are equivalent.

    Raises PuzzleTooHard for Sudokus whose group is too large to walk (9x9 and up).
    """
    if spec.kind != "sudoku":
        return min(symmetry.apply(tokens).astype(np.uint16).tobytes() for symmetry in _list_symmetries(spec))
    images = tokens[turned_cells(spec) if spec.box is None else cell_permutations(spec.box)]  # (G, L)
    first = np.full((len(images), spec.vocab_size), spec.cells, dtype=np.int64)
    order = np.arange(spec.cells)
    for cell in order[::-1]:
        first[np.arange(len(images)), images[:, cell]] = cell
    rank = first[:, 2:].argsort(axis=1, kind="stable").argsort(axis=1) + 2  # digits renamed by first appearance
    renamed = np.concatenate((np.tile([0, 1], (len(images), 1)), rank), axis=1)
    relabelled = np.take_along_axis(renamed, images.astype(np.int64), axis=1).astype(np.uint8)
    smallest: bytes = min(row.tobytes() for row in relabelled)
    return smallest


@cache
def cell_permutations(box: tuple[int, int]) -> NDArray[np.int64]:
    """Every permutation of cells in the group, `(G, L)`."""
    size, (height, width) = box[0] * box[1], box
    rows, cols = all_lines(size // height, height), all_lines(size // width, width)
    turns = 2 if height == width else 1
    if len(rows) * len(cols) * turns > LARGEST_GROUP:
        raise PuzzleTooHard(f"The symmetries of {size}x{size} Sudoku are too many to compare all images.")
    grids = (rows[:, None, :, None] * size + cols[None, :, None, :]).reshape(-1, size, size)
    if turns == 2:
        grids = np.concatenate((grids, grids.swapaxes(1, 2)))
    return grids.reshape(len(grids), -1)


def _random_lines(bands: int, width: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.concatenate([band * width + rng.permutation(width) for band in rng.permutation(bands)])


def all_lines(bands: int, width: int) -> NDArray[np.int64]:
    """Every order of lines that keeps bands together, `(orders, bands * width)`."""
    inner: list[Lines] = list(permutations(range(width)))
    return np.array(
        [
            [band * width + line for band, lines in zip(outer, within, strict=True) for line in lines]
            for outer in permutations(range(bands))
            for within in product(inner, repeat=bands)
        ]
    )
