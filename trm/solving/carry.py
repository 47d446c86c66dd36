"""The carry of chains that have stopped: all that they need to make more steps, as if they had never stopped.

Shapes: K chains, L grid cells, S tokens of the state, D hidden size, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Self

import numpy as np
import safetensors
import safetensors.torch
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm.checkpoints import tensor_file
from trm.errors import CarryInvalid, CorruptCheckpoint


class Carry(NamedTuple):
    """The state of K chains after their latest supervision step, on the host; grids are as the chains see them."""

    y: Tensor  # (K, S, D)
    z: Tensor  # (K, ..., S, D)
    inputs: Tensor  # (K, L) int32, with guesses
    logits: Tensor  # (K, L, V) of the latest answers: guesses are drawn from them
    answers: Tensor  # (K, L) int32
    steps: Tensor  # (K,) int64, supervision steps so far
    unchanged: Tensor  # (K,) int64, steps since the answer last changed
    halt_probability: Tensor  # (K,) float32

    def of(self, chosen: NDArray[np.int64] | list[int]) -> Self:
        """Some of the chains, by their places."""
        places = torch.as_tensor(chosen)
        return self._replace(**{name: tensor[places] for name, tensor in self._asdict().items()})

    @classmethod
    def join(cls, carries: Sequence[Self]) -> Self:
        """The chains of all of them, in order."""
        return cls(*(torch.cat(parts) for parts in zip(*carries, strict=True)))

    def to_bytes(self) -> bytes:
        """As a safetensors file."""
        return safetensors.torch.save({name: tensor.contiguous() for name, tensor in self._asdict().items()})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` has written; raises CarryInvalid."""
        try:
            tensors: Mapping[str, Tensor] = safetensors.torch.load(data)
            tensor_file.require_finite(tensors, "it")
            return cls(**tensors)
        except (safetensors.SafetensorError, CorruptCheckpoint, TypeError, ValueError) as error:
            raise CarryInvalid(
                f"The carry cannot be read: {error}. Solve the puzzle again from its beginning."
            ) from error

    def require_fit(self, like: Self) -> None:
        """Raise CarryInvalid unless chain for chain it has the shapes of another model's carry."""
        for (name, mine), its in zip(self._asdict().items(), like, strict=True):
            if mine.shape[1:] != its.shape[1:] or mine.is_floating_point() != its.is_floating_point():
                raise CarryInvalid(
                    f"The carry is another model's: its {name} has the shape {tuple(mine.shape[1:])}, not {tuple(its.shape[1:])}."
                )
