"""Augmentation keeps Sudokus Sudokus."""

import pytest
import torch

from trm.data.augment import augment, banded, permutations
from trm.puzzles.datasets.datasets import load
from trm.puzzles.rules import check_many


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
    lines = banded(100, 3, 2, torch.Generator().manual_seed(0)).view(100, 3, 2)
    assert (lines[..., 0] // 2 == lines[..., 1] // 2).all()
    assert (lines.flatten(1).sort(1).values == torch.arange(6)).all()
