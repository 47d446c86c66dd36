"""Inference: chains of thought about puzzles, one supervision step at a time, each leaving when its owner says so."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trm.model import Thought, TinyRecursiveModel

Tokens = NDArray[np.int32]


class ThoughtBatch(NamedTuple):
    """What one supervision step brought to the chains still in thought, K of them."""

    step: int  # from 1
    rows: NDArray[np.int64]  # (K,) which chains
    answers: Tokens  # (K, L)
    halt_probability: NDArray[np.float32]  # (K,)


class Thinking:
    """N chains in thought; the batch shrinks as they leave.

    Chains of the same number draw the same noise and the same random start, whatever puzzle they think about and whoever
    thinks beside them: a puzzle's answers depend on nothing but itself, the model, the seed and the noise.
    """

    @torch.inference_mode()
    def __init__(
        self,
        model: TinyRecursiveModel,
        questions: Tokens,
        *,
        dtype: torch.dtype,
        puzzle_ids: NDArray[np.int64] | None = None,
        numbers: NDArray[np.int64] | None = None,
        noise: float = 0.0,
        seed: int = 0,
    ) -> None:
        """Questions `(N, L)`, their puzzle ids and chain numbers `(N,)`, 0 unless given; `noise` is added to z before every step."""
        count, device = len(questions), model.embedding.device
        none = np.zeros(count, dtype=np.int64)
        self.model, self.noise, self.seed, self.step_number = model, noise, seed, 0
        self.rows, self.numbers = np.arange(count), none if numbers is None else numbers
        self.inputs = torch.tensor(questions, device=device)  # a copy: the caller may go on writing
        self.puzzle_rows = model.puzzle_rows(torch.from_numpy(none if puzzle_ids is None else puzzle_ids).to(device))
        self.y, self.z = self._start(count, dtype)

    @torch.inference_mode()
    def step(self) -> ThoughtBatch:
        """One more supervision step of every chain."""
        self.step_number += 1
        z = self.z + self._noise() if self.noise else self.z
        thought: Thought = self.model(self.inputs, self.puzzle_rows, self.y, z)
        if self.model.config.hypotheses > 1:
            thought = thought.pick(thought.halt_logit.argmax(1))
        self.y, self.z = thought.y, thought.z
        answers = thought.logits.argmax(-1).to(torch.int32).cpu().numpy()
        return ThoughtBatch(self.step_number, self.rows, answers, thought.halt_logit.sigmoid().float().cpu().numpy())

    @torch.inference_mode()
    def keep(self, stays: NDArray[np.bool_]) -> None:
        """Let the other chains `(K,)` leave."""
        if stays.all():
            return
        mask = torch.from_numpy(stays).to(self.inputs.device)
        self.rows, self.numbers = self.rows[stays], self.numbers[stays]
        self.inputs, self.puzzle_rows, self.y, self.z = (
            t[mask] for t in (self.inputs, self.puzzle_rows, self.y, self.z)
        )

    def _start(self, count: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        if not self.model.config.random_start:
            return self.model.initial_state(count, dtype)
        used, place = np.unique(self.numbers, return_inverse=True)
        starts = [self.model.initial_state(1, dtype, self._generator(number)) for number in used]
        return torch.cat([y for y, _ in starts])[place], torch.cat([z for _, z in starts])[place]

    def _noise(self) -> Tensor:
        used, place = np.unique(self.numbers, return_inverse=True)
        drawn = torch.stack([torch.randn(self.z.shape[1:], generator=self._generator(number)) for number in used])
        return (self.noise * drawn).to(self.z.device, self.z.dtype)[torch.from_numpy(place).to(self.z.device)]

    def _generator(self, number: int) -> torch.Generator:
        """Made anew for every chain number and step, so that nothing depends on who else is in the batch."""
        key = np.random.SeedSequence((self.seed, int(number), self.step_number)).generate_state(1, np.uint64)[0]
        return torch.Generator().manual_seed(int(key) % 2**63)
