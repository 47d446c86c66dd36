"""Mazes: their symbols, their rules, the path that breaks ties as the labels of Maze-Hard do, and new ones."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trm.errors import ContradictoryGivens, PuzzleTooHard, UnsolvablePuzzle
from trm.puzzles import flood
from trm.puzzles.spec import PuzzleSpec
from trm.puzzles.symmetries.symmetry import canonical

Pair = tuple[NDArray[np.int32], NDArray[np.int32]]  # question and answer, (L,) each
WALL, OPEN, START, GOAL, PATH = 1, 2, 3, 4, 5
SYMBOLS = ("#", " ", "S", "G", "o")
TOGETHER = 1024  # mazes that are worked on at once; more would leave the cache
WALLS = (0.3, 0.5)  # share of walls in a new maze
LAYOUTS = 4096  # drawn at once
PATIENCE = 500  # batches without a single maze before giving up
FAR_CELLS = 200  # of 900: a layout with so many possible goals is surely kept, one with fewer in proportion


def spec_for(rows: int, cols: int) -> PuzzleSpec:
    """The specification of a rows x cols maze."""
    return PuzzleSpec(kind="maze", rows=rows, cols=cols, symbols=SYMBOLS)


def ends(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> tuple[int, int]:
    """The cells of start and goal; raises ContradictoryGivens unless there is one of each and no path drawn yet."""
    for token, name in ((START, "start 'S'"), (GOAL, "goal 'G'")):
        found = int((tokens == token).sum())
        if found != 1:
            raise ContradictoryGivens(f"The maze has {found or 'no'} cells with the {name}. Give it exactly one.")
    if (tokens == PATH).any():
        raise ContradictoryGivens("The maze already holds path cells 'o'. Leave them open: the path is the answer.")
    return int((tokens == START).argmax()), int((tokens == GOAL).argmax())


def shortest_path(spec: PuzzleSpec, tokens: NDArray[np.int32]) -> list[int]:
    """Cells from start to goal: breadth first from the start, neighbours down, left, right, up, the first discoverer is the parent.

    Raises ContradictoryGivens, or UnsolvablePuzzle when the goal cannot be reached.
    """
    start, goal = ends(spec, tokens)
    width = spec.cols + 1  # a column of walls, and a row of them, keep steps from leaving the grid
    cells = np.where(tokens >= OPEN, -1, -2).reshape(spec.rows, spec.cols)  # to discover, and walls
    parents: list[int] = np.pad(cells, ((1, 1), (0, 1)), constant_values=-2).ravel().tolist()
    at, target = [_to_padded(spec, start)], _to_padded(spec, goal)
    parents[at[0]] = at[0]
    for cell in at:
        for beside in (cell + width, cell - 1, cell + 1, cell - width):
            if parents[beside] == -1:
                parents[beside] = cell
                at.append(beside)
        if parents[target] != -1:
            return _trace_path(spec, parents, target)
    raise UnsolvablePuzzle("No way leads from the start to the goal. Remove a wall between them.")


def _to_padded(spec: PuzzleSpec, cell: int) -> int:
    row, col = divmod(cell, spec.cols)
    return (row + 1) * (spec.cols + 1) + col


def _trace_path(spec: PuzzleSpec, parents: list[int], cell: int) -> list[int]:
    path = [cell]
    while parents[path[-1]] != path[-1]:
        path.append(parents[path[-1]])
    rows = (divmod(cell, spec.cols + 1) for cell in reversed(path))
    return [(row - 1) * spec.cols + col for row, col in rows]


def solve(spec: PuzzleSpec, question: NDArray[np.int32]) -> NDArray[np.int32]:
    """The answer `(L,)`, with the path of `shortest_path` drawn; raises what that raises."""
    answer = question.copy()
    answer[shortest_path(spec, question)[1:-1]] = PATH
    return answer


def valid(spec: PuzzleSpec, questions: NDArray[np.int32], answers: NDArray[np.int32]) -> NDArray[np.bool_]:
    """For each pair `(N, L)` whether the answer keeps the maze and draws one shortest path, whichever of several."""
    parts = [slice(i, i + TOGETHER) for i in range(0, len(questions), TOGETHER)]
    return np.concatenate([_valid(spec, questions[p], answers[p]) for p in parts] or [np.zeros(0, dtype=np.bool_)])


def _valid(spec: PuzzleSpec, questions: NDArray[np.int32], answers: NDArray[np.int32]) -> NDArray[np.bool_]:
    kept = ((answers == questions) | ((questions == OPEN) & (answers == PATH))).all(1)
    whole = kept & ((questions == START).sum(1) == 1) & ((questions == GOAL).sum(1) == 1)
    start, goal = _words(spec, questions == START), _words(spec, questions == GOAL)
    drawn = answers >= START
    least = flood.steps_between(start, goal, _words(spec, questions >= OPEN))
    walked = flood.steps_between(start, goal, _words(spec, drawn))
    # a way through the drawn cells that is as short as any and needs all of them is a simple path
    right: NDArray[np.bool_] = whole & (walked > 0) & (walked == least) & (drawn.sum(1) == walked + 1)
    return right


def conflicts(tokens: NDArray[np.int32]) -> list[tuple[int, int]]:
    """Pairs of cells that both hold the start, or both the goal: the first with every other."""
    pairs = []
    for token in (START, GOAL):
        first, *others = np.flatnonzero(tokens == token).tolist() or [-1]
        pairs += [(first, other) for other in others]
    return sorted(pairs)


def generate(rows: int, cols: int, count: int, seed: int, shortest: int = 110) -> Iterator[Pair]:
    """`count` mazes of 30 to 50 % walls whose path has at least `shortest` cells, both ends counted; no two alike up to symmetry.

    Raises PuzzleTooHard when millions of layouts hold none, as with paths too long for the grid.
    """
    spec, rng, seen, idle = spec_for(rows, cols), np.random.default_rng(seed), set[bytes](), 0
    if not 2 <= shortest <= rows * cols:
        raise PuzzleTooHard(f"A path of {shortest} cells does not fit. Ask for 2 to {rows * cols} cells.")
    while len(seen) < count:
        idle += 1
        for question in _draw_mazes(spec, rng, shortest - 1):
            form = canonical(spec, question)
            if form not in seen and len(seen) < count:
                idle = 0
                seen.add(form)
                yield question, solve(spec, question)
        if idle == PATIENCE:
            tried = f"{PATIENCE * LAYOUTS:,} layouts of {rows}x{cols} held no new maze with a path of {shortest} cells"
            raise PuzzleTooHard(f"{tried}. Ask for shorter paths, larger grids or fewer mazes.")


def _draw_mazes(spec: PuzzleSpec, rng: np.random.Generator, steps: int) -> Iterator[NDArray[np.int32]]:
    """The mazes among one batch of layouts."""
    walls = _layouts(spec.cells, rng)
    starts, walls = _starts(walls, rng)
    start = np.zeros_like(walls)
    start[np.arange(len(walls)), starts] = True
    alive, far = _far(_words(spec, start), _words(spec, ~walls), steps)
    for layout, goals in zip(alive.tolist(), flood.unpack(far, spec.cols), strict=True):
        cells = np.flatnonzero(goals)
        if rng.random() * FAR_CELLS * spec.cells / 900 < len(cells):
            question = np.where(walls[layout], WALL, OPEN).astype(np.int32)
            question[[starts[layout], rng.choice(cells)]] = START, GOAL
            yield question


def _layouts(cells: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Walls `(n, L)`, their number uniform in its range and their places uniform.

    Walls drawn independently with a uniform probability have a uniform number; that needs no shuffling. The range of
    probabilities is four deviations wider, and numbers outside the wanted range are dropped.
    """
    margin = 4 * 0.5 / cells**0.5
    low, high = (round(256 * min(1, max(0, share))) for share in (WALLS[0] - margin, WALLS[1] + margin))
    limit = rng.integers(low, high + 1, LAYOUTS)
    walls = np.frombuffer(rng.bytes(LAYOUTS * cells), dtype=np.uint8).reshape(LAYOUTS, cells) < limit[:, None]
    number = walls.sum(1)
    wanted: NDArray[np.bool_] = walls[(number >= WALLS[0] * cells) & (number <= WALLS[1] * cells)]
    return wanted


def _starts(walls: NDArray[np.bool_], rng: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """A random open cell of each layout; the rare layout where sixteen draws hit only walls is dropped."""
    draws = rng.integers(walls.shape[1], size=(len(walls), 16))
    free = ~np.take_along_axis(walls, draws, axis=1)
    found = free.any(1)
    return draws[np.arange(len(walls)), free.argmax(1)][found], walls[found]


def _far(start: flood.Words, free: flood.Words, steps: int) -> tuple[NDArray[np.int64], flood.Words]:
    """The layouts that have cells `steps` or more from the start, and those cells."""
    alive, wave, left = np.arange(len(start)), start, free ^ start
    for _ in range(steps):
        wave = flood.grow(wave) & left
        left ^= wave
        going = np.any(wave, axis=1)
        if going.sum() < 0.9 * len(going):  # most layouts end early
            alive, wave, left = alive[going], wave[going], left[going]
    far = wave.copy()
    for later in flood.waves(wave, left):
        far |= later
    return alive[far.any(1)], far[far.any(1)]


def _words(spec: PuzzleSpec, cells: NDArray[np.bool_]) -> flood.Words:
    return flood.pack(cells.reshape(-1, spec.rows, spec.cols))
