"""Effort: how much computation a request asks of the solver."""

from typing import Literal, Self

from pydantic import Field, model_validator

from trm.config.model import ModelConfig
from trm.errors import ConfigError, RuleError, require
from trm.puzzles.spec import Frozen, PuzzleSpec
from trm.puzzles.symmetries.symmetry import views

MOST_STEPS = 1024  # supervision steps; models are trained with 16
MOST_CHAINS = 256  # rollouts times views


class StoppingRules(Frozen):
    """When chains stop, and whose answer is given: what may differ from request to request about the same chains."""

    max_steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    """Most supervision steps of a chain, also beyond what the model was trained with; its own number if left out."""
    halt_threshold: float | None = Field(default=None, ge=0, le=1)
    """Stop a chain once its halt probability reaches this; never, if left out."""
    stable_steps: int | None = Field(default=None, ge=1, le=MOST_STEPS)
    """Stop a chain once this many steps in a row have changed no cell."""
    until_verified: bool = False
    """Stop at the first answer, of any chain, that the rules accept, and not before the end of the budget otherwise."""
    choose: Literal["halt_probability", "votes", "first"] = "halt_probability"
    """Whose answer is given: the surest chain's, the most frequent one, or the first chain's to halt."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        halts_early = self.halt_threshold is not None or self.stable_steps is not None
        require(
            RuleError,
            (self.until_verified and halts_early,
             "until_verified continues until the rules agree: drop halt_threshold and stable_steps", "until_verified"),
            (self.choose == "first" and not halts_early,
             "choose=first takes the first chain to halt: set halt_threshold or stable_steps", "choose"),
        )  # fmt: skip
        return self


class Effort(StoppingRules):
    """Every puzzle is solved in `rollouts` x `views` chains; a chain stops by itself, or at the end of the budget.

    Without any halting rule every chain takes the whole budget, as in the paper's evaluation.
    """

    restart_steps: int | None = Field(default=None, ge=2, le=MOST_STEPS)
    """Begin a chain again from another random start after this many steps without an answer that the rules accept."""
    guess_every: int | None = Field(
        default=None,
        ge=1,
        le=MOST_STEPS,
        description="Fill in an undecided cell of a Sudoku every N steps, drawn from the chain's own probabilities, as if it "
        "were given; guesses begin after the second restart, after a quarter of each round, and the next restart takes them back.",
    )
    rollouts: int = Field(default=1, ge=1, le=MOST_CHAINS)
    """Chains that differ in their noise (arXiv 2605.19943)."""
    noise: float = Field(default=0.0, ge=0, le=10)
    """Deviation of the noise added to the latent before every step."""
    views: int = Field(default=1, ge=1, le=MOST_CHAINS)
    """Symmetric images of the puzzle; answers are mapped back."""
    seed: int = Field(default=0, ge=0, lt=2**31)
    """Of noise and views: the same seed gives the same answers."""

    @property
    def chains(self) -> int:
        """Number of chains per puzzle."""
        return self.rollouts * self.views

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        require(
            RuleError,
            (self.restart_steps is not None and not self.until_verified,
             "restart_steps restarts until the rules agree: set until_verified", "restart_steps"),
            (self.guess_every is not None and self.restart_steps is None,
             "a wrong guess is only taken back by a restart: set restart_steps", "guess_every"),
            (self.chains > MOST_CHAINS, f"rollouts times views may be at most {MOST_CHAINS}", "rollouts", "views"),
        )  # fmt: skip
        return self

    def continue_under(self, rules: StoppingRules, budget: int) -> Self:
        """The same chains under other stopping rules, with this budget where the rules name none.

        Chains that restart do so until the rules of the puzzle agree; raises ConfigError for rules that would stop them before.
        """
        if self.restart_steps is not None and (rules.halt_threshold is not None or rules.stable_steps is not None):
            raise ConfigError(
                "These chains begin again until the rules agree: drop halt_threshold and stable_steps.",
                "stable_steps" if rules.halt_threshold is None else "halt_threshold",
            )
        chains = self.model_dump(exclude=set(StoppingRules.model_fields))
        stopping = rules.model_dump(include=set(StoppingRules.model_fields)) | {"max_steps": rules.max_steps or budget}
        return type(self)(**chains, **stopping | ({"until_verified": True} if self.restart_steps else {}))

    def require_possible(self, spec: PuzzleSpec, model: ModelConfig) -> None:
        """Raise ConfigError when this kind of puzzle or this model cannot do what is asked."""
        known = len(views(spec, self.views, self.seed)) if self.views > 1 else 1
        require(
            ConfigError,
            (self.until_verified and not spec.has_rules,
             f"Puzzles of kind {spec.kind!r} have no rules to verify by: drop until_verified, or declare rules of the data set.",
             "until_verified"),
            (self.restart_steps is not None and not model.random_start,
             "This model always starts alike, so that a restart would change nothing: drop restart_steps.", "restart_steps"),
            (self.guess_every is not None and spec.kind != "sudoku",
             f"Only a Sudoku has cells to guess, not a puzzle of kind {spec.kind!r}: drop guess_every.", "guess_every"),
            (known < self.views,
             f"There are {known} symmetric views of a {spec.rows}x{spec.cols} {spec.kind}, not {self.views}. Ask for fewer.", "views"),
            (self.rollouts > 1 and not self.noise and not model.random_start,
             "Rollouts without noise would all be the same: set noise (0.3 suits Sudoku), or rollouts to 1.", "rollouts"),
        )  # fmt: skip


HALTING = Effort(halt_threshold=0.5)  # where training halts
SEARCH = Effort(max_steps=512, until_verified=True, restart_steps=8, guess_every=1)
RETRYING = Effort(max_steps=256, until_verified=True, restart_steps=12)  # what has rules and no cells to guess


def usual_effort(spec: PuzzleSpec, model: ModelConfig) -> Effort:
    """How hard to think where nothing was asked: until the rules agree where every start differs, else up to a halt probability of 1/2."""
    if not (spec.has_rules and model.random_start):
        return HALTING
    return SEARCH if spec.kind == "sudoku" else RETRYING
