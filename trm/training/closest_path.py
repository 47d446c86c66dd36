"""The shortest path of a maze that an answer is closest to: what a network is trained on that cannot know which of several is labelled.

Shapes: B mazes, L cells, N cells with a border of walls around the grid, so that no step leaves it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from trm.puzzles.maze import GOAL, OPEN, PATH, START, WALL
from trm.puzzles.spec import PuzzleSpec

NEVER = float("-inf")


@torch.no_grad()
def closest_answers(spec: PuzzleSpec, questions: Tensor, log_p: Tensor) -> Tensor:
    """Of the answers that draw a shortest path, the likeliest one `(B, L)` by log probabilities of tokens `(B, L, V)`.

    Where the likeliest token of every cell draws a shortest path, it is that one.
    """
    gain = _add_border(spec, log_p[..., PATH] - log_p[..., OPEN], 0.0)
    cells = _add_border(spec, questions, WALL)  # (B, N)
    shifts = torch.tensor((spec.cols + 2, -1, 1, -spec.cols - 2), device=cells.device)
    steps = steps_to(cells == GOAL, cells >= OPEN, shifts.tolist())
    drawn = _draw_likeliest(cells == START, steps, _find_worth(gain, steps, shifts.tolist()), shifts)
    inner = drawn.view(-1, spec.rows + 2, spec.cols + 2)[:, 1:-1, 1:-1].flatten(1)
    return torch.where(inner & (questions == OPEN), PATH, questions)


def steps_to(goal: Tensor, free: Tensor, shifts: list[int]) -> Tensor:
    """Fewest steps from every free cell to the goal `(B, N)`; -1 where there is no way."""
    steps, wave, count = torch.where(goal, 0, -1), goal, 0
    while wave.any():
        count += 1
        wave = torch.stack([wave.roll(shift, 1) for shift in shifts]).any(0) & free & (steps < 0)
        steps = torch.where(wave, count, steps)
    return steps


def _find_worth(gain: Tensor, steps: Tensor, shifts: list[int]) -> Tensor:
    """The most that a shortest way from each cell to the goal gains `(B, N)`, the cell's own gain included, the goal's not."""
    worth = torch.where(steps == 0, 0.0, NEVER)
    for count in range(1, int(steps.max()) + 1):
        nearer = torch.where(steps == count - 1, worth, NEVER)
        best = torch.stack([nearer.roll(shift, 1) for shift in shifts]).amax(0)
        worth = torch.where(steps == count, gain + best, worth)
    return worth


def _draw_likeliest(start: Tensor, steps: Tensor, worth: Tensor, shifts: Tensor) -> Tensor:
    """The cells `(B, N)` of the shortest path from the start that is worth most."""
    at = start.int().argmax(1, keepdim=True)  # (B, 1)
    left, drawn = steps.gather(1, at), start.clone()
    for _ in range(int(left.max())):
        beside = (at + shifts).clamp(0, steps.shape[1] - 1)  # (B, 4)
        is_nearer = steps.gather(1, beside) == left - 1
        chosen = torch.where(is_nearer, worth.gather(1, beside), NEVER).argmax(1, keepdim=True)
        at = torch.where(left > 0, beside.gather(1, chosen), at)
        left = (left - 1).clamp(min=0)
        drawn = drawn.scatter(1, at, True)
    return drawn


def _add_border(spec: PuzzleSpec, cells: Tensor, value: float) -> Tensor:
    return F.pad(cells.view(-1, spec.rows, spec.cols), (1, 1, 1, 1), value=value).flatten(1)
