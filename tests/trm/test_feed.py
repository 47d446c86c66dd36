"""The order of training puzzles, and mazes on the fly."""

import numpy as np
import torch

from trm.data.feed import Feed, epoch_order
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
