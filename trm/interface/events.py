"""Events of a training, one frozen record per kind.

`as_json` writes the line format of `trm train --events`, `parse` reads it.
"""

from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, ClassVar, get_args

from pydantic import TypeAdapter

from trm.json_text import from_json, to_json


@dataclass(frozen=True)
class Record:
    """Root of all events; `name` is the value of the field "event" in JSON."""

    name: ClassVar[str]

    def as_dict(self) -> dict[str, Any]:
        """The event's fields with its name first."""
        return {"event": self.name} | asdict(self)

    def as_json(self) -> str:
        """One line of JSON."""
        return to_json(self.as_dict())


@dataclass(frozen=True)
class Started(Record):
    """The first event of every attempt."""

    name = "started"
    step: int
    total_steps: int
    parameters: int
    device: str
    precision: str
    resumed_from: int | None
    train_puzzles: int
    validation_puzzles: int
    test_puzzles: int
    overlap: int | None  # test puzzles equivalent to a training puzzle; of ARC those equal to a pair that is trained on


@dataclass(frozen=True)
class Updated(Record):
    """One optimizer update was made, and all that was due with it was told; the caller may save, stop, or continue."""

    name = "updated"
    step: int


@dataclass(frozen=True)
class StepMetrics(Record):
    """Means over the updates since the last such event.

    The lists have one entry per supervision step 1..N: slots seen at that step, share of them that halted there, their mean
    halt probability, share exactly right; None where no slot was. The accuracies are over puzzles that halted.
    """

    name = "step"
    step: int
    seconds: float  # of this attempt so far
    loss: float
    lm_loss: float
    halt_loss: float
    learning_rate: float
    puzzles_finished: int
    puzzles_per_second: float
    exact_accuracy: float | None
    cell_accuracy: float | None
    halt_accuracy: float | None
    mean_supervision_steps: float | None
    slots: list[int]
    halted: list[float | None]
    halt_probability: list[float | None]
    step_exact_accuracy: list[float | None]


@dataclass(frozen=True)
class Evaluating(Record):
    """The training waits for an evaluation: how far it is, every few seconds. The caller may stop, and it is made again when resumed."""

    name = "evaluating"
    step: int
    split: str
    n: int
    through: int  # of the n puzzles


@dataclass(frozen=True)
class Evaluated(Record):
    """Accuracy on held-out puzzles after the full number of supervision steps: of the validation split during training, with the
    averaged weights, and of the test split once at the end, with those that are shipped.

    The lists have one entry per supervision step 1..N: share of puzzles whose halt probability has passed one half by then,
    mean halt probability, share exactly right. `mean_supervision_steps` is when halting at one half would stop.
    `n` puzzles have a known answer, and only they are scored.
    """

    name = "evaluated"
    step: int
    split: str
    n: int
    seconds: float
    exact_accuracy: float | None  # None where no puzzle has an answer to compare with
    cell_accuracy: float | None
    verified: float | None  # share whose answer obeys the rules; None for kinds without rules
    halt_accuracy: float | None
    mean_supervision_steps: float
    halted: list[float]
    halt_probability: list[float]
    step_exact_accuracy: list[float | None]
    report: dict[str, Any] | None = None  # of the test split, as trm.interface.report says

    def summary(self) -> dict[str, float | None]:
        """The figures that a checkpoint's metrics repeat."""
        names = ("exact_accuracy", "cell_accuracy", "verified", "mean_supervision_steps")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class CheckpointSaved(Record):
    """A checkpoint is complete on disk."""

    name = "checkpoint"
    step: int
    path: str
    bytes: int
    digest: str  # sha256 of its meta.json, which holds the digests of the other files
    seconds: float
    metrics: dict[str, float | None]


@dataclass(frozen=True)
class CheckpointFailed(Record):
    """There was no room for a checkpoint; the training continues without it."""

    name = "checkpoint_failed"
    step: int
    code: str
    message: str


@dataclass(frozen=True)
class Finished(Record):
    """All updates are made."""

    name = "finished"
    step: int
    seconds: float
    exact_accuracy: float | None
    peak_bytes: int  # the most memory that the process has had, on the GPU if it used one


@dataclass(frozen=True)
class Stopped(Record):
    """The training was asked to stop and saved a checkpoint first."""

    name = "stopped"
    step: int


@dataclass(frozen=True)
class Failed(Record):
    """The training ended with an error."""

    name = "failed"
    code: str
    message: str


@dataclass(frozen=True)
class Unknown(Record):
    """An event of a newer version, kept unchanged."""

    name = "unknown"
    kind: str
    fields: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The event's fields with its name first."""
        return {"event": self.kind} | self.fields


Progress = Started | Updated | StepMetrics | Evaluating | Evaluated
FinalEvent = Finished | Stopped | Failed
Event = Progress | CheckpointSaved | CheckpointFailed | FinalEvent | Unknown


def parse(line: str) -> Event:
    """The event of one line of JSON, fields that this version does not know left out; raises ValueError when it is none."""
    document = from_json(line)
    if not isinstance(document, dict) or not isinstance(kind := document.pop("event", None), str):
        raise ValueError(f"This is not an event: {line[:100]!r}")
    adapter = _make_adapters().get(kind)
    return adapter.validate_python(document) if adapter else Unknown(kind, document)


@cache
def _make_adapters() -> dict[str, TypeAdapter[Event]]:
    return {kind.name: TypeAdapter(kind) for kind in get_args(Event) if kind is not Unknown}
