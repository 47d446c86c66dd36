"""What training minimises: the answer's cross entropy, and the halting head's estimate that the answer is right."""

from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from trm.network.layers import widen
from trm.puzzles.scoring import IGNORED


def stablemax_log_probability(logits: Tensor) -> Tensor:
    """log(s(v) / sum s), s(v) = v + 1 for v >= 0 and 1 / (1 - v) below: a softmax that grows linearly (arXiv 2501.04697).

    float32 is enough since s cannot overflow; pass float64 logits for the official precision.
    """
    log_s = torch.where(logits >= 0, torch.log1p(logits.clamp(min=0)), -torch.log1p(-logits.clamp(max=0)))
    return log_s - torch.logsumexp(log_s, dim=-1, keepdim=True)


def log_probability(logits: Tensor, kind: Literal["stablemax", "softmax"]) -> Tensor:
    """Log probability of every token, in float32 at least, `(.., V) -> (.., V)`."""
    wide = widen(logits)
    return stablemax_log_probability(wide) if kind == "stablemax" else torch.log_softmax(wide, dim=-1)


def cross_entropy(
    logits: Tensor, labels: Tensor, kind: Literal["stablemax", "softmax"], smoothing: float = 0.0
) -> Tensor:
    """Mean over the scored cells of each puzzle, `(B, .., L, V), (B, .., L) -> (B, ..)`; 0 for a puzzle without scored cells.

    Label smoothing takes that share of the target from the right token and spreads it over all of the vocabulary.
    """
    log_p = log_probability(logits, kind)
    scored = labels != IGNORED
    picked = log_p.gather(-1, labels.clamp(min=0).long().unsqueeze(-1)).squeeze(-1)
    if smoothing:
        picked = (1 - smoothing) * picked + smoothing * log_p.mean(-1)
    return -(picked * scored).sum(-1) / scored.sum(-1).clamp(min=1)


@torch.no_grad()
def count_right(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The share of each puzzle's scored cells that is right, and whether every one is: `(B, L, V), (B, L) -> (B,), (B,)`."""
    scored = labels != IGNORED
    hit = ((logits.argmax(-1) == labels) & scored).sum(-1)
    cells = scored.sum(-1)
    return hit / cells.clamp(min=1), hit == cells


def halting_loss(halt_logit: Tensor, right: Tensor) -> Tensor:
    """BCE(halt, "the answer is exactly right"), `(B,), (B,) -> (B,)`."""
    return F.binary_cross_entropy_with_logits(halt_logit, right.to(halt_logit.dtype), reduction="none")


@torch.no_grad()
def best_hypothesis(logits: Tensor, labels: Tensor, kind: Literal["stablemax", "softmax"]) -> Tensor:
    """Which of K hypotheses is closest to the answer: `(B, K, L, V), (B, L) -> (B,)`; only it is trained (winner takes all)."""
    return cross_entropy(logits, labels.unsqueeze(1).expand(logits.shape[:-1]), kind).argmin(1)


@torch.no_grad()
def best_chains(logits: Tensor, labels: Tensor, starts: int, kind: Literal["stablemax", "softmax"]) -> Tensor:
    """Of every `starts` chains after another, `(B, L, V), (B, L)`, the index of the one that is closest to the answer `(B / starts,)`."""
    nearest = cross_entropy(logits, labels, kind).view(-1, starts).argmin(1)
    return nearest + torch.arange(0, len(logits), starts, device=nearest.device)


class Loss(NamedTuple):
    """Sums over the batch (divide by its size), and what was right, per puzzle."""

    total: Tensor  # ()
    answer: Tensor  # ()
    halting: Tensor  # (); with HRM's rule the loss of both outputs
    right_cells: Tensor  # (B,) share of scored cells that are right
    right: Tensor  # (B,) bool: every scored cell is right


def supervision_loss(
    logits: Tensor,
    halt_logit: Tensor,
    labels: Tensor,
    *,
    kind: Literal["stablemax", "softmax"],
    halt_weight: float,
    smoothing: float = 0.0,
    weights: Tensor | None = None,
    continuing: tuple[Tensor, Tensor] | None = None,
) -> Loss:
    """Loss of one supervision step: cross entropy + halt_weight * BCE(halt, "the answer is exactly right").

    `weights` (B,) scale each puzzle's loss; `continuing` is HRM's second output and its target (B,), which add their own BCE.
    """
    right_cells, right = count_right(logits, labels)
    answer = cross_entropy(logits, labels, kind, smoothing)  # (B,)
    halting = halting_loss(halt_logit, right)
    if continuing is not None:
        halting = halting + F.binary_cross_entropy_with_logits(*continuing, reduction="none")
    if weights is not None:
        answer, halting = answer * weights, halting * weights
    answer, halting = answer.sum(), halting.sum()
    return Loss(answer + halt_weight * halting, answer.detach(), halting.detach(), right_cells, right)
