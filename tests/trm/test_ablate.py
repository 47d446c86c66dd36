"""Ablations side by side: what is run, what is reported, what is refused."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trm.cli import build
from trm.config.ablations import ABLATIONS
from trm.errors import InvalidOverride
from trm.experiments.ablate import configurations
from trm.experiments.results import Trial, markdown, rows

PLAIN = {"model.feed_forward": "swiglu", "model.prefix_tokens": 4, "model.latent_steps": 4}


def trial(ablation: str, seed: int, exact: float) -> Trial:
    return Trial(ablation, seed, 100, exact, 0.9, 3.0, 10.0)


def test_a_row_has_mean_and_spread_over_seeds() -> None:
    trials = [trial("muon", 1, 0.8), trial("base", 0, 0.5), trial("muon", 0, 0.6), trial("base", 1, 0.5)]
    base, muon = rows(trials, ["base", "muon"])
    assert (base.mean, base.spread) == (0.5, 0.0)
    assert muon.accuracies == (0.6, 0.8)
    assert muon.mean == pytest.approx(0.7)
    assert muon.spread == pytest.approx(0.1414, abs=1e-4)
    assert "| muon | 70.0 | 14.1 | +20.0 | 90.0 | 100 | 10 |" in markdown([base, muon], "heading")


def test_every_ablation_changes_the_small_recipe_and_nothing_contradicts_it() -> None:
    configs = configurations("sudoku-4x4", ["base", *ABLATIONS], 1, PLAIN)
    base = configs["base", 0]
    assert [name for name, _ in configs if configs[name, 0] == base] == ["base"]
    assert {config.train.seed for config in configurations("sudoku-4x4", ["base"], 3, {}).values()} == {0, 1, 2}


@pytest.mark.parametrize(
    ("names", "overrides"),
    [(["surprise"], {}), (["one-step-gradient"], {"model.latents": "none"}), (["muon"], {"train.surprise": 1})],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(names: list[str], overrides: dict[str, object]) -> None:
    with pytest.raises(InvalidOverride):
        configurations("sudoku-4x4", names, 1, overrides)


@pytest.mark.slow
def test_the_command_writes_table_trials_and_plot(tmp_path: Path) -> None:
    short = (
        "train.steps=2",
        "train.batch_size=4",
        "train.evaluate_puzzles=2",
        "train.test_puzzles=4",
        "model.hidden_size=16",
    )
    settings = [part for setting in short for part in ("--set", setting)]
    arguments = ["ablate", "--only", "no-ema", "--seeds", "2", "--out", str(tmp_path), "--device", "cpu", *settings]
    outcome = CliRunner().invoke(build(), arguments, catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    trials = json.loads((tmp_path / "ablation.json").read_text())["trials"]
    assert sorted((t["ablation"], t["seed"]) for t in trials) == [
        ("base", 0),
        ("base", 1),
        ("no-ema", 0),
        ("no-ema", 1),
    ]
    assert "| no-ema |" in (tmp_path / "ablation.md").read_text()
    assert (tmp_path / "ablation.svg").read_text().rstrip().endswith("</svg>")
