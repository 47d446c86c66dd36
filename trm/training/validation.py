"""Evaluations in a thread: on the validation split beside the training, and on the test split at its end.

On a GPU they have a stream of their own. What a validation finds does not depend on when it is done: weights, puzzles and the rows of
the puzzle table are copied as it begins, and it draws nothing.
"""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, wait
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from trm.config.run import RunConfig
from trm.evaluation.accuracy import evaluate
from trm.interface.events import Evaluated
from trm.network.compiling import compile_blocks
from trm.network.device import beside
from trm.network.model import TinyRecursiveModel
from trm.puzzles.puzzle_set import PuzzleSet

ROWS = "puzzle_rows"


class Evaluation:
    """An evaluation under way, from its construction on; the process does not end before it has, or was told to `stop`."""

    def __init__(
        self,
        model: TinyRecursiveModel,
        puzzles: PuzzleSet,
        *,
        step: int,
        split: str,
        dtype: torch.dtype,
        batch_size: int,
    ) -> None:
        """Of a model that no longer changes, which had its weights at `step`."""
        self.step, self.split, self.count = step, split, len(puzzles)
        self.through = 0  # of so many puzzles
        self._stopped = threading.Event()
        self._found: Future[Evaluated] = Future()
        run = partial(
            evaluate, model, puzzles, step=step, split=split, dtype=dtype, batch_size=batch_size, on_step=self._note
        )
        # a thread that ends: its OpenMP threads end with it, and no longer compete with the training's
        threading.Thread(target=self._run, args=(run, beside(model.embedding.device)), name="evaluation").start()

    @property
    def is_done(self) -> bool:
        """Whether `result` would not have to wait."""
        return self._found.done()

    def wait(self, seconds: float) -> None:
        """Until it is done, and no longer than this."""
        wait([self._found], seconds)

    def result(self) -> Evaluated:
        """What it found; waits for it, and raises what went wrong, CancelledError when it was stopped."""
        return self._found.result()

    def stop(self) -> None:
        """Stop: the result is no longer needed, and the thread ends with its next supervision step."""
        self._stopped.set()

    def _note(self, through: int) -> None:
        if self._stopped.is_set():
            raise CancelledError
        self.through = through

    def _run(self, evaluated: Callable[[], Evaluated], stream: AbstractContextManager[object]) -> None:
        try:
            with stream:
                self._found.set_result(evaluated())
        except BaseException as error:
            self._found.set_exception(error)


class Validation(Evaluation):
    """Of a copy of some weights, while the training changes its own.

    `tensors` is all that it needs to begin again: weights by parameter name, and the rows of the puzzle table.
    """

    def __init__(
        self,
        model: TinyRecursiveModel,
        weights: dict[str, Tensor],
        puzzles: PuzzleSet,
        *,
        config: RunConfig,
        step: int,
        split: str,
        dtype: torch.dtype,
        compiled: bool = False,
    ) -> None:
        """Evaluates a model like this one with weights (copied) that were there at `step`, and its rows unless `ROWS` are among them."""
        self.tensors = {name: tensor.detach().clone() for name, tensor in weights.items()}
        ids = np.zeros(1, np.int64) if puzzles.puzzle_ids is None else puzzles.puzzle_ids
        ids, places = np.unique(ids, return_inverse=True)
        if ROWS not in self.tensors:
            self.tensors[ROWS] = model.puzzle_rows(torch.from_numpy(ids)).clone()
        if puzzles.puzzle_ids is not None:
            puzzles = replace(puzzles, puzzle_ids=places)
        copied, size = replica(model, self.tensors, config), config.train.batch_size
        if compiled:
            compile_blocks(copied, copied.embedding.device, any_batch=True)
        super().__init__(copied, puzzles, step=step, split=split, dtype=dtype, batch_size=size)

    @property
    def weights(self) -> dict[str, Tensor]:
        """What is evaluated."""
        return {name: tensor for name, tensor in self.tensors.items() if name != ROWS}


def replica(model: TinyRecursiveModel, tensors: dict[str, Tensor], config: RunConfig) -> TinyRecursiveModel:
    """A model of its own that holds these weights (by parameter name) and, as `ROWS`, these rows; neither is copied."""
    config = config.model_copy(update={"model": config.model.model_copy(update={"puzzle_ids": len(tensors[ROWS])})})
    made = TinyRecursiveModel(config.model, config.puzzle)
    made.to(model.embedding.device).eval().requires_grad_(False)
    for name, parameter in made.named_parameters():
        parameter.data = tensors[name]
    made.y_init, made.z_init = model.y_init.clone(), model.z_init.clone()
    made.puzzle_embedding = tensors[ROWS]
    return made
