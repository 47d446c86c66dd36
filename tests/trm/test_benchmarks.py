"""The large benchmarks end to end on the CPU: a real maze and a real ARC task learnt by heart, and ARC scored by votes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from tests.commands import FIELDS
from trm.cli import build
from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.data.splits import Splits
from trm.errors import ConfigError
from trm.interface.events import Evaluated
from trm.puzzles import arc_files
from trm.puzzles import arc_grids as arc
from trm.puzzles.arc import sets as arc_sets
from trm.puzzles.datasets.datasets import load
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.spec import PuzzleSpec
from trm.training.session import Session
from trm.training.trainer import Trainer

CPU = torch.device("cpu")
pytestmark = pytest.mark.training


def learnt_by_heart(splits: Splits, spec: PuzzleSpec, steps: int, **model: int) -> Evaluated:
    """Train a small model until it knows every puzzle of the test split, or to the last step."""
    small = {"expansion": 1.0, "hidden_size": 16, "layers": 1, "latent_steps": 2, "recursions": 1}
    train = {
        "steps": steps,
        "batch_size": len(splits.test),
        "optimizer": "adamw",
        "learning_rate": 5e-3,
        "weight_decay": 0.01,
        "puzzle_learning_rate": 1e-2,
        "warmup_steps": 10,
        "ema_decay": None,
        "loss": "softmax",
        "precision": "float32",
        "evaluate_every": 20,
        "augment": False,
    }
    config = RunConfig(
        preset="by-heart",
        dataset="few",
        puzzle=spec,
        model=ModelConfig.model_validate(small | {"prefix_tokens": 0, "max_supervision_steps": 2} | model),
        train=TrainConfig.model_validate(train),
    )
    for event in Session(Trainer(config, splits, CPU)).run():
        if isinstance(event, Evaluated):
            result = event
            if event.exact_accuracy == 1:
                break
    return result


@pytest.mark.slow
def test_a_real_maze_is_learnt_by_heart() -> None:
    mazes = load("maze-hard", "train").take(1)
    result = learnt_by_heart(Splits(mazes, None, mazes), mazes.spec, 200)
    assert (result.exact_accuracy, result.verified) == (1, 1)


@pytest.mark.slow
def test_a_real_arc_task_is_learnt_by_heart() -> None:
    task = next(t for t in arc_files.load_shipped("arc-agi-1")["training"] if t.name == "6f8cd79b")
    sets = arc_sets.assemble("one", (arc_sets.Subset((task,)),), 0)
    pairs = [(arc.encode(p.question), arc.encode(p.answer)) for p in task.pairs if p.answer is not None]
    questions, answers = (np.stack(part) for part in zip(*pairs, strict=True))
    test = PuzzleSet(arc.SPEC, questions, answers, puzzle_ids=np.ones(len(questions), dtype=np.int64))
    result = learnt_by_heart(
        Splits(sets, None, test), arc.SPEC, 200, hidden_size=32, prefix_tokens=1, puzzle_ids=sets.identifiers
    )
    assert result.exact_accuracy == 1


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tasks that copy and recolour small grids."""
    folder = tmp_path_factory.mktemp("tasks")
    for name, shift in (("copy", 0), ("recolour", 3)):
        grids = [[[(i + j + k) % 6 for j in range(3)] for i in range(2)] for k in range(4)]
        pairs = [{"input": g, "output": [[c + shift for c in row] for row in g]} for g in grids]
        (folder / f"{name}.json").write_text(json.dumps({"train": pairs[:3], "test": pairs[3:]}))
    return folder


def run(*arguments: object) -> str:
    outcome = CliRunner().invoke(build(), [str(a) for a in arguments], catch_exceptions=False)
    assert outcome.exit_code == 0, outcome.output
    return outcome.stdout


def test_own_arc_tasks_from_the_command_line_to_a_submission(tasks: Path, tmp_path: Path) -> None:
    small = ("model.hidden_size=16", "model.heads=2", "model.layers=1", "model.latent_steps=1", "model.recursions=1")
    short = (
        "model.max_supervision_steps=2",
        "train.steps=2",
        "train.batch_size=2",
        "train.precision=float32",
        "train.arc_variants=3",
    )
    settings = [part for setting in (*small, *short) for part in ("--set", setting)]
    run("train", "--preset", "arc-1", "--data", tasks, "--out", tmp_path, "--events", *settings)
    checkpoint = tmp_path / "step_00000002"
    vote = ("arc", "--data", tasks, "--variants", 3, "--checkpoint", checkpoint)
    report = json.loads(run(*vote, "--submission", tmp_path / "out.json", "--json"))
    assert report.keys() == FIELDS["arc"][0]
    assert report["tasks"] == 2
    assert report["pass_at"].keys() == {"1", "2", "5", "10", "100", "1000"}
    submission = json.loads((tmp_path / "out.json").read_text())
    assert {name: len(pairs) for name, pairs in submission.items()} == {"copy": 1, "recolour": 1}
    with pytest.raises(ConfigError, match="ensemble"):
        run(*vote, "--checkpoint", shutil.copytree(checkpoint, tmp_path / "other"))
