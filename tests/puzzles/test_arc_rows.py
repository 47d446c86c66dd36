"""Evaluation rows of ARC: every test pair in the asked number of variants, with what is needed to vote."""

import numpy as np
import pytest

from trm.errors import ConfigError
from trm.puzzles.arc.rows import evaluation_rows, evaluation_set
from trm.puzzles.arc.sets import ArcSets, Subset, assemble
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.arc_grids import Pair, Task, crop

DOT = np.array([[3]], dtype=np.uint8)


@pytest.fixture(scope="module")
def sets() -> ArcSets:
    tasks = load_shipped("arc-agi-1")
    return assemble("s", (Subset(tasks["training"][:5]), Subset(tasks["evaluation"], held_out=True)), variants=2)


def test_rows_name_their_task_pair_and_variant(sets: ArcSets) -> None:
    rows = evaluation_rows(sets, 3)
    assert len(rows) == 3 * 419
    groups = {group.task.name: group for group in sets.held_out}
    part = rows.puzzles(500, 560)
    for at, row in enumerate(range(500, 560)):
        task, pair, variant = rows.key(row)
        expected = groups[task].test[pair]
        assert np.array_equal(variant.undo(crop(part.questions[at])), expected.question)
        assert expected.answer is not None
        assert np.array_equal(variant.undo(crop(part.answers[at])), expected.answer)
        assert part.sources is not None
        assert part.sources[at] == variant.name(task)
        assert part.puzzle_ids is not None
        assert groups[task].variants[int(part.puzzle_ids[at]) - groups[task].first_id] == variant


def test_the_evaluation_set_holds_each_test_pair_once(sets: ArcSets) -> None:
    puzzles = evaluation_set(sets)
    assert len(puzzles) == 419
    assert puzzles.puzzle_ids is not None
    assert set(puzzles.puzzle_ids.tolist()) == {group.first_id for group in sets.held_out}


def test_unknown_answers_are_padding_and_no_variants_are_refused() -> None:
    sets = assemble("dots", [Subset((Task("dot", (Pair(DOT, DOT),), (Pair(DOT, None),)),), held_out=True)], variants=0)
    assert not evaluation_set(sets).answers.any()
    with pytest.raises(ConfigError, match="1 or more"):
        evaluation_rows(sets, 0)
