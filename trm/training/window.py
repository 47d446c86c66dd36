"""Metrics accumulated on the device over several updates, read once."""

import torch
from torch import Tensor

from trm.interface.events import StepMetrics
from trm.training.losses import Loss
from trm.training.ranks import Ranks

SUMS = ("loss", "lm_loss", "halt_loss", "updates", "finished", "exact", "cells", "halt_right", "steps")


class Window:
    """Metric sums since the last report."""

    def __init__(self, supervision_steps: int, slots: int, device: torch.device) -> None:
        """For a training of so many slots, all ranks together."""
        self._slots = slots
        self.sums = torch.zeros(len(SUMS), dtype=torch.float64, device=device)
        # slots seen, halted, halt probability, exactly right; one row per supervision step
        self.by_step = torch.zeros(supervision_steps, 4, dtype=torch.float64, device=device)
        self.step, self.bad_step = (torch.zeros((), dtype=torch.int64, device=device) for _ in range(2))
        # updates made; the first whose loss was not finite

    def add(self, loss: Loss, halt_logit: Tensor, steps: Tensor, halted: Tensor) -> None:
        """Count one update; all tensors per slot `(B,)` but the loss's sums; `steps` includes this one."""
        self.step += 1
        self.watch(loss)
        right, done = loss.right.double(), halted.double()
        seen = torch.stack((torch.ones_like(right), done, halt_logit.detach().sigmoid().double(), right), dim=1)
        self.by_step.index_add_(0, steps.long() - 1, seen)
        halt_right = ((halt_logit.detach() >= 0) == loss.right).double()
        share = len(right) / self._slots  # this rank's part of an update
        self.sums += torch.stack(
            (
                loss.total.detach().double() / self._slots,
                loss.answer.double() / self._slots,
                loss.halting.double() / self._slots,
                torch.full_like(done[0], share),
                done.sum(),
                (done * right).sum(),
                (done * loss.right_cells.double()).sum(),
                (done * halt_right).sum(),
                (done * steps.double()).sum(),
            )
        )

    def watch(self, loss: Loss) -> None:
        """Note whether a loss of this update is not finite."""
        is_first = (self.bad_step == 0) & ~loss.total.detach().isfinite()
        self.bad_step += is_first * self.step

    def tensors(self) -> dict[str, Tensor]:
        """All that is counted, by name, for a checkpoint."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}

    def merge(self, ranks: Ranks) -> None:
        """Bring the sums of all ranks together; the first one holds them from now on."""
        if ranks.count > 1:
            self.sums.copy_(ranks.add(self.sums))
            self.by_step.copy_(ranks.add(self.by_step))
            self.keep_for_one(ranks)

    def keep_for_one(self, ranks: Ranks) -> None:
        """Forget sums that the first rank holds too."""
        if not ranks.is_first:
            self.sums.zero_()
            self.by_step.zero_()

    def report(self, step: int, since_start: float, since_logged: float, learning_rate: float) -> StepMetrics:
        """The means since the last report, at this step and these seconds; starts over, and waits for the device."""
        sums, table = dict(zip(SUMS, self.sums.tolist(), strict=True)), self.by_step.tolist()
        self.sums.zero_()
        self.by_step.zero_()
        finished, updates = sums["finished"], max(sums["updates"], 1.0)
        return StepMetrics(
            step=step,
            seconds=round(since_start, 3),
            loss=sums["loss"] / updates,
            lm_loss=sums["lm_loss"] / updates,
            halt_loss=sums["halt_loss"] / updates,
            learning_rate=learning_rate,
            puzzles_finished=int(finished),
            puzzles_per_second=round(finished / max(since_logged, 1e-9), 3),
            exact_accuracy=_share(sums["exact"], finished),
            cell_accuracy=_share(sums["cells"], finished),
            halt_accuracy=_share(sums["halt_right"], finished),
            mean_supervision_steps=_share(sums["steps"], finished),
            slots=[int(seen) for seen, *_ in table],
            halted=[_share(halted, seen) for seen, halted, _, _ in table],
            halt_probability=[_share(probability, seen) for seen, _, probability, _ in table],
            step_exact_accuracy=[_share(right, seen) for seen, _, _, right in table],
        )


def _share(total: float, count: float) -> float | None:
    return total / count if count else None
