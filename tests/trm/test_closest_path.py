"""The shortest path that an answer is closest to, against all of them; and a training that takes any of them for right."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.data.splits import Splits
from trm.interface.events import StepMetrics
from trm.puzzles.maze import GOAL, OPEN, PATH, START, generate, spec_for, valid
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.sudoku import spec_for as sudoku_spec
from trm.training.closest_path import closest_answers
from trm.training.losses import cross_entropy, supervision_loss
from trm.training.session import Session
from trm.training.trainer import Trainer

SPEC = spec_for(6, 7)
Tokens = NDArray[np.int32]


def some_mazes(count: int = 12) -> Tokens:
    rng = np.random.default_rng(0)
    found: list[Tokens] = []
    while len(found) < count:
        grid = rng.choice([1, 2, 2], SPEC.cells).astype(np.int32)
        grid[rng.choice(SPEC.cells, 2, replace=False)] = (START, GOAL)
        if len(list(islice(shortest_answers(grid), 3))) == 3:
            found.append(grid)
    return np.stack(found)


def shortest_answers(question: Tokens) -> Iterator[Tokens]:
    """Every answer that draws a shortest path, by trying all paths of each length."""
    start, goal = (int((question == token).argmax()) for token in (START, GOAL))
    paths = [[start]]
    while paths and not any(path[-1] == goal for path in paths):
        paths = [
            [*path, cell] for path in paths for cell in around(path[-1]) if question[cell] > 1 and cell not in path
        ]
        paths = paths[:20_000]
    for path in paths:
        if path[-1] == goal:
            answer = question.copy()
            answer[path[1:-1]] = PATH
            yield answer


def around(cell: int) -> list[int]:
    row, col = divmod(cell, SPEC.cols)
    near = ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1))
    return [r * SPEC.cols + c for r, c in near if 0 <= r < SPEC.rows and 0 <= c < SPEC.cols]


def test_it_is_the_likeliest_of_all_shortest_paths() -> None:
    questions = some_mazes()
    log_p = torch.randn(len(questions), SPEC.cells, 6, generator=torch.Generator().manual_seed(1)).log_softmax(-1)
    chosen = closest_answers(SPEC, torch.from_numpy(questions), log_p).numpy()
    for question, answer, likelihood in zip(questions, chosen, log_p, strict=True):
        answers = list(shortest_answers(question))
        assert len(answers) > 2
        by_likelihood = [likelihood[range(SPEC.cells), a.tolist()][question == OPEN].sum().item() for a in answers]
        assert answer.tolist() == answers[int(np.argmax(by_likelihood))].tolist()


def test_an_answer_that_is_a_shortest_path_is_its_own_target_and_right() -> None:
    question = some_mazes(1)
    for answer in shortest_answers(question[0]):
        logits = 3.0 * torch.nn.functional.one_hot(torch.from_numpy(answer[None]).long(), 6).float()
        target = closest_answers(SPEC, torch.from_numpy(question), logits.log_softmax(-1))
        assert target.tolist() == [answer.tolist()]
        assert supervision_loss(logits, torch.zeros(1), target, kind="softmax", halt_weight=0.5).right.item()


def test_mazes_of_different_lengths_do_not_disturb_each_other() -> None:
    questions = torch.from_numpy(some_mazes())
    log_p = torch.randn(len(questions), SPEC.cells, 6).log_softmax(-1)
    together = closest_answers(SPEC, questions, log_p)
    alone = [closest_answers(SPEC, questions[i : i + 1], log_p[i : i + 1]) for i in range(len(questions))]
    assert torch.equal(together, torch.cat(alone))
    assert valid(SPEC, questions.numpy(), together.numpy()).all()


@pytest.mark.slow
def test_a_training_learns_from_any_shortest_path() -> None:
    """The loss falls, and what counts as right is what the rules accept."""
    questions, answers = (np.stack(part) for part in zip(*generate(5, 5, 200, 0, shortest=5), strict=True))
    puzzles = PuzzleSet(spec_for(5, 5), questions, answers)
    config = RunConfig(
        preset="test",
        dataset="test",
        puzzle=puzzles.spec,
        model=ModelConfig(
            mixer="neighbours", hidden_size=16, expansion=2.0, latent_steps=2, recursions=1, prefix_tokens=0,
            max_supervision_steps=4, random_start=True, feed_forward="normed_swiglu",
        ),
        train=TrainConfig(
            steps=60, batch_size=16, target="closest_path", optimizer="muon", loss="softmax", precision="float32",
            augment=False, log_every=20, warmup_steps=0, learning_rate=2e-3,
        ),
    )  # fmt: skip
    trainer = Trainer(config, Splits(puzzles, puzzles.take(16), puzzles.take(16)), torch.device("cpu"))
    logged = [event for event in Session(trainer).run() if isinstance(event, StepMetrics)]
    assert logged[-1].lm_loss < 0.8 * logged[0].lm_loss
    carry = trainer.state.carry
    logits = trainer.state.model(carry.inputs, trainer.lanes[0].step.rows, carry.y, carry.z).logits
    target = closest_answers(config.puzzle, carry.inputs, logits.log_softmax(-1))
    right = supervision_loss(logits, torch.zeros(16), target, kind="softmax", halt_weight=0.5).right
    answers = logits.argmax(-1).int().numpy()
    assert right.tolist() == valid(config.puzzle, carry.inputs.numpy(), answers).tolist()
    assert (cross_entropy(logits, target, "softmax") <= cross_entropy(logits, carry.labels, "softmax") + 1e-6).all()


def test_only_mazes_have_several_answers() -> None:
    with pytest.raises(ValidationError, match="target"):
        RunConfig(preset="test", dataset="test", puzzle=sudoku_spec(4), train=TrainConfig(target="closest_path"))
