"""The optimizers: AdamATan2, AdamW, Muon for matrices, and sign-SGD for the rows of the puzzle embedding that a batch touched."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from trm.config.train import TrainConfig


class AdamATan2:
    """Adam whose ratio m / sqrt(v) goes through atan2: no epsilon, steps bounded (arXiv 2407.05872; package adam-atan2 0.0.3).

    As in the package, the first moment's bias correction stays outside atan2. Weight decay is decoupled and hits every parameter.
    It has what is used of `torch.optim.Optimizer` and does not inherit from it, which would load torch's compiler: seconds of every start.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-4,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 1.0,
    ) -> None:
        self.param_groups: list[dict[str, Any]] = [{"params": list(params), "lr": lr}]
        self.state: dict[Tensor, dict[str, Tensor]] = {p: {} for p in self.param_groups[0]["params"]}
        self.betas, self.weight_decay = betas, weight_decay

    @torch.no_grad()
    def step(self) -> None:
        """One update of all parameters together, a kernel for each operation rather than for each tensor."""
        lr, (beta1, beta2) = self.param_groups[0]["lr"], self.betas
        parameters = [p for p in self.state if p.grad is not None]
        if not parameters:
            return
        states = [self._state_of(p) for p in parameters]
        gradients = [p.grad for p in parameters if p.grad is not None]
        for state in states:
            state["step"] += 1
        t = int(states[0]["step"])  # the same for all: every parameter has a gradient in every update
        m, v = [state["exp_avg"] for state in states], [state["exp_avg_sq"] for state in states]
        torch._foreach_lerp_(m, gradients, 1 - beta1)
        torch._foreach_mul_(v, beta2)
        torch._foreach_addcmul_(v, gradients, gradients, 1 - beta2)
        deviation = torch._foreach_sqrt(v)
        torch._foreach_div_(deviation, (1 - beta2**t) ** 0.5)
        directions = [torch.atan2(first, second) for first, second in zip(m, deviation, strict=True)]
        torch._foreach_mul_(parameters, 1 - lr * self.weight_decay)
        torch._foreach_add_(parameters, directions, alpha=-lr / (1 - beta1**t))

    def _state_of(self, parameter: Tensor) -> dict[str, Tensor]:
        state = self.state[parameter]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.int64)
            state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        return state


@torch.no_grad()
def sparse_sign_sgd(table: Tensor, ids: Tensor, gradient: Tensor, *, learning_rate: float, weight_decay: float) -> None:
    """Update rows `ids` (B,) of `table` (ids, D) from their gradients (B, D); gradients of equal ids are summed first.

    Only touched rows change or decay: row <- row (1 - lr wd) - lr sign(gradient).
    """
    if len(table) == 1:  # nothing to look for, which a GPU would wait for
        summed = gradient.sum(0, keepdim=True)
        table.mul_(1 - learning_rate * weight_decay).sub_(learning_rate * summed.sign())
        return
    ids, gradient = ids.to(table.device), gradient.to(table.device)  # a big table is on the host
    touched, place = torch.unique(ids.long(), return_inverse=True)
    summed = gradient.new_zeros(len(touched), gradient.shape[1]).index_add_(0, place, gradient)
    table[touched] = table[touched] * (1 - learning_rate * weight_decay) - learning_rate * summed.sign()


class Optimizers:
    """Every optimizer of a model: one step of them all, and what they know of each parameter."""

    def __init__(self, model: nn.Module, config: TrainConfig) -> None:
        self._peaks = {optimizer: optimizer.param_groups[0]["lr"] for optimizer in make_optimizers(model, config)}
        states = {p: optimizer.state for optimizer in self._peaks for p in optimizer.param_groups[0]["params"]}
        self._states = [(name, parameter, states[parameter]) for name, parameter in model.named_parameters()]

    def step(self, factor: float) -> None:
        """One update of every parameter, at this share of the peak learning rates."""
        for optimizer, peak in self._peaks.items():
            optimizer.param_groups[0]["lr"] = peak * factor
            optimizer.step()

    def tensors(self) -> dict[str, Tensor]:
        """All that they know, as `exp_avg/<parameter>`."""
        return {f"{key}/{name}": value for name, p, state in self._states for key, value in state[p].items()}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Restore the optimizer states."""
        for name, p, state in self._states:
            known = [(key.removesuffix(f"/{name}"), t) for key, t in tensors.items() if key.split("/", 1)[1] == name]
            state[p] = {key: tensor.to(p.device, p.dtype) if tensor.dim() else tensor for key, tensor in known}


def make_optimizers(model: nn.Module, config: TrainConfig) -> list[torch.optim.Optimizer | AdamATan2]:
    """The optimizers that the configuration names; each group's `lr` is its peak, to be scaled by the schedule.

    Muon orthogonalises updates of the blocks' matrices (arXiv 2502.16982); embeddings and heads go to AdamW beside it.
    """
    betas = (config.beta1, config.beta2)
    rest = dict(model.named_parameters())
    found: list[torch.optim.Optimizer | AdamATan2] = []
    if config.optimizer == "muon":
        matrices = [rest.pop(name) for name in list(rest) if "layers." in name]
        found.append(torch.optim.Muon(matrices, lr=config.muon_learning_rate, weight_decay=config.muon_weight_decay))
    kind: type[torch.optim.AdamW] | type[AdamATan2] = (
        AdamATan2 if config.optimizer == "adam_atan2" else torch.optim.AdamW
    )
    found.append(kind(rest.values(), lr=config.learning_rate, betas=betas, weight_decay=config.weight_decay))
    return found
