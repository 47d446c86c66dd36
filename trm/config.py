"""What defines an experiment: frozen, complete, stored whole in every run and checkpoint."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["sudoku", "maze", "arc", "grid"]
CompileChoice = Literal[
    "auto", "always", "never"
]  # of the network's kernels, by whoever runs it: no part of an experiment


class Frozen(BaseModel):
    """Immutable, and refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


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

    mixer: Literal["mlp", "attention", "units", "neighbours", "directed_neighbours"] = "mlp"
    """What mixes the tokens. The paper's: an MLP over the token axis, or self-attention with rotary embeddings. Ours, for puzzles of any
    size: messages along a Sudoku's cells, rows, columns and boxes (`units`), or between the cells of a grid, the same from every side
    (`neighbours`) or with weights for each of the four directions (`directed_neighbours`)."""
    feed_forward: Literal["swiglu", "normed_swiglu"] = "swiglu"
    """`normed_swiglu` is sigmoid(gate) * norm(gate * up), which suits Muon (arXiv 2601.19085)."""
    experts: int = Field(default=1, ge=1, le=16)
    """Feed-forwards over channels; with several, every token goes to two of them."""
    latents: Literal["answer_and_latent", "single", "multi_scale", "none"] = "answer_and_latent"
    """What thinks beside the answer: a latent, nothing (`single`), a latent for each latent step, or no recursion at all."""
    networks: Literal["shared", "separate"] = "shared"
    """`separate`: a second network updates the answer, as in HRM."""
    gradient_steps: int | None = Field(default=None, ge=1)
    """Latent updates at the end of the last recursion that have a gradient; all if left out, 1 in HRM."""
    hidden_size: int = Field(default=512, ge=8, le=4096)
    """Channels of every token, D."""
    heads: int = Field(default=8, ge=1, le=64)
    """Attention heads; attention only."""
    layers: int = Field(default=2, ge=1, le=16)
    """Layers of the network (of each, where there are two)."""
    expansion: float = Field(default=4.0, gt=0, le=16)
    """Inner width of a feed-forward over its outer one: two thirds of it, rounded up to a multiple of 256; exactly it for the mixers
    that are ours."""
    tied_embeddings: bool = False
    """The answer head is the token embedding."""
    latent_steps: int = Field(default=6, ge=1, le=32)
    """Updates of the latent in one recursion, n."""
    recursions: int = Field(default=3, ge=1, le=32)
    """Recursions in a supervision step, T; all but the last without gradient."""
    max_supervision_steps: int = Field(default=16, ge=1, le=64)
    """How often an answer may be improved, N_sup."""
    prefix_tokens: int = Field(default=16, ge=0, le=64)
    """Tokens before the grid: the puzzle embedding, and scratch space beside it, P."""
    puzzle_ids: int = Field(default=1, ge=1)
    """Rows of the puzzle embedding table; ARC has one for every variant of every task."""
    hypotheses: int = Field(default=1, ge=1, le=16)
    """Latents that compete for each puzzle, K; the best one is trained (arXiv 2601.19085)."""
    random_start: bool = False
    """States start at fresh random values for every puzzle (arXiv 2605.21488)."""
    inertia: float = Field(default=0.0, ge=0, lt=1)
    """Share of the old value that an update keeps (arXiv 2605.21488: 0.05)."""
    update_noise: float = Field(default=0.0, ge=0, le=1)
    """Deviation of the noise added to every update in training (arXiv 2605.21488: 0.01)."""

    @property
    def any_size(self) -> bool:
        """Whether the weights depend on no size, so that they answer every puzzle of their kind."""
        return self.mixer in ("units", "neighbours", "directed_neighbours")

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
            (
                self.any_size and (self.prefix_tokens or self.experts > 1 or self.tied_embeddings),
                f"mixer={self.mixer} has no prefix, no experts and a head of its own: set prefix_tokens to 0, experts to 1",
            ),
        ):
            if wrong:
                raise ValueError(sentence)
        return self


class Depth(Frozen):
    """A stage of a depth curriculum: so deep until this share of all updates is made."""

    until: float = Field(gt=0, lt=1)
    """Share of all updates at which the stage ends."""
    recursions: int = Field(ge=1, le=32)
    """Recursions in a supervision step, T; all but the last without gradient."""
    latent_steps: int = Field(ge=1, le=32)
    """Updates of the latent in one recursion, n."""


