"""Exact search: every answer of a Sudoku or of a grid with rules, by propagation and guesses; the path of a maze."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trm.errors import MultipleSolutions, PuzzleTooHard, UnsolvablePuzzle
from trm.puzzles import maze
from trm.puzzles.rules import require_consistent
from trm.puzzles.scoring import PADDING
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.units import REMEMBERED, peer_pairs, units_of


@lru_cache(REMEMBERED)
def _tables(spec: PuzzleSpec) -> tuple[list[list[int]], list[list[tuple[int, ...]]]]:
    """Peers of every cell, and the units of every cell that hold each symbol, as they have as many cells as there are symbols."""
    full = [unit.cells for unit in units_of(spec) if len(unit.cells) == len(_fillings(spec))]
    of_cell = [[unit for unit in full if cell in unit] for cell in range(spec.cells)]
    peers: list[list[int]] = [[] for _ in range(spec.cells)]
    for a, b in peer_pairs(spec).T.tolist():
        peers[a].append(b)
        peers[b].append(a)
    return peers, of_cell


@lru_cache(REMEMBERED)
def _fillings(spec: PuzzleSpec) -> list[int]:
    """The tokens that a blank may become; bit i of a mask stands for the i-th."""
    return [token for token in range(1, spec.vocab_size) if token != spec.blank]


class _Search:
    """One puzzle's search; candidates are a bit mask per cell."""

    def __init__(self, spec: PuzzleSpec, limit: int, budget: int) -> None:
        self.peers, self.of_cell = _tables(spec)
        self.limit, self.budget, self.guesses = limit, budget, 0
        self.found: list[list[int]] = []

    def assign(self, masks: list[int], cell: int, bit: int) -> bool:
        """Fix a cell and follow all that is forced; False on a contradiction."""
        todo = [(cell, bit)]
        while todo:
            cell, bit = todo.pop()
            if not masks[cell] & bit:
                return False
            removed, masks[cell] = masks[cell] & ~bit, bit
            for peer in self.peers[cell]:
                if not masks[peer] & bit:
                    continue
                if masks[peer] == bit:
                    return False
                masks[peer] &= ~bit
                if masks[peer] & (masks[peer] - 1) == 0:
                    todo.append((peer, masks[peer]))
                elif not self._only_places(masks, peer, bit, todo):
                    return False
            while removed:  # digits this cell gave up may have one place left in its units
                lost = removed & -removed
                removed ^= lost
                if not self._only_places(masks, cell, lost, todo):
                    return False
        return True

    def _only_places(self, masks: list[int], cell: int, bit: int, todo: list[tuple[int, int]]) -> bool:
        for unit in self.of_cell[cell]:
            places = [c for c in unit if masks[c] & bit]
            if not places:
                return False
            if len(places) == 1 and masks[places[0]] != bit:
                todo.append((places[0], bit))
        return True

    def run(self, masks: list[int]) -> None:
        """Collect answers below this state until the limit."""
        open_cells = [cell for cell, mask in enumerate(masks) if mask & (mask - 1)]
        if not open_cells:
            self.found.append(masks)
            return
        cell = min(open_cells, key=lambda c: masks[c].bit_count())
        left = masks[cell]
        while left and len(self.found) < self.limit:
            bit = left & -left
            left ^= bit
            self.guesses += 1
            if self.guesses > self.budget:
                raise PuzzleTooHard(f"The exact solver gave up after {self.budget:,} guesses.")
            branch = masks.copy()
            if self.assign(branch, cell, bit):
                self.run(branch)


def solutions(
    spec: PuzzleSpec, tokens: NDArray[np.int32], limit: int = 2, budget: int = 200_000
) -> list[NDArray[np.int32]]:
    """Up to `limit` answers `(L,)` of a Sudoku, or of a grid with declared rules; raises PuzzleTooHard after `budget` guesses."""
    if not spec.is_searchable:
        raise UnsolvablePuzzle(f"Puzzles of kind {spec.kind!r} have no rules to search by.")
    search, fillings = _Search(spec, limit, budget), _fillings(spec)
    masks = [(1 << len(fillings)) - 1] * spec.cells
    for cell in np.flatnonzero((tokens != PADDING) & (tokens != spec.blank)).tolist():
        if not search.assign(masks, cell, 1 << fillings.index(int(tokens[cell]))):
            return []
    search.run(masks)
    table = np.array(fillings, dtype=np.int32)
    return [table[[mask.bit_length() - 1 for mask in found]] for found in search.found]


def require_unique(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> NDArray[np.int32]:
    """The one answer; raises ContradictoryGivens, UnsolvablePuzzle, MultipleSolutions or PuzzleTooHard.

    Most mazes have several shortest paths: the answer is the one that the rule for ties picks, as in the labels.
    """
    if spec.kind == "maze":
        return maze.solve(spec, tokens)
    require_consistent(spec, tokens)
    found = solutions(spec, tokens)
    if not found:
        raise UnsolvablePuzzle("No answer satisfies the rules. Check the givens.")
    if len(found) > 1:
        raise MultipleSolutions("More than one answer satisfies the rules. Add givens until only one does.")
    return found[0]
