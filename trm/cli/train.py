"""`trm train`: train a model, with a progress bar for people or JSON events for programs."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from trm.cli.overrides import parse
from trm.cli.place import require_place
from trm.cli.remarks import print_remarks
from trm.cli.source import Device
from trm.config.overrides import adjust, resolve
from trm.config.presets import find_misfit, get_preset
from trm.config.run import CompileChoice, RunConfig
from trm.errors import CheckpointNotFound, ConfigError, NonFiniteLoss, TrmError
from trm.interface.events import Event, Failed
from trm.interface.progress import Reporter
from trm.network.cores import available
from trm.puzzles.datasets.datasets import spec_of
from trm.training.pace import Pace

DEFAULT = "sudoku-4x4"  # a preset


def train(
    out: Annotated[Path, typer.Option(help="Folder for the checkpoints.")] = Path("checkpoints"),
    preset: Annotated[
        str | None, typer.Option(help=f"A named recipe, {DEFAULT} unless given; see `trm inspect --presets`.")
    ] = None,
    overrides: Annotated[list[str] | None, typer.Option("--set", help="Change a setting: train.steps=200.")] = None,
    config: Annotated[
        Path | None, typer.Option(help="A whole configuration as JSON, instead of preset and --set.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            help="A built-in data set, a table, a data set folder or hub:OWNER/NAME; the preset's unless given."
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            help="Continue from this checkpoint, or the newest intact one in this folder, with its configuration; "
            "with --set it continues with those settings, in another --out."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Begin with the weights of this checkpoint, everything else fresh.")
    ] = None,
    minutes: Annotated[
        float | None,
        typer.Option(min=0, help="Save a checkpoint and stop after this many minutes, loading included."),
    ] = None,
    checkpoint_minutes: Annotated[
        float | None, typer.Option(min=0, help="Also save a checkpoint when the last is this many minutes old.")
    ] = None,
    device: Device = "auto",
    ranks: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes that train together, each with a share of the batch: one for each GPU or core; "
            "as suits the model unless given.",
        ),
    ] = None,
    compile_: Annotated[
        CompileChoice,
        typer.Option(
            "--compile", help="auto, always or never: fuse the network's kernels; auto does for large models."
        ),
    ] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Cores to compute with; all that affinity and cgroup allow unless given.")
    ] = None,
    events: Annotated[
        bool, typer.Option("--events", "--json", help="Print newline-delimited JSON events on stdout.")
    ] = False,
) -> None:
    """Train a model and save checkpoints. Ctrl-C saves one more and stops, as --minutes does; --resume continues from it."""
    tell, pace = _print_json if events else Reporter().tell, Pace(minutes, checkpoint_minutes)
    try:
        if not events:  # a worker tries again where its own folder cannot be used
            require_place(out)
        start = _choose_checkpoint(resume) if resume else None
        changes = overrides or []
        chosen = _read_config(start, changes) if start else _configuration(config, preset or DEFAULT, changes, data)
        if not (events or preset or config or start):
            print(f"Training the preset {DEFAULT}; `--preset NAME` takes another, `trm inspect --presets` lists them.")
        if not events and (misfit := find_misfit(chosen.preset, chosen.puzzle)):
            print(misfit, file=sys.stderr)
        _begin(out, chosen if start else None, threads)
        if not _launch_ranks(chosen, ranks, device):
            _train(chosen, data, start, weights, device, compile_, out, pace, tell)
    except TrmError as error:
        if not events:
            raise
        _print_json(Failed(error.code, str(error)))
        sys.exit(1)


def _begin(out: Path, resumed: RunConfig | None, threads: int | None) -> None:
    """What is done once, however many ranks there will be: those find their share of the threads set."""
    import torch

    from trm.checkpoints.checkpoint import require_room_for_run
    from trm.training.launch import end_with_launcher, is_rank

    if is_rank():
        end_with_launcher()
    else:
        require_room_for_run(out, resumed)
        torch.set_num_threads(available(threads))


def _launch_ranks(config: RunConfig, asked: int | None, device: str) -> bool:
    """Whether the training ran here as several ranks; False where this process is one of them, or the only one."""
    from trm.network.device import pick_device
    from trm.training.launch import is_rank, launch, rank_count

    place = pick_device(device)
    if is_rank() or (count := rank_count(asked, config, place)) == 1:
        return False
    launch(count, place)
    return True


def _train(
    config: RunConfig,
    data: str | None,
    resume: Path | None,
    weights: Path | None,
    device: str,
    compile_: CompileChoice,
    out: Path,
    pace: Pace,
    tell: Callable[[Event], None],
) -> None:
    from trm.data.splits import load_splits
    from trm.network.compiling import should_compile
    from trm.network.device import pick_device
    from trm.training.ranks import Ranks
    from trm.training.session import Session
    from trm.training.trainer import Trainer

    ranks = Ranks.join()
    splits, place = load_splits(data or config.dataset, config), ranks.device(pick_device(device))
    print_remarks(splits.train, splits.test)
    compiled = should_compile(compile_, config, place, updates=config.train.steps)
    make = partial(Trainer.resume, resume, config=config) if resume else partial(Trainer, config)
    trainer = make(splits, place, compiled=compiled, ranks=ranks)
    if weights and not resume:
        trainer.state.adopt(weights)
    session = Session(trainer, out=out, pace=pace)
    pace.listen()
    try:
        for event in session.run():
            if ranks.is_first:
                tell(event)
    except NonFiniteLoss:
        raise
    except Exception:
        session.keep()
        raise
    ranks.leave()
    if ranks.count > 1:  # all is saved and told; the end of native threads has been seen to abort a rank
        sys.stdout.flush()
        os._exit(0)


def _print_json(event: Event) -> None:
    print(event.as_json(), flush=True)


def _choose_checkpoint(resume: Path) -> Path:
    if not resume.exists():  # found without loading torch, which takes seconds
        raise CheckpointNotFound(f"There is no checkpoint {resume}.")
    from trm.checkpoints.checkpoint import choose

    return choose(resume)


def _read_config(checkpoint: Path, overrides: list[str]) -> RunConfig:
    """What a training that is resumed was started with, and what is to be different from now on."""
    from trm.checkpoints.checkpoint import read_meta

    return adjust(read_meta(checkpoint).config, parse(overrides))


def _configuration(path: Path | None, preset: str, overrides: list[str], data: str | None) -> RunConfig:
    if path is None:
        source = data or get_preset(preset).dataset
        config = resolve(preset, spec_of(source), parse(overrides), data)
        from trm.data.splits import with_identifiers  # loads torch: not before the simple mistakes are found

        return with_identifiers(config, source)
    try:
        return RunConfig.model_validate_json(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not a run configuration: {error}") from error
