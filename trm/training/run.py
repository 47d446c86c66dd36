"""A whole training in one call: its configuration, its results, and the solver."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trm.config.overrides import qualify, resolve
from trm.config.presets import get_preset
from trm.config.run import RunConfig
from trm.data.splits import load_splits, with_identifiers
from trm.interface.events import CheckpointSaved, Evaluated, Event, Finished, StepMetrics
from trm.interface.progress import Reporter
from trm.network.compiling import should_compile
from trm.network.device import pick_device
from trm.puzzles.datasets.datasets import spec_of
from trm.solving.solver import Solver
from trm.training.session import Session
from trm.training.trainer import Trainer


@dataclass(frozen=True)
class Run:
    """A finished training."""

    config: RunConfig
    checkpoint: Path
    steps: int
    exact_accuracy: float | None  # on the test split
    seconds: float
    curve: tuple[StepMetrics, ...]
    evaluations: tuple[Evaluated, ...]  # of the validation split during the training, last of the test split

    def solver(self, device: str = "auto") -> Solver:
        """A solver with the weights that the training made."""
        return Solver.load(self.checkpoint, device)

    def __str__(self) -> str:
        exact = "not measured" if self.exact_accuracy is None else f"{self.exact_accuracy:.2%}"
        return (
            f"{self.config.preset} on {self.config.dataset}: {self.steps:,} steps in {self.seconds:.1f} s, "
            f"exact accuracy {exact}, {self.checkpoint}"
        )


def train(
    preset: str = "sudoku-4x4",
    data: str | Path | None = None,
    out: str | Path | None = None,
    *,
    device: str = "auto",
    on_event: Callable[[Event], None] | None = None,
    **settings: object,
) -> Run:
    """Train a model in this process, from the beginning to the test split, and keep its checkpoints in the folder `out`.

    `data` is a built-in data set or a data set folder, the preset's unless given; `out` a new folder under `runs` unless given.
    Settings are those of the reference by their names (`steps=400`, `hidden_size=32`). Progress is printed, unless `on_event` takes the
    events. Raises UnknownPreset, InvalidOverride, DatasetError, DeviceUnavailable.
    """
    source = str(data or get_preset(preset).dataset)
    config = with_identifiers(resolve(preset, spec_of(source), qualify(settings), source), source)
    folder = Path(out) if out is not None else Path("runs") / f"{preset}-{datetime.now():%Y%m%d-%H%M%S}"
    place = pick_device(device)
    compiled = should_compile("auto", config, place, updates=config.train.steps)
    trainer = Trainer(config, load_splits(source, config), place, compiled=compiled)
    tell, seen = on_event or Reporter().tell, list[Event]()
    for event in Session(trainer, out=folder).run():
        tell(event)
        seen.append(event)
    [finished] = [event for event in seen if isinstance(event, Finished)]
    saved = [event for event in seen if isinstance(event, CheckpointSaved)]
    return Run(
        config=config,
        checkpoint=Path(saved[-1].path),
        steps=finished.step,
        exact_accuracy=finished.exact_accuracy,
        seconds=finished.seconds,
        curve=tuple(event for event in seen if isinstance(event, StepMetrics)),
        evaluations=tuple(event for event in seen if isinstance(event, Evaluated)),
    )
