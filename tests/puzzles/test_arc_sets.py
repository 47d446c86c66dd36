"""The published ARC sets come out as the official builder makes them: same tasks, same variants, same ids."""

import hashlib
import json

import numpy as np
import pytest

from trm.errors import DatasetError, UnknownDataset
from trm.puzzles.arc.sets import RECIPES, ArcSets, Counts, Subset, assemble, build
from trm.puzzles.arc_files import DATA, load_shipped
from trm.puzzles.arc_grids import Pair, Task

DOT = np.array([[3]], dtype=np.uint8)


def digest(sets: ArcSets) -> str:
    """Of all names in the order of their ids, as in the official identifiers.json."""
    names = ["<blank>", *(v.name(g.task.name) for g in sets.groups for v in g.variants)]
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


@pytest.fixture(scope="module")
def small() -> ArcSets:
    """40 tasks, 30 variants each; the official code was run on the same tasks."""
    arc, corpus = load_shipped("arc-agi-1"), {task.name: task for task in load_shipped("conceptarc")["corpus"]}
    concept = tuple(corpus[name] for name in json.loads((DATA / "concept-order.json").read_text())[:8])
    subsets = (Subset(arc["training"][:20]), Subset(arc["evaluation"][:12], held_out=True), Subset(concept))
    return assemble("small", subsets, variants=30)


def test_a_small_set_equals_the_official_one(small: ArcSets) -> None:
    assert small.counts() == Counts(40, 1240, 5115, 12, 372, 372, 1241, 0)
    assert digest(small) == "afb4f588fe075bcbec1610a7b8b119f1b2a12f4e05450caa74d0e4cf0c4af494"


def test_ids_are_shared_by_both_splits_and_leave_none_out(small: ArcSets) -> None:
    ids = [g.first_id + v for g in small.groups for v in range(len(g.variants))]
    assert ids == list(range(1, small.identifiers))
    assert all(g.train == g.task.train and g.test == g.task.test for g in small.held_out)
    assert all(g.train == g.task.pairs for g in small.groups if not g.test)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "sizes"), [("arc-1", (960, 400)), ("arc-2", (1280, 120))])
def test_the_published_sets_without_variants(name: str, sizes: tuple[int, int]) -> None:
    counts = build(name, variants=0).counts()
    assert (counts.train_groups, counts.test_groups) == sizes
    assert (counts.train_puzzles, counts.ids) == (sizes[0], sizes[0] + 1)


def test_a_task_with_few_variants_is_counted_as_short() -> None:
    subset = Subset((Task("dot", (Pair(DOT, DOT),), (Pair(DOT, None),)),), held_out=True)
    assert assemble("dots", [subset], variants=20).counts() == Counts(1, 9, 9, 1, 9, 9, 10, 1)


def test_what_cannot_be_trained_on_is_refused() -> None:
    unanswered = Task("dot", (Pair(DOT, DOT),), (Pair(DOT, None),))
    with pytest.raises(DatasetError, match="Task dot, pair 2 has no answer"):
        assemble("dots", [Subset((unanswered,))], variants=1)
    with pytest.raises(DatasetError, match="Two tasks are named dot"):
        assemble("dots", [Subset((unanswered,), True), Subset((unanswered,), True)], variants=1)
    with pytest.raises(UnknownDataset, match="arc-1, arc-2"):
        build("arc-3")


# ARC-AGI-2 is a newer revision than the official file: one train pair more and five test pairs fewer, times 1001 puzzles
FULL = {
    "arc-1": Counts(960, 876_405, 3_633_410, 400, 368_150, 385_815, 876_406, 164),
    "arc-2": Counts(1280, 1_191_729, 5_163_277 + 1001, 120, 118_766, 170_393 - 5 * 1001, 1_191_730, 175),
}
DIGESTS = {
    "arc-1": "ddce984f9e60a9b4ae789c34975906721cad458dd3718d91a812a58df82e7050",
    "arc-2": "59a1f93411a3e6c3b83910dc5a18036b951e112ca32062a52578fbc271c6dee2",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_the_published_sets_whole(name: str) -> None:
    sets = build(name)
    assert sets.counts() == FULL[name]
    assert digest(sets) == DIGESTS[name]
