"""Groups of cells in which no symbol stands twice: rows, columns, boxes and regions."""

from functools import lru_cache
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trm.puzzles.regions import NO_REGION
from trm.puzzles.spec import PuzzleSpec

REMEMBERED = 64  # shapes: requests may bring jigsaws of any regions
UnitRule = Literal["row", "column", "box", "region"]


class Unit(NamedTuple):
    """One group, the how manieth of its rule from 1, and its cells."""

    rule: UnitRule
    number: int
    cells: tuple[int, ...]


@lru_cache(REMEMBERED)
def units_of(spec: PuzzleSpec) -> tuple[Unit, ...]:
    """All groups of a puzzle, row by row, then columns, then boxes or regions; none where no rules are known, and for mazes."""
    cells = np.arange(spec.cells).reshape(spec.rows, spec.cols)
    in_rows, in_columns = (True, True) if spec.rules is None else (spec.rules.rows, spec.rules.columns)
    groups: list[tuple[UnitRule, list[list[int]]]] = []
    if not spec.has_rules or spec.kind == "maze":
        return ()
    if in_rows:
        groups.append(("row", cells.tolist()))
    if in_columns:
        groups.append(("column", cells.T.tolist()))
    if spec.box is not None:
        height, width = spec.box
        parted = cells.reshape(spec.rows // height, height, spec.cols // width, width).swapaxes(1, 2)
        groups.append(("box", parted.reshape(spec.rows, spec.cols).tolist()))
    if spec.regions is not None:
        order = [name for name in dict.fromkeys(spec.regions) if name != NO_REGION]
        groups.append(("region", [[cell for cell, name in enumerate(spec.regions) if name == one] for one in order]))
    return tuple(Unit(rule, n, tuple(unit)) for rule, members in groups for n, unit in enumerate(members, start=1))


@lru_cache(REMEMBERED)
def stacked_units(spec: PuzzleSpec) -> tuple[NDArray[np.int64], ...]:
    """The cells of all groups `(units, size)`, one array for each size there is."""
    by_size: dict[int, list[tuple[int, ...]]] = {}
    for unit in units_of(spec):
        by_size.setdefault(len(unit.cells), []).append(unit.cells)
    return tuple(np.array(units) for units in by_size.values())


@lru_cache(REMEMBERED)
def peer_pairs(spec: PuzzleSpec) -> NDArray[np.int64]:
    """Pairs of cells that may not hold the same symbol, `(2, pairs)`: each pair once, in order."""
    pairs = sorted({pair for unit in units_of(spec) for pair in combinations(sorted(unit.cells), 2)})
    return np.array(pairs, dtype=np.int64).reshape(-1, 2).T
