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
    feed_forward: Literal["swiglu", "normed_swiglu"] = "swiglu"  # normed: sigmoid(gate) norm(gate up), arXiv 2601.19085
    experts: int = Field(default=1, ge=1, le=16)  # feed-forwards over channels; every token goes to two of them
    latents: Literal["answer_and_latent", "single", "multi_scale", "none"] = "answer_and_latent"
    networks: Literal["shared", "separate"] = "shared"  # separate: HRM's second network updates the answer
    gradient_steps: int | None = Field(default=None, ge=1)  # last latent updates with gradient; None: all n; HRM: 1
    hidden_size: int = Field(default=512, ge=8, le=4096)  # D
    heads: int = Field(default=8, ge=1, le=64)  # attention only
    layers: int = Field(default=2, ge=1, le=16)
    expansion: float = Field(default=4.0, gt=0, le=16)
    tied_embeddings: bool = False  # the answer head is the token embedding
    latent_steps: int = Field(default=6, ge=1, le=32)  # n: updates of z in one recursion
    recursions: int = Field(default=3, ge=1, le=32)  # T: recursions in a supervision step, the last with gradient
    max_supervision_steps: int = Field(default=16, ge=1, le=64)  # N_sup
    prefix_tokens: int = Field(default=16, ge=0, le=64)  # P: the puzzle embedding, and scratch space beside it
    puzzle_ids: int = Field(default=1, ge=1)  # rows of the puzzle embedding table
    hypotheses: int = Field(default=1, ge=1, le=16)  # K latents that compete, arXiv 2601.19085
    random_start: bool = False  # y and z start at fresh random values for every puzzle, arXiv 2605.21488
    inertia: float = Field(default=0.0, ge=0, lt=1)  # share of the old value that an update keeps (EqR: 0.05)
    update_noise: float = Field(default=0.0, ge=0, le=1)  # deviation of noise on updates in training (EqR: 0.01)

    @property
    def effective_depth(self) -> int:
        """Layers a signal passes in one supervision step: T (n + 1) layers."""
        if self.latents == "none":
            return self.layers
        return self.recursions * (self.latent_steps + 1) * self.layers

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        recursive = self.latents != "none"
        for wrong, sentence in (
            (
                self.mixer == "attention" and self.hidden_size % (2 * self.heads),
                "hidden_size must be a multiple of 2 * heads, for rotary embeddings",
            ),
            (
                self.networks == "separate" and self.latents not in ("answer_and_latent",),
                "a second network needs latents=answer_and_latent: it updates the answer, apart from the latent",
            ),
            (self.prefix_tokens == 0 and self.puzzle_ids > 1, "several puzzle_ids need prefix_tokens to carry them"),
            (
                not recursive and (self.recursions, self.latent_steps, self.max_supervision_steps) != (1, 1, 1),
                "latents=none is one pass: set recursions, latent_steps and max_supervision_steps to 1",
            ),
            (
                self.gradient_steps is not None and self.gradient_steps > self.latent_steps,
                "gradient_steps cannot exceed latent_steps",
            ),
            (
                self.gradient_steps is not None and self.latents in ("multi_scale", "none"),
                "gradient_steps needs one latent that is updated several times",
            ),
            (
                self.hypotheses > 1 and self.latents != "answer_and_latent",
                "several hypotheses need latents=answer_and_latent: they share the answer and differ in the latent",
            ),
            (
                self.hypotheses > 1 and self.random_start,
                "hypotheses start at their own fixed latents: drop random_start",
            ),
            (not recursive and (self.inertia or self.update_noise), "inertia and update_noise need a recursion"),
        ):
            if wrong:
                raise ValueError(sentence)
        return self


class Depth(Frozen):
    """A stage of a depth curriculum: so deep until this share of all updates is made."""

    until: float = Field(gt=0, lt=1)
    recursions: int = Field(ge=1, le=32)
    latent_steps: int = Field(ge=1, le=32)


class TrainConfig(Frozen):
    """Optimisation, logging and evaluation. Defaults are the official Sudoku recipe."""

    steps: int = Field(default=65_104, ge=1, le=100_000_000)  # optimizer updates
    batch_size: int = Field(default=768, ge=1, le=65_536)  # slots
    optimizer: Literal["adam_atan2", "adamw", "muon"] = "adam_atan2"  # muon: block matrices only, adamw elsewhere
    learning_rate: float = Field(default=1e-4, gt=0, le=1)
    weight_decay: float = Field(default=1.0, ge=0, le=10)
    beta1: float = Field(default=0.9, ge=0, lt=1)
    beta2: float = Field(default=0.95, ge=0, lt=1)
    muon_learning_rate: float = Field(default=0.02, gt=0, le=1)
    muon_weight_decay: float = Field(default=0.005, ge=0, le=10)
    puzzle_learning_rate: float = Field(default=1e-4, gt=0, le=1)
    puzzle_weight_decay: float = Field(default=1.0, ge=0, le=10)
    schedule: Literal["cosine", "warmup_stable_decay"] = "cosine"
    warmup_steps: int = Field(default=2_000, ge=0)
    decay_share: float = Field(default=0.2, gt=0, le=1)  # last share of the updates; warmup_stable_decay only
    min_learning_rate_ratio: float = Field(default=1.0, ge=0, le=1)  # the decay ends here; 1 keeps the rate constant
    gradient_clip: float | None = Field(default=None, gt=0)  # norm of the whole gradient
    ema_decay: float | None = Field(default=0.999, gt=0, lt=1)  # None: no average is kept
    loss: Literal["stablemax", "softmax"] = "stablemax"
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    halt_loss_weight: float = Field(default=0.5, ge=0, le=10)
    halt_rule: Literal["halt", "halt_over_continue"] = "halt"  # halt_over_continue: HRM's Q-learning, a second pass
    halt_exploration: float = Field(default=0.1, ge=0, le=1)
    step_discount: float = Field(default=1.0, gt=0, le=1)  # of the loss per supervision step (CGAR: 0.7)
    depth_curriculum: tuple[Depth, ...] = ()  # shallower recursions first, arXiv 2511.08653; then the model's own
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    augment: bool = True
    arc_variants: int = Field(default=1000, ge=0, le=10_000)  # of every ARC task, each with a puzzle id of its own
    seed: int = Field(default=0, ge=0, lt=2**63)
    log_every: int = Field(default=50, ge=1)  # optimizer updates
    evaluate_every: int = Field(default=2_000, ge=1)
    evaluate_puzzles: int = Field(default=1_000, ge=1)  # of the validation split, during training
    test_puzzles: int | None = Field(default=None, ge=1)  # of the test split, once at the end; None: all
    keep_best: bool = False  # test and ship the weights that were best on the validation split
    patience: int | None = Field(default=None, ge=1)  # stop after so many evaluations without a better one
    checkpoint_every: int = Field(default=2_000, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ends = [stage.until for stage in self.depth_curriculum]
        if ends != sorted(set(ends)):
            raise ValueError("the stages of depth_curriculum must end one after the other")
        return self


class RunConfig(Frozen):
    """One training, whole: with the data set and the code version it can be repeated."""

    preset: str
    dataset: str
    puzzle: PuzzleSpec
    model: ModelConfig = ModelConfig()
    train: TrainConfig = TrainConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        fixed = self.model.latents in ("multi_scale", "none")
        if self.train.depth_curriculum and fixed:
            raise ValueError(f"a depth_curriculum cannot change the depth of latents={self.model.latents}")
        if self.train.patience is not None and self.puzzle.kind == "arc":
            raise ValueError("ARC has no validation split: patience has nothing to go by")
        return self
