"""New Sudokus with exactly one answer."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trm.errors import PuzzleTooHard
from trm.puzzles.search import solutions
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.sudoku import BLANK, jigsaw_spec, spec_for
from trm.puzzles.symmetries.symmetry import random_symmetry

Pair = tuple[NDArray[np.int32], NDArray[np.int32]]  # question and answer, (L,) each
SEEDED_CELLS = 3  # digits of the first row that are drawn before searching for a full grid
HARDEST = 2_000  # guesses after which a clue is kept rather than proved superfluous


def generate(
    size: int,
    count: int,
    seed: int,
    givens: int | None = None,
    box: tuple[int, int] | None = None,
    regions: str | None = None,
) -> Iterator[Pair]:
    """`count` puzzles, jigsaws where `regions` are given.

    Clues are taken away at random while the answer stays unique, down to `givens` if there is such a floor.
    """
    spec = spec_for(size, box) if regions is None else jigsaw_spec(size, regions)
    rng = np.random.default_rng(seed)
    for _ in range(count):
        answer = full_grid(spec, rng)
        yield thin_out(spec, answer, rng, givens or 0), answer


def full_grid(spec: PuzzleSpec, rng: np.random.Generator) -> NDArray[np.int32]:
    """A solved grid: random digits in a few cells, completed by search, then a random symmetry."""
    while True:
        tokens = np.full(spec.cells, BLANK, dtype=np.int32)
        tokens[: spec.cols] = 2 + rng.permutation(spec.cols)
        for cell in rng.choice(np.arange(spec.cols, spec.cells), SEEDED_CELLS, replace=False):
            tokens[cell] = 2 + rng.integers(spec.rows)
        try:
            found = solutions(spec, tokens, limit=1, budget=HARDEST)
        except PuzzleTooHard:  # these digits leave little: draw others
            continue
        if found:
            return random_symmetry(spec, rng).apply(found[0])


def thin_out(spec: PuzzleSpec, answer: NDArray[np.int32], rng: np.random.Generator, givens: int) -> NDArray[np.int32]:
    """The answer with clues removed in random order wherever it stays the only one."""
    question = answer.copy()
    for cell in rng.permutation(spec.cells):
        if (question > BLANK).sum() <= givens:
            break
        kept, question[cell] = question[cell], BLANK
        if not _unique(spec, question):
            question[cell] = kept
    return question


def _unique(spec: PuzzleSpec, question: NDArray[np.int32]) -> bool:
    try:
        return len(solutions(spec, question, budget=HARDEST)) == 1
    except PuzzleTooHard:
        return False
