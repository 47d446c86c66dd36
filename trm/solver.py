"""Solving puzzles with a trained model, honest about its confidence."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from trm.chains import ChainBatch
from trm.checkpoint import Meta, read_meta, read_weights
from trm.config import RunConfig
from trm.device import dtype_of, pick_device
from trm.effort import Effort
from trm.errors import ForeignCheckpoint
from trm.model import TinyRecursiveModel
from trm.solution import Solution, SolveStep, Tokens


def trained_model(folder: Path, meta: Meta) -> TinyRecursiveModel:
    """The model of a checkpoint with its best or averaged weights, in float32; raises CheckpointError."""
    model = TinyRecursiveModel(meta.config.model, meta.config.puzzle)
    try:
        model.load_state_dict(read_weights(folder, meta))
    except RuntimeError as error:
        raise ForeignCheckpoint(f"The weights in {folder} are not those of its configuration: {error}") from error
    return model


class Solver:
    """A trained model ready to solve; not safe for use from several threads at once."""

    def __init__(self, model: TinyRecursiveModel, config: RunConfig, device: torch.device) -> None:
        self.config, self.spec = config, config.puzzle
        self.dtype = dtype_of(config.train.precision)
        self.model = model.to(device).eval()
        for parameter in self.model.parameters():  # cast once here, not in each of the 16 x 21 calls
            parameter.requires_grad_(False)
            parameter.data = parameter.data.to(self.dtype)

    @classmethod
    def load(cls, checkpoint: Path | str, device: str = "auto") -> Self:
        """The best or averaged weights of a checkpoint folder, or an exported model; raises CheckpointError when damaged or not ours."""
        meta = read_meta(Path(checkpoint))
        return cls(trained_model(Path(checkpoint), meta), meta.config, pick_device(device))

    def solve(
        self,
        questions: Tokens,
        effort: Effort | None = None,
        *,
        puzzle_ids: NDArray[np.int64] | None = None,
        batch_size: int = 256,
        keep_trace: bool = False,
        on_step: Callable[[SolveStep], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
    ) -> list[Solution]:
        """Solutions of questions `(N, L)` in their order; shorter than N only if `should_stop` said so.

        At most `batch_size` chains are thought about at a time. Raises ConfigError for an effort that is not possible here.
        """
        effort = effort or Effort()
        effort.require_possible(self.spec, self.config.model)
        solutions: list[Solution] = []
        size = max(1, batch_size // effort.chains)
        for first in range(0, len(questions), size):
            part = slice(first, first + size)
            ids = None if puzzle_ids is None else puzzle_ids[part]
            batch = ChainBatch(
                self.model,
                self.spec,
                self.dtype,
                questions[part],
                ids,
                effort,
                first=first,
                keep_trace=keep_trace,
                on_step=on_step,
            )
            found = batch.run(should_stop)
            if found is None:
                break
            solutions += found
        return solutions
