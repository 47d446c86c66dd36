"""What defines an experiment: frozen, complete, stored whole in every run and checkpoint."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["sudoku", "maze", "arc", "grid"]


class Frozen(BaseModel):
    """Immutable, and refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PuzzleSpec(Frozen):
    """The shape and alphabet of one kind of puzzle: all that is needed to read, check and print its grids.

    Token 0 is padding; `symbols[i]` is token i + 1. For Sudoku the first symbol is the blank, for mazes they are wall, open,
    start, goal and path, for ARC the end marker and the ten colours.
    """

    kind: Kind
    rows: int = Field(ge=1, le=64)
    cols: int = Field(ge=1, le=64)
    symbols: tuple[str, ...] = Field(min_length=2, max_length=4096)
    box: tuple[int, int] | None = None  # rows, columns of a Sudoku box

    @property
    def cells(self) -> int:
        """Grid cells, L."""
        return self.rows * self.cols

    @property
    def vocab_size(self) -> int:
        """Tokens, padding included, V."""
        return len(self.symbols) + 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("symbols must differ from each other")
        if (self.kind == "sudoku") != (self.box is not None):
            raise ValueError("a box belongs to Sudoku, and only to Sudoku")
        if self.box is not None and not self.rows == self.cols == self.box[0] * self.box[1] == len(self.symbols) - 1:
            raise ValueError("a Sudoku needs as many rows, columns and digits as cells in a box")
        return self


class ModelConfig(Frozen):
    """The network and its recursion. Defaults are the paper's (arXiv 2510.04871, Sudoku)."""

    mixer: Literal["mlp", "attention"] = "mlp"
    latents: Literal["answer_and_latent", "single"] = "answer_and_latent"
    networks: Literal["shared", "separate"] = "shared"  # separate: HRM's second network updates the answer
    gradient: Literal["last_recursion", "last_updates"] = "last_recursion"  # last_updates: HRM's one-step gradient
    hidden_size: int = Field(default=512, ge=8, le=4096)  # D
    heads: int = Field(default=8, ge=1, le=64)  # attention only
    layers: int = Field(default=2, ge=1, le=16)
    expansion: float = Field(default=4.0, gt=0, le=16)
    latent_steps: int = Field(default=6, ge=1, le=32)  # n: updates of z in one recursion
    recursions: int = Field(default=3, ge=1, le=32)  # T: recursions in a supervision step, the last with gradient
    max_supervision_steps: int = Field(default=16, ge=1, le=64)  # N_sup
    prefix_tokens: int = Field(default=16, ge=0, le=64)  # P: the puzzle embedding, and scratch space beside it
    puzzle_ids: int = Field(default=1, ge=1)  # rows of the puzzle embedding table

    @property
    def effective_depth(self) -> int:
        """Layers a signal passes in one supervision step: T (n + 1) layers."""
        return self.recursions * (self.latent_steps + 1) * self.layers

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mixer == "attention" and self.hidden_size % (2 * self.heads):
            raise ValueError("hidden_size must be a multiple of 2 * heads, for rotary embeddings")
        if self.latents == "single" and self.networks == "separate":
            raise ValueError("a single latent has no use for a second network")
        if self.prefix_tokens == 0 and self.puzzle_ids > 1:
            raise ValueError("several puzzle_ids need prefix_tokens to carry them")
        return self


class TrainConfig(Frozen):
    """Optimisation, logging and evaluation. Defaults are the official Sudoku recipe."""

    steps: int = Field(default=65_104, ge=1, le=100_000_000)  # optimizer updates
    batch_size: int = Field(default=768, ge=1, le=65_536)  # slots
    optimizer: Literal["adam_atan2", "adamw"] = "adam_atan2"
    learning_rate: float = Field(default=1e-4, gt=0, le=1)
    weight_decay: float = Field(default=1.0, ge=0, le=10)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    puzzle_learning_rate: float = Field(default=1e-4, gt=0, le=1)
    puzzle_weight_decay: float = Field(default=1.0, ge=0, le=10)
    warmup_steps: int = Field(default=2_000, ge=0)
    min_learning_rate_ratio: float = Field(default=1.0, ge=0, le=1)  # cosine decay ends here; 1 keeps it constant
    ema_decay: float | None = Field(default=0.999, gt=0, lt=1)  # None: no average is kept
    loss: Literal["stablemax", "softmax"] = "stablemax"
    halt_loss_weight: float = Field(default=0.5, ge=0, le=10)
    halt_exploration: float = Field(default=0.1, ge=0, le=1)
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    augment: bool = True
    seed: int = Field(default=0, ge=0, lt=2**63)
    log_every: int = Field(default=50, ge=1)  # optimizer updates
    evaluate_every: int = Field(default=2_000, ge=1)
    evaluate_puzzles: int = Field(default=1_000, ge=1)  # of the test split, during training
    checkpoint_every: int = Field(default=2_000, ge=1)


class RunConfig(Frozen):
    """One training, whole: with the data set and the code version it can be repeated."""

    preset: str
    dataset: str
    puzzle: PuzzleSpec
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()
