"""Ablations run side by side: the same seeds and budget for each, and what came of it."""

import statistics
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from trm.ablations import ABLATIONS
from trm.config import RunConfig
from trm.errors import DatasetError, InvalidOverride
from trm.json_text import to_json
from trm.plots import ablation_plot
from trm.presets import get_preset, resolve
from trm.puzzles.datasets import spec_of

BASE = "base"  # the recipe as it is


@dataclass(frozen=True)
class Trial:
    """One training of one ablation with one seed."""

    ablation: str
    seed: int
    parameters: int
    exact_accuracy: float  # on the whole test split
    cell_accuracy: float
    mean_supervision_steps: float
    seconds: float


@dataclass(frozen=True)
class Row:
    """The trials of one ablation together."""

    ablation: str
    parameters: int
    accuracies: tuple[float, ...]  # exact, one a seed
    cell_accuracy: float
    seconds: float  # mean of a training

    @property
    def mean(self) -> float:
        """Mean exact accuracy."""
        return statistics.fmean(self.accuracies)

    @property
    def spread(self) -> float:
        """Standard deviation between seeds (n - 1); 0 for one seed."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0


def configurations(
    preset: str, names: list[str], seeds: int, overrides: dict[str, Any]
) -> dict[tuple[str, int], RunConfig]:
    """What to run, by ablation and seed; raises InvalidOverride for a name that is none or a change that contradicts the recipe."""
    unknown = sorted(set(names) - ABLATIONS.keys() - {BASE})
    if unknown:
        raise InvalidOverride(f"There is no ablation {unknown[0]!r}. Choose from: {BASE}, {', '.join(ABLATIONS)}.")
    puzzle = spec_of(get_preset(preset).dataset)
    recipe = resolve(preset, puzzle, overrides)
    found = {}
    for name in names:
        changes = {} if name == BASE else ABLATIONS[name].changes(recipe.model)
        for seed in range(seeds):
            found[name, seed] = resolve(preset, puzzle, overrides | changes | {"train.seed": seed})
    return found


def run_all(configs: dict[tuple[str, int], RunConfig], jobs: int, device: str) -> Iterator[Trial]:
    """Every trial as it is done, `jobs` at a time, each in its own process on one thread."""
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(_trial, name, seed, config, device) for (name, seed), config in configs.items()]
        for future in as_completed(futures):
            yield future.result()


def _trial(name: str, seed: int, config: RunConfig, device: str) -> Trial:
    import torch

    from trm.data import load_splits
    from trm.device import pick_device
    from trm.events import Evaluated, Finished
    from trm.trainer import Trainer

    torch.set_num_threads(1)
    trainer = Trainer(config, load_splits(config.dataset, config), pick_device(device))
    events = [event for event in trainer if isinstance(event, Evaluated | Finished)]
    test = [event for event in events if isinstance(event, Evaluated)][-1]
    if test.exact_accuracy is None or test.cell_accuracy is None:
        raise DatasetError(f"The test split of {config.dataset} has no answers to compare with.")
    return Trial(
        ablation=name,
        seed=seed,
        parameters=trainer.model.parameter_count(),
        exact_accuracy=test.exact_accuracy,
        cell_accuracy=test.cell_accuracy,
        mean_supervision_steps=test.mean_supervision_steps,
        seconds=events[-1].seconds,
    )


def rows(trials: list[Trial], order: list[str]) -> list[Row]:
    """One row an ablation, in this order."""
    found = []
    for name in order:
        own = sorted((t for t in trials if t.ablation == name), key=lambda t: t.seed)
        if own:
            accuracies = tuple(t.exact_accuracy for t in own)
            cells, seconds = (
                statistics.fmean(getattr(t, field) for t in own) for field in ("cell_accuracy", "seconds")
            )
            found.append(Row(name, own[0].parameters, accuracies, cells, seconds))
    return found


def markdown(table: list[Row], heading: str) -> str:
    """The table as Markdown, differences against the base where it was run."""
    base = next((row.mean for row in table if row.ablation == BASE), None)
    lines = [heading, "", "| recipe | exact, mean | spread | against base | cells | parameters | seconds |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    for row in table:
        against = "" if base is None or row.ablation == BASE else f"{100 * (row.mean - base):+.1f}"
        lines.append(
            f"| {row.ablation} | {100 * row.mean:.1f} | {100 * row.spread:.1f} | {against} | {100 * row.cell_accuracy:.1f} "
            f"| {row.parameters:,} | {row.seconds:.0f} |"
        )
    return "\n".join(lines) + "\n"


def write(out: Path, heading: str, trials: list[Trial], table: list[Row]) -> None:
    """`ablation.json` with every trial, `ablation.md`, and `ablation.svg`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "ablation.json").write_text(to_json({"heading": heading, "trials": [asdict(t) for t in trials]}, indent=1))
    (out / "ablation.md").write_text(markdown(table, heading))
    ablation_plot(out / "ablation.svg", table, heading)
