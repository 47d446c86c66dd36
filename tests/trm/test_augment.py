"""Augmentation keeps Sudokus Sudokus."""

import pytest
import torch

from trm.config.train import TrainConfig
from trm.data.augment import augment, draw_banded, permutations, reveal
from trm.puzzles.datasets.datasets import load
from trm.puzzles.rules import check_many
from trm.puzzles.sudoku import BLANK
from trm.training.schedule import reveal_at


@pytest.mark.parametrize("name", ["sudoku-4x4", "sudoku-6x6", "sudoku-extreme-1k"])
def test_augmented_puzzles_obey_the_rules_and_differ(name: str) -> None:
    puzzles = load(name, "train").take(200)
    questions, answers = torch.from_numpy(puzzles.questions), torch.from_numpy(puzzles.answers)
    q, a = augment(puzzles.spec, questions, answers, torch.Generator().manual_seed(0))
    verdicts = check_many(puzzles.spec, q.numpy(), a.numpy())
    assert verdicts is not None
    assert verdicts.all()
    assert torch.equal((q > 1).sum(1), (questions > 1).sum(1))  # as many givens
    assert (a != answers).any(1).float().mean() > 0.9


def test_the_same_seed_draws_the_same() -> None:
    first, second = (permutations(5, 9, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)


def test_lines_stay_in_their_bands() -> None:
    lines = draw_banded(100, 3, 2, torch.Generator().manual_seed(0)).view(100, 3, 2)
    assert (lines[..., 0] // 2 == lines[..., 1] // 2).all()
    assert (lines.flatten(1).sort(1).values == torch.arange(6)).all()


def test_revealed_cells_are_blanks_with_their_answers() -> None:
    puzzles = load("sudoku-extreme-1k", "train").take(400)
    questions, answers = torch.from_numpy(puzzles.questions), torch.from_numpy(puzzles.answers)
    easier = reveal(questions, answers, 0.6, torch.Generator().manual_seed(0))
    changed = easier != questions
    assert torch.equal(easier[changed], answers[changed])
    assert bool((questions[changed] == BLANK).all())
    share = changed.sum(1) / (questions == BLANK).sum(1)  # uniform between 0 and 0.6, and some chance about it
    assert 0.27 < share.mean() < 0.33
    assert share.min() < 0.05
    assert 0.5 < share.max() < 0.8
    assert torch.equal(reveal(questions, answers, 0.0, torch.Generator()), questions)


def test_less_is_revealed_until_nothing_is() -> None:
    train = TrainConfig(steps=100, reveal=0.6, reveal_until=0.5)
    assert [round(reveal_at(step, train), 3) for step in (1, 25, 50, 51, 100)] == [0.588, 0.3, 0.0, 0.0, 0.0]
