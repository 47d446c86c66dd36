"""`trm train`: train a model, with a progress bar for people or JSON events for programs."""

import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from trm.cli.overrides import parsed
from trm.cli.pace import Pace
from trm.cli.progress import Reporter
from trm.config import CompileChoice, RunConfig
from trm.cores import available
from trm.errors import ConfigError, TrmError
from trm.events import CheckpointDue, Evaluating, Event, Failed, Finished, Stopped, Updated
from trm.presets import get_preset, resolve
from trm.puzzles.datasets import spec_of

if TYPE_CHECKING:
    from trm.trainer import Trainer


def train(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoints.")] = Path("checkpoints"),
    preset: Annotated[str, typer.Option(help="A named recipe; see `trm inspect --presets`.")] = "sudoku-4x4",
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: train.steps=200.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="A whole configuration as JSON, instead of preset and --set.")
    ] = None,
    data: Annotated[
        str | None, typer.Option(help="A built-in data set or a data set folder; the preset's unless given.")
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Go on from this checkpoint, or the newest intact one in this folder, with its configuration."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Begin with the weights of this checkpoint, everything else anew.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0, help="Save a checkpoint and stop after so many minutes, loading included."),
    ] = None,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(min=0, help="Also save a checkpoint when the last is so many minutes old.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    compile_: Annotated[
        CompileChoice,
        typer.Option(
            "--compile", help="auto, always or never: fuse the network's kernels; auto does for large models."
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cores to compute with; all that affinity and cgroup allow unless given.")
    ] = None,
    events: Annotated[bool, typer.Option("--events", help="Print newline-delimited JSON events on stdout.")] = False,
) -> None:
    """Train a model and save checkpoints. Ctrl-C saves one more and stops, as --minutes does; --resume goes on from it."""
    tell, pace = _print_json if events else Reporter().tell, Pace(minutes, checkpoint_minutes)
    try:
        start = _chosen(resume) if resume else None
        chosen = _recorded(start) if start else _configuration(config, preset, overrides or [], data)
        _require_room_for_run(out, chosen if start else None)
        _compute_with(available(threads))
        _run(_trainer(chosen, data, start, weights, device, compile_), out, tell, pace)
    except TrmError as error:
        if not events:
            raise
        _print_json(Failed(error.code, str(error)))
        sys.exit(1)


def _compute_with(threads: int) -> None:
    import torch

    torch.set_num_threads(threads)


def _trainer(
    config: RunConfig, data: str | None, resume: Path | None, weights: Path | None, device: str, compile_: CompileChoice
) -> "Trainer":
    from trm.compiling import should_compile
    from trm.data import load_splits
    from trm.device import pick_device
    from trm.trainer import Trainer

    splits, place = load_splits(data or config.dataset, config), pick_device(device)
    compiled = should_compile(compile_, config, place)
    make = partial(Trainer.resume, resume) if resume else partial(Trainer, config)
    trainer = make(splits, place, compiled=compiled)
    if weights and not resume:
        trainer.adopt(weights)
    return trainer


def _run(trainer: "Trainer", out: Path, tell: Callable[[Event], None], pace: Pace) -> None:
    from trm.checkpoint_writer import CheckpointWriter

    pace.listen()
    with closing(trainer), CheckpointWriter(out) as writer:
        for event in trainer:
            saved = writer.ready()
            stops = _stops(event, pace) and not trainer.is_tested
            if stops:
                trainer.close()  # to stop takes no longer than to write
            if stops or isinstance(event, CheckpointDue) or (isinstance(event, Updated) and pace.saves):
                saved += writer.begin(trainer.snapshot())
                pace.saved()
            over = stops or isinstance(event, Finished)
            if over:
                saved += writer.wait()  # nothing is told after the last word
            for news in (*trainer.found(), *saved) if saved else ():  # a checkpoint holds what was found before it
                tell(news)
            if over:
                writer.require_last()
            for told in (event, Stopped(trainer.step)) if stops else (event,):
                if not isinstance(told, CheckpointDue):
                    tell(told)
            if stops:
                return


def _stops(event: Event, pace: Pace) -> bool:
    """Whether to stop here: the clock ends no evaluation, which would begin anew in every piece of a training."""
    return pace.stops if isinstance(event, Updated) else pace.asked and isinstance(event, Evaluating)


def _print_json(event: Event) -> None:
    print(event.as_json(), flush=True)


def _require_room_for_run(out: Path, resumed: RunConfig | None) -> None:
    from trm.checkpoint import require_room_for_run

    require_room_for_run(out, resumed)


def _chosen(resume: Path) -> Path:
    from trm.checkpoint import chosen

    return chosen(resume)


def _recorded(checkpoint: Path) -> RunConfig:
    """What a training that is resumed was started with."""
    from trm.checkpoint import read_meta

    return read_meta(checkpoint).config


def _configuration(path: Path | None, preset: str, overrides: list[str], data: str | None) -> RunConfig:
    if path is None:
        source = data or get_preset(preset).dataset
        return _fitted(resolve(preset, spec_of(source), parsed(overrides), data), source)
    try:
        return RunConfig.model_validate_json(path.read_text())
    except (OSError, ValidationError) as error:
        raise ConfigError(f"{path} is not a run configuration: {error}") from error


def _fitted(config: RunConfig, source: str) -> RunConfig:
    if config.puzzle.kind != "arc":
        return config  # without loading torch
    from trm.data import with_identifiers

    return with_identifiers(config, source)