class TrainConfig(Frozen):
    """Optimisation, logging and evaluation. Defaults are the official Sudoku recipe."""

    steps: int = Field(default=65_104, ge=1, le=100_000_000)
    """Optimizer updates."""
    batch_size: int = Field(default=768, ge=1, le=65_536)
    """Slots: puzzles that are thought about at once."""
    optimizer: Literal["adam_atan2", "adamw", "muon"] = "adam_atan2"
    """`muon` takes the matrices of the blocks and leaves embeddings and heads to AdamW."""
    learning_rate: float = Field(default=1e-4, gt=0, le=1)
    """Peak learning rate; with Muon that of the rest."""
    weight_decay: float = Field(default=1.0, ge=0, le=10)
    """Decoupled weight decay, of every parameter."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the first moment."""
    beta2: float = Field(default=0.95, ge=0, lt=1)
    """Decay of the second moment."""
    muon_learning_rate: float = Field(default=0.02, gt=0, le=1)
    """Peak learning rate of the matrices that Muon takes."""
    muon_weight_decay: float = Field(default=0.005, ge=0, le=10)
    """Weight decay of the matrices that Muon takes."""
    puzzle_learning_rate: float = Field(default=1e-4, gt=0, le=1)
    """Learning rate of the puzzle embedding, trained by sign-SGD."""
    puzzle_weight_decay: float = Field(default=1.0, ge=0, le=10)
    """Weight decay of the rows of the puzzle embedding that a batch touched."""
    schedule: Literal["cosine", "warmup_stable_decay"] = "cosine"
    """How the learning rate falls after the warm-up: by a cosine, or linearly over the last share only."""
    warmup_steps: int = Field(default=2_000, ge=0)
    """Updates over which the learning rate rises linearly."""
    decay_share: float = Field(default=0.2, gt=0, le=1)
    """Last share of the updates, over which the rate falls; `warmup_stable_decay` only."""
    min_learning_rate_ratio: float = Field(default=1.0, ge=0, le=1)
    """Where the decay ends, as a share of the peak; 1 keeps the rate constant."""
    gradient_clip: float | None = Field(default=None, gt=0)
    """Largest norm of the whole gradient; no limit if left out."""
    ema_decay: float | None = Field(default=0.999, gt=0, lt=1)
    """Decay of the moving average of the weights, which is evaluated and shipped; none is kept for null."""
    loss: Literal["stablemax", "softmax"] = "stablemax"
    """`stablemax` grows linearly where softmax grows exponentially (arXiv 2501.04697)."""
    target: Literal["label", "closest_path"] = "label"
    """What an answer is compared with, in loss and accuracy of the training: the label, or of a maze's shortest paths the one that the
    answer is closest to, for a body that cannot know which one is labelled."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that is spread over the vocabulary."""
    halt_loss_weight: float = Field(default=0.5, ge=0, le=10)
    """Weight of the halting loss against that of the answer."""
    halt_rule: Literal["halt", "halt_over_continue"] = "halt"
    """`halt_over_continue` is HRM's Q-learning, which needs a second pass."""
    halt_exploration: float = Field(default=0.1, ge=0, le=1)
    """Chance that a puzzle may not halt before a random step."""
    step_discount: float = Field(default=1.0, gt=0, le=1)
    """The loss of supervision step k is weighted with this to the power k - 1 (arXiv 2511.08653: 0.7)."""
    depth_curriculum: tuple[Depth, ...] = ()
    """Shallower recursions first, then the model's own depth (arXiv 2511.08653)."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of activations; weights are kept in float32. A device that would have to emulate bfloat16 computes in float32."""
    gradient_checkpointing: bool = False
    """Keep less for the backward pass and compute it again: slower by up to a third, for a larger batch in the same memory."""
    augment: bool = True
    """Put every puzzle through a random symmetry of its kind as it enters a slot."""
    reveal: float = Field(default=0.0, ge=0, le=1)
    """Largest share of a Sudoku's blanks that are filled in as it enters a slot; each puzzle draws its own share below it. It falls
    linearly to nothing by `reveal_until`, so that easier puzzles come first."""
    reveal_until: float = Field(default=0.5, gt=0, le=1)
    """Share of all updates at which nothing is revealed."""
    hard_share: float | None = Field(default=None, ge=0, le=1)
    """Share of the training puzzles that are drawn from those rated `hard_rating` or more; as they come if left out."""
    hard_rating: int = Field(default=1, ge=1)
    """Rating from which a puzzle counts as hard."""
    arc_variants: int = Field(default=1000, ge=0, le=10_000)
    """Variants of every ARC task, each with a puzzle id of its own."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Of weights, order, augmentation, exploration and noise."""
    log_every: int = Field(default=50, ge=1)
    """Optimizer updates between two rows of the curve."""
    evaluate_every: int = Field(default=2_000, ge=1)
    """Optimizer updates between two validations."""
    evaluate_puzzles: int = Field(default=1_000, ge=1)
    """Puzzles of the validation split that are taken."""
    test_puzzles: int | None = Field(default=None, ge=1)
    """Puzzles of the test split that are answered, once at the end; all if left out."""
    keep_best: bool = False
    """Test and ship the weights that were best on the validation split."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after so many evaluations without a better one; never if left out."""
    checkpoint_every: int = Field(default=2_000, ge=1)
    """Optimizer updates between two checkpoints."""

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
        if (self.model.mixer == "units") > (self.puzzle.kind == "sudoku"):
            raise ValueError("mixer=units passes messages along the units of a Sudoku: use neighbours for other grids")
        if self.model.mixer == "units" and self.train.label_smoothing:
            raise ValueError("mixer=units knows which symbols a cell cannot hold: set label_smoothing to 0")
        if self.model.any_size and self.train.label_smoothing and self.puzzle.kind == "maze":
            raise ValueError(
                f"mixer={self.model.mixer} knows what a maze's cell cannot become: set label_smoothing to 0"
            )
        if self.train.reveal and self.puzzle.kind != "sudoku":
            raise ValueError("only the blanks of a Sudoku can be revealed: set train.reveal to 0")
        if self.train.target == "closest_path" and self.puzzle.kind != "maze":
            raise ValueError("only a maze has several answers: set train.target to label")
        if self.train.hard_share is not None and self.puzzle.kind == "arc":
            raise ValueError("ARC has no ratings: leave train.hard_share out")
        fixed = self.model.latents in ("multi_scale", "none")
        if self.train.depth_curriculum and fixed:
            raise ValueError(f"a depth_curriculum cannot change the depth of latents={self.model.latents}")
        if self.train.patience is not None and self.puzzle.kind == "arc":
            raise ValueError("ARC has no validation split: patience has nothing to go by")
        return self
