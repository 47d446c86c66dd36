"""One training, whole: frozen, complete, stored in every run and checkpoint."""

from typing import Literal, Self

from pydantic import model_validator

from trm.config.model import ModelConfig
from trm.config.train import TrainConfig
from trm.errors import RuleError, require
from trm.puzzles.datasets.datasets import BUILTIN
from trm.puzzles.grids import Given, resize
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

    def shape_of(self, puzzle: Given) -> PuzzleSpec:
        """The shape of a puzzle as it is written: its own size where the model answers every size; raises PuzzleError."""
        return resize(self.puzzle, puzzle) if self.model.any_size else self.puzzle

    def answers(self, puzzle: PuzzleSpec) -> bool:
        """Whether the trained weights answer puzzles of this shape: a body of any size answers all of its kind."""
        if puzzle == self.puzzle:
            return True
        same_alphabet = self.puzzle.kind == "sudoku" or puzzle.symbols == self.puzzle.symbols
        return self.model.any_size and puzzle.kind == self.puzzle.kind and same_alphabet

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        model, train, kind = self.model, self.train, self.puzzle.kind
        others = [name for name, known in BUILTIN.items() if known.spec != self.puzzle and self.answers(known.spec)]
        require(
            RuleError,
            (model.mixer == "units" and kind != "sudoku",
             "mixer=units passes messages along the units of a Sudoku: use neighbours for other grids", "model.mixer"),
            (model.mixer == "units" and train.label_smoothing,
             "mixer=units knows which symbols a cell cannot hold: set label_smoothing to 0", "train.label_smoothing", "model.mixer"),
            (model.any_size and train.label_smoothing and kind == "maze",
             f"mixer={model.mixer} knows what a maze's cell cannot become: set label_smoothing to 0",
             "train.label_smoothing", "model.mixer"),
            (train.reveal and kind != "sudoku",
             "only the blanks of a Sudoku can be revealed: set train.reveal to 0", "train.reveal"),
            (train.target == "closest_path" and kind != "maze",
             "only a maze has several answers: set train.target to label", "train.target"),
            (train.hard_share is not None and kind == "arc",
             "ARC has no ratings: leave train.hard_share out", "train.hard_share"),
            (train.depth_curriculum and model.latents in ("multi_scale", "none"),
             f"a depth_curriculum cannot change the depth of latents={model.latents}", "train.depth_curriculum", "model.latents"),
            (train.patience is not None and kind == "arc",
             "ARC has no validation split: patience has nothing to go by", "train.patience"),
            (train.starts > 1 and not model.random_start,
             "several starts of a puzzle must differ: set model.random_start to true", "train.starts", "model.random_start"),
            (train.starts > 1 and model.hypotheses > 1,
             "chains compete with several starts, latents with several hypotheses: choose one", "train.starts", "model.hypotheses"),
            (train.starts > 1 and train.halt_rule == "halt_over_continue",
             "several starts need halt_rule=halt", "train.starts", "train.halt_rule"),
            (train.starts > 1 and model.update_noise,
             "several starts differ by themselves: set model.update_noise to 0", "train.starts", "model.update_noise"),
            (train.batch_size % train.starts,
             f"batch_size counts chains: make it a multiple of starts={train.starts}", "train.batch_size", "train.starts"),
            (train.also and not model.any_size,
             f"a model with mixer={model.mixer} is of one size: set train.also to []", "train.also", "model.mixer"),
            (not set(train.also) <= set(others),
             f"train.also takes built-in data sets of this kind of puzzle and of another size: {', '.join(others) or 'there is none'}",
             "train.also"),
            (len(set(train.also)) < len(train.also), "train.also names a data set twice", "train.also"),
        )  # fmt: skip
        return self
