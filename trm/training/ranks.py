"""The processes that train one model together, each with a share of the slots; a process alone is a group of one.

Every rank makes the same random draws for all slots and takes those of its own, so that two ranks train as one does, up to the order
in which gradients are added. Shapes: B slots in all, R ranks, B / R slots a rank.
"""

import os
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor

from trm.errors import ConfigError

PATIENCE = timedelta(days=2)  # a rank waits while the first one answers the test split


class Ranks:
    """This process' place among `count` ranks; use `join` in a process that torchrun has started."""

    def __init__(self, rank: int = 0, count: int = 1) -> None:
        self.rank, self.count = rank, count

    @classmethod
    def join(cls) -> "Ranks":
        """The group that torchrun describes in the environment, waiting for all of it; a group of one without torchrun."""
        count = int(os.environ.get("WORLD_SIZE", "1"))
        if count == 1:
            return cls()
        gpus = "cuda:nccl," if torch.cuda.is_available() else ""
        dist.init_process_group(f"{gpus}cpu:gloo", timeout=PATIENCE)
        return cls(dist.get_rank(), count)

    def leave(self) -> None:
        """Close the connections to the others, once all are here: one that ends first would break those of the rest."""
        if self.count > 1:
            dist.barrier()
            dist.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Whether this rank validates, saves and reports for all."""
        return self.rank == 0

    def device(self, device: torch.device) -> torch.device:
        """The device of this rank: on a machine with several GPUs each has its own."""
        if self.count == 1 or device.type == "cpu":
            return device
        return torch.device(device.type, int(os.environ["LOCAL_RANK"]))

    def share(self, slots: int, together: int = 1) -> slice:
        """The slots of this rank, so many of which stay `together`; raises ConfigError unless all ranks have as many."""
        each, rest = divmod(slots, self.count)
        if rest or each % together:
            raise ConfigError(
                f"{slots} slots cannot be shared by {self.count} ranks. Make train.batch_size a multiple of {self.count * together}."
            )
        return slice(self.rank * each, (self.rank + 1) * each)

    def sum_gradients(self, parameters: Iterable[Tensor]) -> None:
        """Add the gradients of all ranks, in place and in one message."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        if self.count == 1 or not gradients:
            return
        joined = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(joined)
        for gradient, total in zip(gradients, torch.split(joined, [g.numel() for g in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))

    def gather(self, part: Tensor) -> Tensor:
        """The parts `(B / R, ..)` of all ranks in their order, `(B, ..)`, on every rank."""
        if self.count == 1:
            return part
        as_bytes = part.byte() if part.dtype == torch.bool else part.contiguous()
        parts = [torch.empty_like(as_bytes) for _ in range(self.count)]
        dist.all_gather(parts, as_bytes)
        return torch.cat(parts).to(part.dtype)

    def add(self, tensor: Tensor) -> Tensor:
        """The sum over all ranks, on every rank."""
        total = tensor.clone()
        if self.count > 1:
            dist.all_reduce(total)
        return total

    def follow(self, *orders: bool) -> tuple[bool, ...]:
        """What the first rank orders, whatever the others would."""
        if self.count == 1:
            return orders
        sent = torch.tensor(orders, dtype=torch.uint8)
        dist.broadcast(sent, 0)
        return tuple(sent.bool().tolist())
