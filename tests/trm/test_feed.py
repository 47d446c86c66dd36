"""The order of training puzzles, and mazes on the fly."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from trm.data.feed import Feed, epoch_order
from trm.errors import ConfigError
from trm.puzzles import maze
from trm.puzzles.datasets.datasets import load
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.rules import check_many
from trm.puzzles.scoring import IGNORED

CPU = torch.device("cpu")


def test_the_order_is_the_official_samplers() -> None:
    """Recorded from the official loader: 11 puzzles, seed 3, one epoch an iteration."""
    assert epoch_order(11, 3, 0).tolist() == [4, 9, 10, 1, 3, 6, 2, 8, 0, 5, 7]
    assert epoch_order(11, 3, 1).tolist() == [4, 9, 0, 7, 8, 1, 6, 2, 3, 10, 5]


def test_every_puzzle_comes_once_an_epoch_and_seek_goes_back() -> None:
    puzzles = load("sudoku-4x4", "train").take(10)
    feed = Feed(puzzles, augmented=False, seed=0, device=CPU)
    taken = [feed.take(4, torch.Generator())[0] for _ in range(5)]
    rows = [row.numpy().tobytes() for row in torch.cat(taken)]
    assert len(set(rows[:10])) == len(set(rows[10:])) == 10
    assert (feed.epoch, feed.position) == (2, 0)
    feed.seek(0, 4)
    assert torch.equal(feed.take(4, torch.Generator())[0], taken[1])


def test_mazes_are_turned_and_their_answers_drawn_anew() -> None:
    mazes = load("maze-hard", "train").take(3)
    feed = Feed(mazes, augmented=True, seed=0, device=CPU)
    generator = torch.Generator().manual_seed(0)
    questions, labels, ids = (t.numpy() for t in feed.take(60, generator))
    assert not ids.any()
    assert len(np.unique(questions, axis=0)) == 24  # 3 mazes in 8 images
    assert check_many(mazes.spec, questions, labels).all()  # type: ignore[union-attr]
    for question, answer in zip(questions[:8], labels[:8], strict=True):
        assert np.array_equal(maze.solve(mazes.spec, question), answer)


def test_padding_of_answers_is_not_scored() -> None:
    puzzles = load("sudoku-4x4", "train").take(2)
    answers = puzzles.answers.copy()
    answers[:, 0] = 0
    feed = Feed(PuzzleSet(puzzles.spec, puzzles.questions, answers), augmented=False, seed=0, device=CPU)
    labels = feed.take(2, torch.Generator())[1]
    assert (labels[:, 0] == IGNORED).all()
    assert (labels[:, 1:] > 0).all()


def test_hard_puzzles_are_drawn_as_often_as_asked() -> None:
    puzzles = load("sudoku-hard", "train").take(200)
    rated = PuzzleSet(puzzles.spec, puzzles.questions, puzzles.answers, ratings=np.arange(200, dtype=np.int32))
    feed = Feed(rated, augmented=False, seed=0, device=CPU, hard_share=0.8, hard_rating=150)
    drawn = feed.take(4000, torch.Generator().manual_seed(1))[0].numpy()
    hard = {row.tobytes() for row in puzzles.questions[150:]}
    assert 0.77 < np.mean([row.tobytes() in hard for row in drawn]) < 0.83
    again = Feed(rated, augmented=False, seed=0, device=CPU, hard_share=0.8, hard_rating=150)
    assert np.array_equal(again.take(4000, torch.Generator().manual_seed(1))[0].numpy(), drawn)


@pytest.mark.parametrize(("ratings", "found"), [(None, "200 and 0"), (np.full(200, 9.0), "0 and 200")])
def test_a_hard_share_needs_easy_and_hard_puzzles(ratings: NDArray[np.float64] | None, found: str) -> None:
    puzzles = load("sudoku-hard", "train").take(200)
    with pytest.raises(ConfigError, match=found):
        Feed(
            PuzzleSet(puzzles.spec, puzzles.questions, puzzles.answers, ratings=ratings), augmented=False, seed=0,
            device=CPU, hard_share=0.5, hard_rating=5,
        )  # fmt: skip
