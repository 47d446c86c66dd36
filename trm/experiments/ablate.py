"""Ablations run side by side: the same seeds and budget for each, and what came of it."""

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from trm.config.ablations import ABLATIONS
from trm.config.overrides import resolve
from trm.config.presets import get_preset
from trm.config.run import RunConfig
from trm.errors import DatasetError, InvalidOverride
from trm.experiments.plots import ablation_plot
from trm.experiments.results import BASE, Row, Trial, markdown
from trm.json_text import to_json
from trm.puzzles.datasets.datasets import spec_of


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
        futures = [pool.submit(_run_trial, name, seed, config, device) for (name, seed), config in configs.items()]
        for future in as_completed(futures):
            yield future.result()


def _run_trial(name: str, seed: int, config: RunConfig, device: str) -> Trial:
    import torch

    from trm.data.splits import load_splits
    from trm.interface.events import Evaluated, Finished
    from trm.network.device import pick_device
    from trm.training.session import Session
    from trm.training.trainer import Trainer

    torch.set_num_threads(1)
    trainer = Trainer(config, load_splits(config.dataset, config), pick_device(device))
    events = [event for event in Session(trainer).run() if isinstance(event, Evaluated | Finished)]
    test = [event for event in events if isinstance(event, Evaluated)][-1]
    if test.exact_accuracy is None or test.cell_accuracy is None:
        raise DatasetError(f"The test split of {config.dataset} has no answers to compare with.")
    return Trial(
        ablation=name,
        seed=seed,
        parameters=trainer.state.model.parameter_count(),
        exact_accuracy=test.exact_accuracy,
        cell_accuracy=test.cell_accuracy,
        mean_supervision_steps=test.mean_supervision_steps,
        seconds=events[-1].seconds,
    )


def write(out: Path, heading: str, trials: list[Trial], table: list[Row]) -> None:
    """`ablation.json` with every trial, `ablation.md`, and `ablation.svg`."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "ablation.json").write_text(to_json({"heading": heading, "trials": [asdict(t) for t in trials]}, indent=1))
    (out / "ablation.md").write_text(markdown(table, heading))
    ablation_plot(out / "ablation.svg", table, heading)
