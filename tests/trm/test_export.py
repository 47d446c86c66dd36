"""Exported models: the solver's weights and nothing else, whole or not at all, usable with and without trm."""

import errno
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import typer
import yaml
from safetensors.torch import load_file
from typer.testing import CliRunner

from trm.checkpoints.checkpoint import read_meta, read_weights, verify
from trm.cli.export import export as command
from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.errors import ConfigError, CorruptCheckpoint, ForeignCheckpoint, StorageFull
from trm.interop.export import export
from trm.interop.hub_model import HubModel
from trm.interop.program import program
from trm.network.device import DTYPES
from trm.network.model import TinyRecursiveModel
from trm.puzzles.puzzle_set import PuzzleSet
from trm.solving.solver import Solver
from trm.training.trainer import Trainer

pytestmark = pytest.mark.long

VARIANTS = {
    "attention": ModelConfig(mixer="attention", hidden_size=16, heads=2, layers=1, latent_steps=1, recursions=2),
    "multi-scale": ModelConfig(
        latents="multi_scale", hidden_size=8, layers=1, latent_steps=2, recursions=1, prefix_tokens=0
    ),
}


@pytest.fixture
def saved(trainer: Trainer, tmp_path: Path) -> Path:
    for _ in range(2):
        trainer.update()
    trainer.state.metrics = {"exact_accuracy": 0.25, "test_exact_accuracy": None}
    return Path(trainer.state.save(tmp_path / "run").path)


def trained(config: RunConfig, model: ModelConfig, precision: str = "float32") -> tuple[TinyRecursiveModel, RunConfig]:
    config = config.model_copy(
        update={"model": model, "train": config.train.model_copy(update={"precision": precision})}
    )
    network = TinyRecursiveModel(config.model, config.puzzle).eval()
    network.initialise(torch.Generator().manual_seed(1))
    return network, config


def test_an_exported_model_gives_the_same_answers(saved: Path, test_set: PuzzleSet) -> None:
    done = export(saved, saved.parent / "out")
    assert done.bytes == sum(file.stat().st_size for file in Path(done.path).iterdir())
    answers = [
        [(s.tokens.tolist(), s.halt_probability) for s in Solver.load(folder, "cpu").solve_tokens(test_set.questions)]
        for folder in (saved, Path(done.path))
    ]
    assert answers[0] == answers[1]


def test_only_the_solvers_weights_are_exported(saved: Path) -> None:
    export(saved, out := saved.parent / "out")
    assert {file.name for file in out.iterdir()} == {"config.json", "model.safetensors", "README.md"}
    expected, given = read_weights(saved, read_meta(saved)), load_file(out / "model.safetensors")
    assert expected.keys() == given.keys()
    for name, tensor in expected.items():
        torch.testing.assert_close(given[name], tensor, rtol=0, atol=0)
    meta, document = verify(out), json.loads((out / "config.json").read_text())
    assert (meta.config, meta.metrics, meta.step) == (read_meta(saved).config, read_meta(saved).metrics, 2)
    assert document["source_digest"] == read_meta(saved).digest


def test_half_precision_halves_the_file(saved: Path) -> None:
    export(saved, wide := saved.parent / "wide")
    export(saved, narrow := saved.parent / "narrow", dtype="bfloat16")
    sizes = [(folder / "model.safetensors").stat().st_size for folder in (wide, narrow)]
    assert sizes[1] < 0.6 * sizes[0]
    assert Solver.load(narrow, "cpu").model.embedding.dtype == torch.float32


@pytest.mark.parametrize("name", ["model.safetensors", "README.md"])
def test_a_damaged_file_is_noticed(saved: Path, name: str) -> None:
    export(saved, out := saved.parent / "out")
    data = bytearray((out / name).read_bytes())
    data[-1] ^= 1
    (out / name).write_bytes(data)
    with pytest.raises(CorruptCheckpoint, match=name):
        verify(out)
    if name == "model.safetensors":
        with pytest.raises(CorruptCheckpoint):
            Solver.load(out)


