"""What training minimises: the answer's cross entropy, and the halting head's belief that the answer is right."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from trm.layers import widened

IGNORED = -100  # a label that is not scored


def stablemax_log_probability(logits: Tensor) -> Tensor:
    """log(s(v) / sum s), s(v) = v + 1 for v >= 0 and 1 / (1 - v) below: a softmax that grows linearly (arXiv 2501.04697).

    float32 is enough since s cannot overflow; pass float64 logits for the official precision.
    """
    log_s = torch.where(logits >= 0, torch.log1p(logits.clamp(min=0)), -torch.log1p(-logits.clamp(max=0)))
    return log_s - torch.logsumexp(log_s, dim=-1, keepdim=True)


def cross_entropy(logits: Tensor, labels: Tensor, kind: Literal["stablemax", "softmax"]) -> Tensor:
    """Mean over the scored cells of each puzzle, `(B, L, V), (B, L) -> (B,)`; 0 for a puzzle without scored cells."""
    wide = widened(logits)
    log_p = stablemax_log_probability(wide) if kind == "stablemax" else torch.log_softmax(wide, dim=-1)
    scored = labels != IGNORED
    picked = log_p.gather(-1, labels.clamp(min=0).long().unsqueeze(-1)).squeeze(-1)
    return -(picked * scored).sum(-1) / scored.sum(-1).clamp(min=1)


class Loss(NamedTuple):
    """Sums over the batch (divide by its size), and what was right, per puzzle."""

    total: Tensor  # ()
    answer: Tensor  # ()
    halting: Tensor  # ()
    right_cells: Tensor  # (B,) share of scored cells that are right
    right: Tensor  # (B,) bool: every scored cell is right


def supervision_loss(
    logits: Tensor, halt_logit: Tensor, labels: Tensor, *, kind: Literal["stablemax", "softmax"], halt_weight: float
) -> Loss:
    """Loss of one supervision step: cross entropy + halt_weight * BCE(halt, "the answer is exactly right")."""
    with torch.no_grad():
        scored = labels != IGNORED
        hit = (logits.argmax(-1) == labels) & scored
        cells = scored.sum(-1)
        right = hit.sum(-1) == cells
        right_cells = hit.sum(-1) / cells.clamp(min=1)
    answer = cross_entropy(logits, labels, kind).sum()
    halting = F.binary_cross_entropy_with_logits(halt_logit, right.to(halt_logit.dtype), reduction="sum")
    return Loss(answer + halt_weight * halting, answer.detach(), halting.detach(), right_cells, right)
