"""Inference: puzzles put through supervision steps, each leaving when it halts."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from trm.model import TinyRecursiveModel


class ThoughtBatch(NamedTuple):
    """What one supervision step brought to the puzzles that were still being thought about, K of them."""

    step: int  # from 1
    rows: NDArray[np.int64]  # (K,) which puzzles
    answers: NDArray[np.int32]  # (K, L) tokens
    halt_probability: NDArray[np.float32]  # (K,)
    halted: NDArray[np.bool_]  # (K,) leaves after this step


@torch.inference_mode()
def think(
    model: TinyRecursiveModel,
    questions: NDArray[np.int32],
    *,
    max_steps: int,
    halt_threshold: float | None,
    dtype: torch.dtype,
) -> Iterator[ThoughtBatch]:
    """Supervision steps over questions `(B, L)` until all have halted; the batch shrinks as puzzles leave.

    Without a threshold every puzzle takes `max_steps`, as in the paper's evaluation.
    """
    device = model.embedding.device
    inputs = torch.from_numpy(questions).to(device)
    ids = torch.zeros(len(inputs), dtype=torch.int64, device=device)
    y, z = model.initial_state(len(inputs), dtype)
    rows = np.arange(len(inputs))
    for step in range(1, max_steps + 1):
        thought = model(inputs, model.puzzle_rows(ids), y, z)
        probability = thought.halt_logit.sigmoid()
        leaves = torch.full_like(ids, step == max_steps, dtype=torch.bool)
        if halt_threshold is not None:
            leaves |= probability >= halt_threshold
        answers = thought.logits.argmax(-1).to(torch.int32).cpu().numpy()
        halted = leaves.cpu().numpy()
        yield ThoughtBatch(step, rows, answers, probability.float().cpu().numpy(), halted)
        if halted.all():
            return
        y, z = thought.y, thought.z
        if halted.any():
            stay = ~leaves
            inputs, ids, y, z, rows = inputs[stay], ids[stay], y[stay], z[stay], rows[~halted]
