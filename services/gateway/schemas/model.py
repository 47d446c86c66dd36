"""Models that ship with the service, with what was measured of them."""

from datetime import datetime
from typing import Self

from pydantic import Field

from services.gateway.schemas.base import Request, Response, examples
from services.registry.db import tables
from trm.interface.measured import Bin, Count
from trm.interface.pretrained import Pretrained
from trm.puzzles.spec import PuzzleSpec


class Accuracy(Response):
    """Puzzles of the test split that were exactly right."""

    right: int
    n: int
    exact_accuracy: float
    interval: tuple[float, float] = Field(description="Where the true accuracy is, with 95 % confidence (Wilson).")

    @classmethod
    def of(cls, count: Count) -> Self:
        """The share of this count."""
        return cls(right=count.right, n=count.n, exact_accuracy=count.share, interval=count.interval)


class ThinkingHarder(Accuracy):
    """Accuracy with computation until the rules accept the answer, and its cost."""

    effort: dict[str, bool | int | float | str] = Field(description="The settings of a solve job that asks for it.")
    verified: int | None = Field(description="Answers that obey the rules.")
    mean_total_steps: float = Field(description="Supervision steps of all chains of a puzzle.")


class Model(Response):
    """A shipped model: give its name as `model` of a solve job."""

    name: str
    puzzle: PuzzleSpec
    any_size: bool = Field(description="Whether it answers puzzles of every size of their kind, not of this one alone.")
    random_start: bool = Field(description="Whether it begins at random, so that `restart_steps` and rollouts differ.")
    dataset: str
    preset: str
    parameters: int
    bytes: int
    licence: str
    cost: str = Field(description="Of the training.")
    test: Accuracy = Field(description="In one pass of all supervision steps, as in the paper.")
    step_exact_accuracy: list[float] = Field(description="After each supervision step of that pass.")
    calibration: list[Bin] = Field(description="Halt probability against being right, over all steps of that pass.")
    calibration_error: float = Field(description="Mean distance of halt probability and share right.")
    harder: ThinkingHarder | None = Field(description="Null for puzzles without rules.")
    links: dict[str, str]

    @classmethod
    def of(cls, model: Pretrained) -> Self:
        """The card of this model."""
        measured, harder = model.measured, model.measured.harder
        return cls.from_row(
            model,
            puzzle=model.config.puzzle,
            any_size=model.config.model.any_size,
            random_start=model.config.model.random_start,
            dataset=model.config.dataset,
            preset=model.config.preset,
            test=Accuracy.of(measured.exact),
            step_exact_accuracy=[right / measured.exact.n for right in measured.step_exact],
            calibration=list(measured.calibration),
            calibration_error=measured.calibration_error,
            harder=harder and ThinkingHarder.from_row(harder, **Accuracy.of(harder.exact).model_dump()),
            links={"self": f"/v1/models/{model.name}"},
        )


class ModelVersion(Response):
    """What a name points at, or has pointed at."""

    name: str
    version: int = Field(description="From 1; the newest is what the name means.")
    checkpoint_id: str
    created_at: datetime
    links: dict[str, str]

    @classmethod
    def of(cls, row: tables.ModelVersion) -> Self:
        """The version of this row."""
        home = f"/v1/models/{row.name}"
        links = {"self": home, "versions": f"{home}/versions", "checkpoint": f"/v1/checkpoints/{row.checkpoint_id}"}
        return cls.from_row(row, links=links)


class Promotion(Request):
    """A name, and the checkpoint that it is to point at."""

    model_config = examples({"name": "sudoku-prod", "checkpoint": "ckpt_01934e0c5f3b7c2aa1b2c3d4e5f60718"})

    name: str = Field(
        pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$",  # no id looks like that
        description="Small letters, digits, dots and dashes.",
    )
    checkpoint: str = Field(max_length=100, description="Id of a checkpoint, or of a run: then its newest one.")


class ModelList(Response):
    """Models: those that ship, and those that checkpoints were promoted to."""

    data: list[Model] = Field(description="Shipped ones; there are few, and the first page holds them.")
    promoted: list[ModelVersion] = Field(description="A page of your own, by name: what each points at.")
    next_cursor: str | None = Field(default=None, description="Ask for the next page with this; null on the last page.")
    has_more: bool = Field(description="Whether there are more promoted ones.")
