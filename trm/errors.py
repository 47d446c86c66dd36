"""Every error that trm raises, each with a stable code.

    TrmError
    ├── ConfigError                  config_invalid
    │   ├── UnknownPreset            preset_unknown
    │   └── InvalidOverride          override_invalid
    ├── PuzzleError                  puzzle_invalid
    │   ├── WrongGridSize            puzzle_wrong_size
    │   ├── UnknownSymbol            puzzle_unknown_symbol
    │   ├── ContradictoryGivens      puzzle_contradictory
    │   ├── UnsolvablePuzzle         puzzle_unsolvable
    │   ├── MultipleSolutions        puzzle_multiple_solutions
    │   └── PuzzleTooHard            puzzle_too_hard
    ├── DatasetError                 dataset_malformed
    │   └── UnknownDataset           dataset_unknown
    ├── UnknownModel                 model_unknown
    ├── CheckpointError              checkpoint_invalid
    │   ├── CheckpointNotFound       checkpoint_not_found
    │   ├── CorruptCheckpoint        checkpoint_corrupt
    │   ├── ForeignCheckpoint        checkpoint_foreign
    │   └── SeveralRuns              checkpoint_of_another_run
    ├── StorageFull                  storage_full
    ├── NonFiniteLoss                loss_not_finite
    ├── RankFailed                   rank_failed
    ├── DeviceUnavailable            device_unavailable
    ├── CompilerMissing              compiler_missing
    └── EngineFull                   engine_full

The message is a sentence for a person: what was wrong, then what to do. Codes never change once released.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class TrmError(Exception):
    """Root of the tree; `code` is what programs should look at."""

    code: ClassVar[str] = "trm_error"


class ConfigError(TrmError):
    """A configuration value is missing, unknown or out of range."""

    code = "config_invalid"


class UnknownPreset(ConfigError):
    """No preset has this name."""

    code = "preset_unknown"


class InvalidOverride(ConfigError):
    """An override names no setting, or gives it a value it cannot take; `keys` says which, with the place inside a list if there is one."""

    code = "override_invalid"

    def __init__(self, message: str, keys: Sequence[tuple[str | int, ...]] = ()) -> None:
        super().__init__(message)
        self.keys = tuple(keys)


class PuzzleError(TrmError):
    """A puzzle cannot be used as it was given."""

    code = "puzzle_invalid"


class WrongGridSize(PuzzleError):
    """The grid has another number of rows, columns or cells than the model or data set expects."""

    code = "puzzle_wrong_size"


class UnknownSymbol(PuzzleError):
    """A cell holds a symbol outside the vocabulary."""

    code = "puzzle_unknown_symbol"


class ContradictoryGivens(PuzzleError):
    """Two givens break a rule between them."""

    code = "puzzle_contradictory"


class UnsolvablePuzzle(PuzzleError):
    """No answer satisfies the rules."""

    code = "puzzle_unsolvable"


class MultipleSolutions(PuzzleError):
    """More than one answer satisfies the rules."""

    code = "puzzle_multiple_solutions"


class PuzzleTooHard(PuzzleError):
    """The exact solver gave up within its budget of guesses."""

    code = "puzzle_too_hard"


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one row of a data file; `row` counts data rows from 1."""

    row: int
    code: str
    message: str


class DatasetError(TrmError):
    """A data file cannot be used; `problems` lists the bad rows, at most `LISTED` of them."""

    code = "dataset_malformed"
    LISTED: ClassVar[int] = 100

    def __init__(self, message: str, problems: tuple[RowProblem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems[: self.LISTED]


class UnknownDataset(DatasetError):
    """No data set has this name."""

    code = "dataset_unknown"


class UnknownModel(TrmError):
    """No model of this name ships with the package."""

    code = "model_unknown"


class CheckpointError(TrmError):
    """A checkpoint cannot be used."""

    code = "checkpoint_invalid"


class CheckpointNotFound(CheckpointError):
    """There is no checkpoint at this place."""

    code = "checkpoint_not_found"


class CorruptCheckpoint(CheckpointError):
    """A file of the checkpoint is missing, cut short, or differs from its recorded digest."""

    code = "checkpoint_corrupt"


class ForeignCheckpoint(CheckpointError):
    """The files are readable, but were not written by this software or for this model."""

    code = "checkpoint_foreign"


class SeveralRuns(CheckpointError):
    """A folder holds checkpoints of another training, or of several: the wrong one could be resumed."""

    code = "checkpoint_of_another_run"


class StorageFull(TrmError):
    """The disk or bucket has no room left; nothing partial was kept."""

    code = "storage_full"


class NonFiniteLoss(TrmError):
    """The loss became infinite or not a number."""

    code = "loss_not_finite"


class RankFailed(TrmError):
    """One of the processes that train together ended without reporting an error."""

    code = "rank_failed"


class DeviceUnavailable(TrmError):
    """The requested device does not exist or has no memory left."""

    code = "device_unavailable"


class CompilerMissing(TrmError):
    """The model was to be compiled, and nothing is there to compile it with."""

    code = "compiler_missing"


class EngineFull(TrmError):
    """Too many requests are in progress already."""

    code = "engine_full"
