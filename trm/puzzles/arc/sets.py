"""The published ARC sets: which tasks and variants there are, and their puzzle ids, without drawing any."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from trm.errors import DatasetError, UnknownDataset
from trm.puzzles.arc.variants import Variants, variants_of
from trm.puzzles.arc_files import DATA, load_shipped
from trm.puzzles.arc_grids import Pair, Task

FIRST_ID = 1  # 0 is the blank puzzle
RECIPES = {"arc-1": "arc-agi-1", "arc-2": "arc-agi-2"}


@dataclass(frozen=True)
class Subset:
    """Tasks that are shuffled together; of held-out ones only the train pairs are trained on."""

    tasks: tuple[Task, ...] = field(repr=False)
    held_out: bool = False


@dataclass(frozen=True, eq=False)
class Group:
    """A task with its variants; variant v has the puzzle id `first_id + v` in both splits."""

    task: Task
    variants: Variants  # the original first
    first_id: int
    train: tuple[Pair, ...]
    test: tuple[Pair, ...]  # empty when the task is trained on whole


@dataclass(frozen=True)
class Counts:
    """What the official builder would write."""

    train_groups: int
    train_puzzles: int
    train_examples: int
    test_groups: int
    test_puzzles: int
    test_examples: int
    ids: int  # the blank puzzle included
    short: int  # tasks with fewer variants than asked for


@dataclass(frozen=True, eq=False)
class ArcSets:
    """A training and a test split over the same puzzle ids."""

    name: str
    groups: tuple[Group, ...]  # of the training split, in the order of their ids
    variants: int  # asked for beside each original

    @property
    def held_out(self) -> tuple[Group, ...]:
        """Groups of the test split."""
        return tuple(group for group in self.groups if group.test)

    @property
    def identifiers(self) -> int:
        """Rows of the puzzle embedding table, the blank puzzle's included."""
        return FIRST_ID + sum(len(group.variants) for group in self.groups)

    @property
    def shown_elsewhere(self) -> int:
        """Test pairs that are trained on with their answer, in another task: one in ARC-AGI-1, which has the same task on both sides."""
        trained = {_to_key(pair) for group in self.groups for pair in group.train}
        asked = [pair for group in self.held_out for pair in group.test if pair.answer is not None]
        return sum(_to_key(pair) in trained for pair in asked)

    def testing_only(self, names: Collection[str]) -> "ArcSets":
        """The same sets with no other tasks to test on; puzzle ids stay as they are."""
        groups = tuple(g if g.task.name in names else replace(g, test=()) for g in self.groups)
        return replace(self, groups=groups)

    def counts(self) -> Counts:
        """Sizes to compare with the published ones."""
        splits = [[(len(g.variants), len(g.train)) for g in self.groups]]
        splits.append([(len(g.variants), len(g.test)) for g in self.held_out])
        sizes = [(len(split), sum(v for v, _ in split), sum(v * p for v, p in split)) for split in splits]
        short = sum(len(group.variants) <= self.variants for group in self.groups)
        return Counts(*sizes[0], *sizes[1], self.identifiers, short)


def build(name: str, variants: int = 1000, seed: int = 42) -> ArcSets:
    """The published set "arc-1" or "arc-2", draw for draw; about 15 s and 14 MB with 1000 variants.

    Raises UnknownDataset.
    """
    if name not in RECIPES:
        raise UnknownDataset(f"There is no ARC set {name!r}. There are: {', '.join(RECIPES)}.")
    tasks = load_shipped(RECIPES[name])
    concepts = {task.name: task for task in load_shipped("conceptarc")["corpus"]}
    order = json.loads((DATA / "concept-order.json").read_text())
    concept = Subset(tuple(concepts[task] for task in order))
    return assemble(name, (Subset(tasks["training"]), Subset(tasks["evaluation"], True), concept), variants, seed)


def assemble(name: str, subsets: Sequence[Subset], variants: int = 1000, seed: int = 42) -> ArcSets:
    """A set of any tasks in the official manner: each subset shuffled, then varied task by task, by one stream of draws.

    Raises DatasetError when a pair to train on has no answer, or two tasks share a name.
    """
    rng = np.random.RandomState(seed)
    groups: dict[str, Group] = {}
    next_id = FIRST_ID
    for subset in subsets:
        for task in (subset.tasks[place] for place in rng.permutation(len(subset.tasks))):
            if task.name in groups:
                raise DatasetError(f"Two tasks are named {task.name}. Rename one, or leave one out.")
            groups[task.name] = _group(task, subset.held_out, variants_of(task, variants, rng), next_id)
            next_id += len(groups[task.name].variants)
    return ArcSets(name, tuple(groups.values()), variants)


def _to_key(pair: Pair) -> tuple[object, ...]:
    """A pair as something that can be looked up."""
    return tuple((grid.shape, grid.tobytes()) for grid in (pair.question, pair.answer) if grid is not None)


def _group(task: Task, held_out: bool, variants: Variants, first_id: int) -> Group:
    train, test = (task.train, task.test) if held_out else (task.pairs, ())
    for number, pair in enumerate(train, start=1):
        if pair.answer is None:
            raise DatasetError(f"Task {task.name}, pair {number} has no answer. Hold the task out, or complete it.")
    return Group(task, variants, first_id, train, test)
