"""What the demo proposes at its end is done within minutes."""

import io
import json
import re

import pytest
from rich.console import Console

from services.gateway.views.estimate import estimate
from services.stack.demo import _print_next_steps
from trm.config.overrides import resolve
from trm.config.presets import PRESETS
from trm.puzzles.datasets.datasets import spec_of

MINUTES = 20
SUMMARY = {"api": "http://127.0.0.1:8000", "run_id": "run_1", "setup_seconds": 1.0, "train_seconds": 60.0}


def test_the_training_that_it_proposes_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    _print_next_steps(None, ".2.43......31...", SUMMARY, Console(file=io.StringIO()))
    commands = capsys.readouterr().out
    bodies = [json.loads(body) for body in re.findall(r"--json '(.*)' \S+/v1/training-jobs", commands)]
    assert len(bodies) == 1
    preset = PRESETS[bodies[0]["preset"]]
    config = resolve(preset.name, spec_of(preset.dataset), bodies[0].get("overrides"))
    said = estimate(config, [], [], 1000, 24)
    assert said.seconds < MINUTES * 60  # on two cores
    assert preset.hardware.startswith("A CPU is enough")
