"""The network and its recursion, as an experiment defines them."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from trm.errors import RuleError, require
from trm.puzzles.spec import Frozen


class ModelConfig(Frozen):
    """The network and its recursion. Defaults are the paper's (arXiv 2510.04871, Sudoku)."""

    mixer: Literal["mlp", "attention", "units", "neighbours", "directed_neighbours"] = "mlp"
    """What mixes the tokens. The paper's: an MLP over the token axis, or self-attention. Ours, for puzzles of any size: messages along a
    Sudoku's cells, rows, columns and boxes (`units`), or between the cells of a grid, the same from every side (`neighbours`) or with
    weights for each of the four directions (`directed_neighbours`)."""
    hidden_size: int = Field(default=512, ge=8, le=4096)
    """Channels of every token, D."""
    heads: int = Field(default=8, ge=1, le=64)
    """Attention heads of hidden_size / heads channels, rounded down; attention only."""
    layers: int = Field(default=2, ge=1, le=16)
    """Layers of the network (of each, where there are two)."""
    expansion: float = Field(default=4.0, gt=0, le=16)
    """Inner width of a feed-forward over its outer one: two thirds of it, rounded up to a multiple of 256; exactly it for the mixers
    that are ours."""
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

    # The paper's ablations, and what other official configurations can be.
    positions: Literal["rotary", "learned", "none"] = "rotary"
    """What tells the place of a token: rotary embeddings, in attention only; a learned table that is added to the question; or nothing."""
    networks: Literal["shared", "separate"] = "shared"
    """`separate`: a second network updates the answer, as in HRM."""
    answer_layers: int | None = Field(default=None, ge=1, le=16)
    """Layers of the second network, which updates the answer; as many as the first has if left out."""
    latents: Literal["answer_and_latent", "single", "multi_scale", "none"] = "answer_and_latent"
    """Which states are updated beside the answer: a latent, nothing (`single`), a latent for each latent step, or no recursion at all."""
    scales: int | None = Field(default=None, ge=1, le=32)
    """Latents of `multi_scale`; one for each latent step if left out. Those beyond the latent steps keep their start."""
    gradient_steps: int | None = Field(default=None, ge=1)
    """Latent updates at the end of the last recursion that have a gradient; all if left out, 1 in HRM."""
    experts: int = Field(default=1, ge=1, le=16)
    """Feed-forwards over channels; with several, every token goes to two of them."""
    tied_embeddings: bool = False
    """The answer head is the token embedding."""
    puzzle_width: int | None = Field(default=None, ge=1)
    """Values of a row, spread over the prefix tokens from the first; as many as a token has channels if left out."""
    norm_epsilon: float = Field(default=1e-5, gt=0, lt=1)
    """Added to the mean square before a norm divides by its root."""
    rotary_base: float = Field(default=10_000.0, gt=1)
    """Base of the frequencies of rotary embeddings."""

    # What successors add.
    feed_forward: Literal["swiglu", "normed_swiglu"] = "swiglu"
    """`normed_swiglu` is sigmoid(gate) * norm(gate * up), which suits Muon (arXiv 2601.19085)."""
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
    def puzzle_values(self) -> int:
        """Values of a row of the puzzle embedding table, 0 without a prefix."""
        return (self.puzzle_width or self.hidden_size) if self.prefix_tokens else 0

    @property
    def latent_count(self) -> int:
        """Latents that each puzzle has: scales, hypotheses, or one."""
        return (self.scales or self.latent_steps) if self.latents == "multi_scale" else self.hypotheses

    @property
    def effective_depth(self) -> int:
        """Layers a signal passes in one supervision step: T (n + 1) layers, where both networks have as many."""
        if self.latents == "none":
            return self.layers
        return self.recursions * (self.latent_steps * self.layers + (self.answer_layers or self.layers))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        require(RuleError, *self._list_rules())
        return self

    # fmt: off
    def _list_rules(self) -> Iterator[tuple[object, str, *tuple[str, ...]]]:
        """What is wrong if it is true, what to do about it, and the settings at fault, first the one that most probably is."""
        attends, recursive, several = self.mixer == "attention", self.latents != "none", self.hypotheses > 1
        yield (attends and self.heads > self.hidden_size,
               "hidden_size must be at least heads: a head needs a channel", "heads", "hidden_size")
        yield (attends and self.positions == "rotary" and self.hidden_size // self.heads % 2,
               "rotary embeddings need an even number of channels in a head, hidden_size / heads", "heads", "hidden_size", "positions")
        yield (self.any_size and self.positions == "learned",
               f"mixer={self.mixer} is of no size, and learned positions are: set positions to none", "positions", "mixer")
        yield (self.answer_layers is not None and self.networks == "shared",
               "answer_layers are those of a second network: set networks to separate", "answer_layers", "networks")
        yield (self.puzzle_values > self.prefix_tokens * self.hidden_size,
               "a row of the puzzle embedding must find room in the prefix: puzzle_width is at most prefix_tokens * hidden_size",
               "puzzle_width", "prefix_tokens", "hidden_size")
        yield (self.scales is not None and (self.latents != "multi_scale" or self.scales < self.latent_steps),
               "scales are the latents of latents=multi_scale, one for each latent step at least", "scales", "latents", "latent_steps")
        yield (self.networks == "separate" and self.latents != "answer_and_latent",
               "a second network needs latents=answer_and_latent: it updates the answer, apart from the latent", "networks", "latents")
        yield (self.prefix_tokens == 0 and self.puzzle_ids > 1,
               "several puzzle_ids need prefix_tokens to carry them", "puzzle_ids", "prefix_tokens")
        yield (not recursive and (self.recursions, self.latent_steps) != (1, 1),
               "latents=none is one pass a supervision step: set recursions and latent_steps to 1", "recursions", "latent_steps", "latents")
        if self.gradient_steps is not None:
            yield (self.gradient_steps > self.latent_steps,
                   "gradient_steps cannot exceed latent_steps", "gradient_steps", "latent_steps")
            yield (self.latents in ("multi_scale", "none"),
                   "gradient_steps needs one latent that is updated several times", "gradient_steps", "latents")
        yield (several and self.latents != "answer_and_latent",
               "several hypotheses need latents=answer_and_latent: they share the answer and differ in the latent", "hypotheses", "latents")
        yield (several and self.random_start,
               "hypotheses start at their own fixed latents: drop random_start", "hypotheses", "random_start")
        yield (not recursive and (self.inertia or self.update_noise),
               "inertia and update_noise need a recursion", "inertia", "update_noise", "latents")
        yield (self.any_size and (self.prefix_tokens or self.experts > 1 or self.tied_embeddings),
               f"mixer={self.mixer} has no prefix, no experts and a head of its own: set prefix_tokens to 0, experts to 1",
               "prefix_tokens", "experts", "tied_embeddings", "mixer")
    # fmt: on
