"""Optimisation, logging and evaluation, as an experiment defines them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from trm.errors import RuleError
from trm.puzzles.spec import Frozen


class Depth(Frozen):
    """A stage of a depth curriculum: so deep until this share of all updates is made."""

    until: float = Field(gt=0, le=1)
    """Share of all updates at which the stage ends; after one that ends at 1, the model solves at a depth that it was not trained at."""
    recursions: int = Field(ge=1, le=32)
    """Recursions in a supervision step, T; all but the last without gradient."""
    latent_steps: int = Field(ge=1, le=32)
    """Updates of the latent in one recursion, n."""


class TrainConfig(Frozen):
    """Optimisation, logging and evaluation. Defaults are the official Sudoku recipe."""

    steps: int = Field(default=65_104, ge=1, le=100_000_000)
    """Optimizer updates."""
    batch_size: int = Field(default=768, ge=1, le=65_536)
    """Slots: puzzles that are processed at once; with several `starts`, chains."""
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
    puzzle_learning_rate: float = Field(default=1e-4, gt=0, le=1)
    """Learning rate of the puzzle embedding, trained by sign-SGD."""
    puzzle_weight_decay: float = Field(default=1.0, ge=0, le=10)
    """Weight decay of the rows of the puzzle embedding that a batch touched."""
    warmup_steps: int = Field(default=2_000, ge=0)
    """Updates over which the learning rate rises linearly."""
    min_learning_rate_ratio: float = Field(default=1.0, ge=0, le=1)
    """Where the decay ends, as a share of the peak; 1 keeps the rate constant."""
    ema_decay: float | None = Field(default=0.999, gt=0, lt=1)
    """Decay of the moving average of the weights, which is evaluated and shipped; none is kept for null."""
    loss: Literal["stablemax", "softmax"] = "stablemax"
    """`stablemax` grows linearly where softmax grows exponentially (arXiv 2501.04697)."""
    halt_loss_weight: float = Field(default=0.5, ge=0, le=10)
    """Weight of the halting loss against that of the answer."""
    halt_exploration: float = Field(default=0.1, ge=0, le=1)
    """Chance that a puzzle may not halt before a random step."""
    precision: Literal["float32", "bfloat16"] = "bfloat16"
    """Of activations; weights are kept in float32. A device that would have to emulate bfloat16 computes in float32."""
    augment: bool = True
    """Put every puzzle through a random symmetry of its kind as it enters a slot."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Of weights, order, augmentation, exploration and noise."""

    # When to log, evaluate and save.
    log_every: int = Field(default=50, ge=1)
    """Optimizer updates between two rows of the curve."""
    evaluate_every: int = Field(default=2_000, ge=1)
    """Optimizer updates between two validations."""
    evaluate_puzzles: int = Field(default=1_000, ge=1)
    """Puzzles of the validation split that are taken."""
    test_puzzles: int | None = Field(default=None, ge=1)
    """Puzzles of the test split that are answered, once at the end; all if left out."""
    checkpoint_every: int = Field(default=2_000, ge=1)
    """Optimizer updates between two checkpoints."""
    keep_best: bool = False
    """Test and ship the weights that were best on the validation split."""
    patience: int | None = Field(default=None, ge=1)
    """Stop after this many evaluations without a better one; never if left out."""

    # HRM, ARC, and little memory.
    halt_rule: Literal["halt", "halt_over_continue"] = "halt"
    """`halt_over_continue` is HRM's Q-learning, which needs a second pass."""
    arc_variants: int = Field(default=1000, ge=0, le=10_000)
    """Variants of every ARC task, each with a puzzle id of its own."""
    gradient_checkpointing: bool = False
    """Keep less for the backward pass and compute it again: slower by up to a third, for a larger batch in the same memory."""

    # What successors add, and what is ours.
    muon_learning_rate: float = Field(default=0.02, gt=0, le=1)
    """Peak learning rate of the matrices that Muon takes."""
    muon_weight_decay: float = Field(default=0.005, ge=0, le=10)
    """Weight decay of the matrices that Muon takes."""
    schedule: Literal["cosine", "warmup_stable_decay"] = "cosine"
    """How the learning rate falls after the warm-up: by a cosine, or linearly over the last share only."""
    decay_share: float = Field(default=0.2, gt=0, le=1)
    """Last share of the updates, over which the rate falls; `warmup_stable_decay` only."""
    gradient_clip: float | None = Field(default=None, gt=0)
    """Largest norm of the whole gradient; no limit if left out."""
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    """Share of the target that is spread over the vocabulary."""
    step_discount: float = Field(default=1.0, gt=0, le=1)
    """The loss of supervision step k is weighted with this to the power k - 1 (arXiv 2511.08653: 0.7)."""
    depth_curriculum: tuple[Depth, ...] = ()
    """Shallower recursions first, then the model's own depth (arXiv 2511.08653)."""
    target: Literal["label", "closest_path"] = "label"
    """What an answer is compared with, in loss and accuracy of the training: the label, or of a maze's shortest paths the one that the
    answer is closest to, for a body that cannot know which one is labelled."""
    reveal: float = Field(default=0.0, ge=0, le=1)
    """Largest share of a Sudoku's blanks that are filled in as it enters a slot; each puzzle draws its own share below it. It falls
    linearly to nothing by `reveal_until`, so that easier puzzles come first."""
    reveal_until: float = Field(default=0.5, gt=0, le=1)
    """Share of all updates at which nothing is revealed."""
    hard_share: float | None = Field(default=None, ge=0, le=1)
    """Share of the training puzzles that are drawn from those rated `hard_rating` or more; as they come if left out."""
    hard_rating: int = Field(default=1, ge=1)
    """Rating from which a puzzle counts as hard."""
    starts: int = Field(default=1, ge=1, le=64)
    """Chains of each puzzle, from different random starts; after each supervision step the one that is closest to the answer is trained
    (winner takes all), so that chains dare to guess, and differently. A batch then holds `batch_size / starts` puzzles."""
    also: tuple[str, ...] = ()
    """Built-in data sets of other sizes that every update trains on as well, for a model of any size, with as many slots for each."""

    @property
    def puzzles(self) -> int:
        """Puzzles in a batch."""
        return self.batch_size // self.starts

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        ends = [stage.until for stage in self.depth_curriculum]
        if ends != sorted(set(ends)):
            raise RuleError("the stages of depth_curriculum must end one after the other", "depth_curriculum")
        return self
