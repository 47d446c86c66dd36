"""Models that ship with the service, with what was measured of them."""

from typing import Self

from pydantic import Field

from services.gateway.schemas.base import Response
from trm.interface.measured import Count
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
    """What it achieves when it thinks until the rules agree, and the compute that this takes."""

    effort: dict[str, bool | int | float | str] = Field(description="The settings of a solve job that asks for it.")
    verified: int | None = Field(description="Answers that obey the rules.")
    mean_total_steps: float = Field(description="Supervision steps of all chains of a puzzle.")


class Model(Response):
    """A shipped model: give its name as `model` of a solve job."""

    name: str
    puzzle: PuzzleSpec
    dataset: str
    preset: str
    parameters: int
    bytes: int
    licence: str
    cost: str = Field(description="Of the training.")
    test: Accuracy = Field(description="In one pass of all supervision steps, as in the paper.")
    step_exact_accuracy: list[float] = Field(description="After each supervision step of that pass.")
    calibration_error: float = Field(description="Mean distance of halt probability and share right.")
    harder: ThinkingHarder | None = Field(description="Null for puzzles without rules.")
    links: dict[str, str]

    @classmethod
    def of(cls, model: Pretrained) -> Self:
        """The card of this model."""
        measured = model.measured
        return cls(
            name=model.name,
            puzzle=model.config.puzzle,
            dataset=model.config.dataset,
            preset=model.config.preset,
            parameters=model.parameters,
            bytes=model.bytes,
            licence=model.licence,
            cost=model.cost,
            test=Accuracy.of(measured.exact),
            step_exact_accuracy=[right / measured.exact.n for right in measured.step_exact],
            calibration_error=measured.calibration_error,
            harder=_harder(model),
            links={"self": f"/v1/models/{model.name}"},
        )


def _harder(model: Pretrained) -> ThinkingHarder | None:
    way = model.measured.harder
    if way is None:
        return None
    return ThinkingHarder(
        **Accuracy.of(way.exact).model_dump(),
        effort=way.effort,
        verified=way.verified,
        mean_total_steps=way.mean_total_steps,
    )


class ModelList(Response):
    """All shipped models; there are few, so one page holds them."""

    data: list[Model]
