"""Solving puzzles with a trained model, and its confidence in each answer."""

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from trm.checkpoints.checkpoint import Meta, read_meta, read_weights
from trm.config.run import CompileChoice, RunConfig
from trm.errors import ForeignCheckpoint, WrongGridSize
from trm.interface.effort import Effort, usual_effort
from trm.interface.solution import Solution, SolveStep, Tokens
from trm.network.compiling import compile_blocks, should_compile
from trm.network.device import dtype_of, pick_device
from trm.network.model import TinyRecursiveModel
from trm.network.prepacking import can_prepack, prepack
from trm.puzzles.grids import Given, parse
from trm.puzzles.rules import require_consistent
from trm.puzzles.spec import PuzzleSpec
from trm.solving.carry import Carry
from trm.solving.engine import Engine
from trm.solving.solve_request import SolveRequest

MOST_SHAPES = 8  # besides its own that a solver stays ready for: jigsaws come in any number of them


def load_trained_model(folder: Path, meta: Meta) -> TinyRecursiveModel:
    """The model of a checkpoint with its best or averaged weights, in float32; raises CheckpointError."""
    model = TinyRecursiveModel(meta.config.model, meta.config.puzzle)
    try:
        model.load_state_dict(read_weights(folder, meta), assign=True)  # a puzzle table of gigabytes stays in its file
    except RuntimeError as error:
        raise ForeignCheckpoint(f"The weights in {folder} are not those of its configuration: {error}") from error
    return model


class Solver:
    """A trained model ready to solve; not safe for use from several threads at once."""

    def __init__(
        self,
        model: TinyRecursiveModel,
        config: RunConfig,
        device: torch.device,
        *,
        slots: int | None = None,
        compiling: CompileChoice = "never",
    ) -> None:
        """The model is the solver's from now on: its weights are cast, and wide ones prepacked for a processor.

        `slots` chains are run at a time, as many as suit the device unless given; raises CompilerMissing.
        """
        self.config, self.spec, self._slots, self._compiling = config, config.puzzle, slots, compiling
        self._sized: dict[PuzzleSpec, Self] = {}
        self._sizing = threading.Lock()
        self.dtype = dtype_of(config.train.precision, device)
        self.model = model.to(device).eval()
        for parameter in self.model.parameters():  # cast once here, not in each of the 16 x 21 calls
            parameter.requires_grad_(False)
            parameter.data = parameter.data.to(self.dtype)
        if can_prepack(device):
            prepack(self.model)
        if should_compile(compiling, config, device):
            compile_blocks(self.model, device, any_batch=True)
        self.engine = Engine(self.model, self.dtype, slots=slots)

    @cached_property
    def background(self) -> Engine:
        """A second engine with slots of its own, for long work beside which puzzles are solved: they wait for none of its slots."""
        return Engine(self.model, self.dtype, slots=self._slots)

    @classmethod
    def load(
        cls,
        checkpoint: Path | str,
        device: str = "auto",
        *,
        slots: int | None = None,
        compiling: CompileChoice = "never",
    ) -> Self:
        """The best or averaged weights of a checkpoint folder, or an exported model; raises CheckpointError when damaged or not ours."""
        meta = read_meta(Path(checkpoint))
        model = load_trained_model(Path(checkpoint), meta)
        return cls(model, meta.config, pick_device(device), slots=slots, compiling=compiling)

    def solve(self, puzzle: Given, effort: Effort | None = None) -> Solution:
        """The answer to one puzzle, given as text, as rows of cells, as a flat list of them or as an array.

        Unless another effort is given, a chain halts at probability 1/2; a model of Sudokus that starts at random searches until the
        rules agree, for 512 steps at most. Raises PuzzleError for a puzzle that this model
        cannot read or whose givens clash, ConfigError for an effort that is not possible here.
        """
        [solution] = self.solve_all([puzzle], effort)
        return solution

    def solve_all(self, puzzles: Iterable[Given], effort: Effort | None = None) -> list[Solution]:
        """The answers to several puzzles in their order; they are solved in one batch."""
        parsed = [self.parse(puzzle) for puzzle in puzzles]
        effort = effort or usual_effort(self.spec, self.config.model)
        found: dict[int, Solution] = {}
        for spec in dict.fromkeys(spec for spec, _ in parsed):
            places = [i for i, (own, _) in enumerate(parsed) if own == spec]
            questions = np.stack([parsed[i][1] for i in places])
            found |= zip(places, self.resize(spec).solve_tokens(questions, effort), strict=True)
        return [found[i] for i in range(len(parsed))]

    def parse(self, puzzle: Given) -> tuple[PuzzleSpec, Tokens]:
        """The shape and the tokens `(L,)` of a puzzle, whose size is its own where the model answers every size.

        Raises PuzzleError when it cannot be read, or when its givens clash.
        """
        spec = self.config.shape_of(puzzle)
        question = parse(spec, puzzle)
        require_consistent(spec, question)
        return spec, question

    def resize(self, spec: PuzzleSpec) -> Self:
        """This solver for puzzles of another size, with the same weights; raises WrongGridSize where the model cannot answer them.

        It is not compiled unless that was asked for expressly: a program serves one size, and takes seconds to make.
        """
        if spec == self.spec:
            return self
        if not self.config.answers(spec):
            any_size, own = self.config.model.any_size, self.spec
            known = f"{own.kind} puzzles of every size" if any_size else f"{own.rows}x{own.cols} {own.kind} puzzles"
            raise WrongGridSize(f"The model answers {known}, not {spec.rows}x{spec.cols} puzzles of kind {spec.kind}.")
        with self._sizing:
            solver = self._sized.pop(spec, None) or self._adapt_to(spec)
            self._sized[spec] = solver  # the most recently used one is the last
            for oldest in list(self._sized)[:-MOST_SHAPES]:
                del self._sized[oldest]
            return solver

    def _adapt_to(self, spec: PuzzleSpec) -> Self:
        config, model = self.config.model_copy(update={"puzzle": spec}), self.model.resize(spec)
        compiling: CompileChoice = "always" if self._compiling == "always" else "never"
        return type(self)(model, config, self.model.embedding.device, slots=self._slots, compiling=compiling)

    def solve_tokens(
        self,
        questions: Tokens,
        effort: Effort | None = None,
        *,
        puzzle_ids: NDArray[np.int64] | None = None,
        keep_trace: bool = False,
        on_step: Callable[[SolveStep], None] | None = None,
        on_solution: Callable[[int, Solution], None] | None = None,
        on_carry: Callable[[int, Carry], None] | None = None,
        carries: Sequence[Carry] | None = None,
    ) -> list[Solution]:
        """Solutions of tokens `(N, L)` in their order, told one by one as they are found; every chain takes its whole budget by default.

        `on_carry` is given the carry of each puzzle, with which `carries` of another call continue up to its larger `max_steps`: the
        answers are those of one call with all the steps. Raises ConfigError for an effort that is not possible here, CarryInvalid.
        """
        found: dict[int, Solution] = {}

        def take(index: int, solution: Solution) -> None:
            found[index] = solution
            if on_solution is not None:
                on_solution(index, solution)

        solve_request = SolveRequest(
            questions,
            effort or Effort(),
            self.spec,
            self.config.model,
            on_solution=take,
            on_step=on_step,
            puzzle_ids=puzzle_ids,
            keep_trace=keep_trace,
            on_carry=on_carry,
            carries=carries,
        )
        self.engine.submit(solve_request)
        try:
            self.engine.run()
        finally:
            solve_request.stop()  # a caller that raised from `on_step` wants no more of it
        return [found[i] for i in range(len(questions))]
