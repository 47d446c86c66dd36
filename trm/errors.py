"""Every error that trm raises, each with a stable code.

The message is a sentence for a person: what was wrong, then what to do. Codes never change once released.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

Path = tuple[str | int, ...]  # to a value, from the outside in: ("puzzles", 3)


class CodedError(Exception):
    """Root of all trees; `code` is for programs, the message for people.

    `fields` are the parts of the input that are at fault, each with the path to it where it is nested.
    """

    code: str  # abstract errors have none

    def __init_subclass__(cls, *, code: str | None = None) -> None:
        if code is not None:
            cls.code = code

    def __init__(self, message: str = "", *fields: str | Path) -> None:
        super().__init__(message)
        self.fields: tuple[Path, ...] = tuple((field,) if isinstance(field, str) else field for field in fields)

    def locate(self, field: str) -> None:
        """Note that the input which was read came from this field."""
        self.fields = tuple((field, *path) for path in self.fields or ((),))


class RuleError(ValueError):
    """A rule between several fields of one model is broken; pydantic keeps the error, and with it their names.

    `fields` begin with the one that is most probably at fault.
    """

    def __init__(self, message: str, *fields: str) -> None:
        super().__init__(message)
        self.fields = fields


def require(error: "type[RuleError | CodedError]", *rules: tuple[object, str, *tuple[str, ...]]) -> None:
    """Raise the error of the first rule that is broken: what is wrong if it is true, a sentence, and the fields at fault."""
    for wrong, sentence, *fields in rules:
        if wrong:
            raise error(sentence, *fields)


class TrmError(CodedError):
    """Root of what trm raises."""


class ConfigError(TrmError, code="config_invalid"):
    """A configuration value is missing, unknown or out of range."""


class UnknownPreset(ConfigError, code="preset_unknown"):
    """No preset has this name."""


class InvalidOverride(ConfigError, code="override_invalid"):
    """An override names no setting, or gives it a value that it cannot take."""


class PuzzleError(TrmError, code="puzzle_invalid"):
    """A puzzle cannot be used as it was given."""


class WrongGridSize(PuzzleError, code="puzzle_wrong_size"):
    """The grid has another number of rows, columns or cells than the model or data set expects."""


class UnknownSymbol(PuzzleError, code="puzzle_unknown_symbol"):
    """A cell holds a symbol outside the vocabulary."""


class ContradictoryGivens(PuzzleError, code="puzzle_contradictory"):
    """Two givens break a rule between them."""


class UnsolvablePuzzle(PuzzleError, code="puzzle_unsolvable"):
    """No answer satisfies the rules."""


class MultipleSolutions(PuzzleError, code="puzzle_multiple_solutions"):
    """More than one answer satisfies the rules."""


class PuzzleTooHard(PuzzleError, code="puzzle_too_hard"):
    """The exact solver gave up within its budget of guesses."""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one row of a data file; `row` counts data rows from 1."""

    row: int
    code: str
    message: str


class DatasetError(TrmError, code="dataset_malformed"):
    """A data file cannot be used; `problems` lists the bad rows, at most `LISTED` of them."""

    LISTED: ClassVar[int] = 100

    def __init__(self, message: str, problems: Sequence[RowProblem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems[: self.LISTED])


class UnknownDataset(DatasetError, code="dataset_unknown"):
    """No data set has this name."""


class UnknownModel(TrmError, code="model_unknown"):
    """No model of this name ships with the package."""


class CarryInvalid(TrmError, code="carry_invalid"):
    """The carry of a solve cannot be read, or is not of this model, puzzle or effort."""


class CheckpointError(TrmError, code="checkpoint_invalid"):
    """A checkpoint cannot be used."""


class CheckpointNotFound(CheckpointError, code="checkpoint_not_found"):
    """There is no checkpoint at this place."""


class CorruptCheckpoint(CheckpointError, code="checkpoint_corrupt"):
    """A file of the checkpoint is missing, cut short, or differs from its recorded digest."""


class ForeignCheckpoint(CheckpointError, code="checkpoint_foreign"):
    """The files are readable, but were not written by this software or for this model."""


class SeveralRuns(CheckpointError, code="checkpoint_of_another_run"):
    """A folder holds checkpoints of another training, or of several: the wrong one could be resumed."""


class StorageFull(TrmError, code="storage_full"):
    """The disk or bucket has no room left; nothing partial was kept."""


class FileUnusable(TrmError, code="file_unusable"):
    """A file or folder of this machine cannot be read or written."""


class NonFiniteLoss(TrmError, code="loss_not_finite"):
    """The loss became infinite or not a number."""


class RankFailed(TrmError, code="rank_failed"):
    """One of the processes that train together ended without reporting an error."""


class DeviceUnavailable(TrmError, code="device_unavailable"):
    """The requested device does not exist or has no memory left."""


class CompilerMissing(TrmError, code="compiler_missing"):
    """The model was to be compiled, and nothing is there to compile it with."""


class PackageMissing(TrmError, code="package_missing"):
    """A package that is installed only on request is needed."""


class ExportFailed(TrmError, code="export_failed"):
    """A run could not be read from a service, or not be written where it was to go."""


class EngineFull(TrmError, code="engine_full"):
    """Too many requests are in progress already."""


class NoService(TrmError, code="service_not_known"):
    """A command speaks to a service, and nothing says which, or it does not answer."""


class ProfileError(TrmError, code="profile_invalid"):
    """There is no profile of this name, or the file of profiles cannot be read."""
