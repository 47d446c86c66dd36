"""Variants of ARC tasks: undone exactly, named officially, and distinct."""

import numpy as np
import pytest

from trm.errors import PuzzleError
from trm.puzzles.arc.variants import Variant, variants_of
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import Pair, Task

GRID = np.array([[0, 1, 2], [3, 4, 5]], dtype=np.uint8)
SWAPPED = (0, 2, 1, 3, 4, 5, 6, 7, 8, 9)


def test_undo_undoes_every_variant_and_keeps_nothing_nothing() -> None:
    rng = np.random.default_rng(1)
    for dihedral in range(8):
        variant = Variant(dihedral, (0, *(int(c) for c in 1 + rng.permutation(9))))
        assert np.array_equal(variant.undo(variant.apply(GRID)), GRID)
        assert variant.undo(np.zeros((0, 0), dtype=np.uint8)).shape == (0, 0)
        assert Variant.parse(variant.name("a.b")) == ("a.b", variant)


def test_names_are_the_official_ones() -> None:
    assert Variant().name("abc") == "abc"
    assert Variant(3, SWAPPED).name("abc") == "abc|||t3|||0213456789"
    assert Variant.parse("abc") == ("abc", Variant())


@pytest.mark.parametrize("name", ["abc|||", "abc|||t8|||0123456789", "abc|||t1|||012345678", "|||t1|||0123456789"])
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(PuzzleError, match="is not a name"):
        Variant.parse(name)


def test_what_cannot_be_undone_is_no_variant() -> None:
    with pytest.raises(PuzzleError, match="permute"):
        Variant.parse("abc|||t1|||0112345678")
    with pytest.raises(PuzzleError, match="permute"):
        Variant(0, (1, 0, 2, 3, 4, 5, 6, 7, 8, 9))
    with pytest.raises(PuzzleError, match="0 to 7"):
        Variant(8)


def images(task: Task, variant: Variant) -> tuple[tuple[object, ...], ...]:
    """All of a task's pairs under a variant, in an order of their own."""
    return tuple(
        sorted(
            tuple((g.shape, g.tobytes()) for g in map(variant.apply, (p.question, p.answer)))
            for p in task.pairs
            if p.answer is not None
        )
    )


def official(task: Task, count: int, rng: np.random.RandomState) -> list[Variant]:
    """The same by comparing whole grids, one draw at a time."""
    chosen, seen = [Variant()], {images(task, Variant())}
    for _ in range(5 * count):
        drawn = Variant(int(rng.randint(0, 8)), (0, *rng.permutation(np.arange(1, 10, dtype=np.uint8)).tolist()))
        if images(task, drawn) not in seen:
            seen.add(images(task, drawn))
            chosen.append(drawn)
        if len(chosen) > count:
            break
    return chosen


def test_variants_are_those_that_comparing_grids_would_choose() -> None:
    few_colours = min(
        load_shipped("arc-agi-1")["training"], key=lambda t: len({c for p in t.pairs for c in p.question.flat})
    )
    for task in (few_colours, *load_shipped("arc-agi-1")["evaluation"][:4]):
        ours, theirs = np.random.RandomState(7), np.random.RandomState(7)
        assert list(variants_of(task, 60, ours)) == official(task, 60, theirs)
        assert ours.randint(2**31) == theirs.randint(2**31)


def test_a_task_with_few_variants_yields_only_those() -> None:
    dot = np.array([[3]], dtype=np.uint8)
    rng = np.random.RandomState(0)
    variants = variants_of(Task("dot", (Pair(dot, dot),), (Pair(dot, None),)), 50, rng)
    assert {v.colours[3] for v in variants} == set(range(1, 10))
    assert len(variants) == 9
    assert len(variants_of(Task("dot", (Pair(dot, dot),), ()), 0, rng)) == 1


def test_shapes_and_the_order_of_question_and_answer_count() -> None:
    wide, tall = np.zeros((1, 2), dtype=np.uint8), np.zeros((2, 1), dtype=np.uint8)
    assert len(variants_of(Task("both", (Pair(wide, tall),), ()), 5, np.random.RandomState(0))) == 2
    assert len(variants_of(Task("both", (Pair(wide, tall), Pair(tall, wide)), ()), 5, np.random.RandomState(0))) == 1
