"""One training, whole: frozen, complete, stored in every run and checkpoint."""

from typing import Literal, Self

from pydantic import model_validator

from trm.config.model import ModelConfig
from trm.config.train import TrainConfig
from trm.errors import RuleError
from trm.puzzles.spec import Frozen, PuzzleSpec

# of the network's kernels, chosen for a machine: no part of an experiment
CompileChoice = Literal["auto", "always", "never"]


class RunConfig(Frozen):
    """One training, whole: with the data set and the code version it can be repeated."""

    preset: str
    dataset: str
    puzzle: PuzzleSpec
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()

    def answers(self, puzzle: PuzzleSpec) -> bool:
        """Whether the trained weights answer puzzles of this shape: a body of any size answers all of its kind."""
        if puzzle == self.puzzle:
            return True
        same_alphabet = self.puzzle.kind == "sudoku" or puzzle.symbols == self.puzzle.symbols
        return self.model.any_size and puzzle.kind == self.puzzle.kind and same_alphabet

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.model.mixer == "units") > (self.puzzle.kind == "sudoku"):
            raise RuleError(
                "mixer=units passes messages along the units of a Sudoku: use neighbours for other grids", "model.mixer"
            )
        if self.model.mixer == "units" and self.train.label_smoothing:
            raise RuleError(
                "mixer=units knows which symbols a cell cannot hold: set label_smoothing to 0",
                "train.label_smoothing",
                "model.mixer",
            )
        if self.model.any_size and self.train.label_smoothing and self.puzzle.kind == "maze":
            raise RuleError(
                f"mixer={self.model.mixer} knows what a maze's cell cannot become: set label_smoothing to 0",
                "train.label_smoothing",
                "model.mixer",
            )
        if self.train.reveal and self.puzzle.kind != "sudoku":
            raise RuleError("only the blanks of a Sudoku can be revealed: set train.reveal to 0", "train.reveal")
        if self.train.target == "closest_path" and self.puzzle.kind != "maze":
            raise RuleError("only a maze has several answers: set train.target to label", "train.target")
        if self.train.hard_share is not None and self.puzzle.kind == "arc":
            raise RuleError("ARC has no ratings: leave train.hard_share out", "train.hard_share")
        fixed = self.model.latents in ("multi_scale", "none")
        if self.train.depth_curriculum and fixed:
            raise RuleError(
                f"a depth_curriculum cannot change the depth of latents={self.model.latents}",
                "train.depth_curriculum",
                "model.latents",
            )
        if self.train.patience is not None and self.puzzle.kind == "arc":
            raise RuleError("ARC has no validation split: patience has nothing to go by", "train.patience")
        return self