def test_training_does_not_go_on_from_an_exported_model(saved: Path, trainer: Trainer) -> None:
    export(saved, out := saved.parent / "out")
    with pytest.raises(ForeignCheckpoint, match="not train on"):
        Trainer.resume(out, trainer.splits, torch.device("cpu"))


def test_nothing_is_replaced_and_nothing_half_written(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (saved.parent / "notes").mkdir()
    (saved.parent / "notes" / "mine.txt").write_text("keep me")
    with pytest.raises(ConfigError, match="exists already"):
        export(saved, saved.parent / "notes")

    def no_room(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trm.checkpoints.checkpoint.os.fsync", no_room)
    with pytest.raises(StorageFull):
        export(saved, saved.parent / "out")
    assert {path.name for path in saved.parent.iterdir()} == {saved.name, "notes"}


@pytest.mark.parametrize("precision", ["float32", pytest.param("bfloat16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_the_program_computes_what_the_model_does(variant: str, precision: str, config: RunConfig) -> None:
    model, config = trained(config, VARIANTS[variant], precision)
    step = torch.export.load(io.BytesIO(program(model, config))).module()
    for parameter in model.eval().requires_grad_(False).parameters():
        parameter.data = parameter.data.to(DTYPES[precision])
    for puzzles in (1, 3):
        tokens = torch.randint(1, 6, (puzzles, 16), generator=torch.Generator().manual_seed(puzzles))
        rows = model.puzzle_rows(torch.zeros(puzzles, dtype=torch.int64))
        y, z = theirs = model.initial_state(puzzles, DTYPES[precision])
        for _ in range(3):
            with torch.no_grad():
                output = model(tokens, rows, y, z)
            y, z = output.y, output.z
            *theirs, logits, halt = step(tokens, rows, *theirs)
            torch.testing.assert_close((*theirs, logits, halt), (y, z, output.logits, output.halt_logit))


def test_a_model_of_several_hypotheses_has_no_program(config: RunConfig) -> None:
    model, config = trained(config, ModelConfig(hidden_size=8, layers=1, hypotheses=2))
    with pytest.raises(ConfigError, match="no program"):
        program(model, config)


@pytest.mark.slow
def test_the_card_tells_what_hubs_read_and_its_example_runs(saved: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    out = saved.parent / "out"
    options = ["--program", "--dtype", "bfloat16", "--licence", "mit"]
    result = CliRunner().invoke(app, [str(saved), "--out", str(out), *options])
    assert (result.exit_code, "MB in" in result.output) == (0, True)
    text = (out / "README.md").read_text()
    front = yaml.safe_load(text.split("---")[1])
    assert (front["library_name"], front["license"], front["datasets"]) == ("trm-service", "mit", ["sudoku-4x4"])
    assert "| exact accuracy, last evaluation | 25.0% |" in text
    example = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[1]
    code = f"{example}\nimport sys\nassert 'trm' not in sys.modules\nprint(tuple(answers.shape))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=out, capture_output=True, text=True, check=True)
    assert ran.stdout == "(3, 16)\n"


def test_hub_models_load_and_save_folders(saved: Path, test_set: PuzzleSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    export(saved, first := saved.parent / "first", licence="mit")
    model = HubModel.from_pretrained(first)
    model.save_pretrained(second := saved.parent / "second")
    assert json.loads((second / "config.json").read_text())["licence"] == "mit"
    assert verify(second).config == verify(saved).config
    solvers = Solver.load(saved, "cpu"), HubModel.from_pretrained(str(second)).solver("cpu"), model.solver("cpu")
    answers = [[s.tokens.tolist() for s in solver.solve_tokens(test_set.questions)] for solver in solvers]
    assert answers[0] == answers[1] == answers[2]
    (first / "model.safetensors").write_bytes(b"")
    with pytest.raises(CorruptCheckpoint):
        HubModel.from_pretrained(first)


def test_without_huggingface_hub_the_extra_is_named() -> None:
    code = "import sys; sys.modules['huggingface_hub'] = None; import trm.interop.hub_model"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "pip install 'trm-service[hub]'" in ran.stderr
