"""Official names in, ours out; anything that would be silently wrong is refused by name."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
import yaml
from safetensors.torch import load_file, save_file
from torch import Tensor
from typer.testing import CliRunner

from trm.checkpoints.checkpoint import verify
from trm.cli.convert import convert as command
from trm.errors import CheckpointNotFound, ConfigError, ForeignCheckpoint
from trm.interop.convert import convert, identifiers_of
from trm.interop.files import read_config, read_tensors
from trm.interop.names import config_from_official, official_names, weights_from_official
from trm.puzzles.datasets.datasets import save_dataset, spec_of
from trm.puzzles.puzzle_set import PuzzleSet
from trm.puzzles.spec import PuzzleSpec
from trm.solving.solver import Solver

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = sorted(path.stem for path in GOLDEN.glob("*.json"))
RECORDED = load_file(GOLDEN / "trm-mlp.safetensors")
OFFICIAL: dict[str, Any] = json.loads((GOLDEN / "trm-mlp.json").read_text())["config"]
TRAINING = ("batch_size", "arch", "loss_type", "seed", "vocab_size", "seq_len", "num_puzzle_identifiers")


def weights(case: str = "trm-mlp") -> dict[str, Tensor]:
    tensors = load_file(GOLDEN / f"{case}.safetensors")
    return {k.removeprefix("weights/"): v for k, v in tensors.items() if k.startswith("weights/")}


class Run:
    """An official run of 4x4 Sudoku as it lies on disk: a checkpoint and its all_config.yaml, to be changed by tests."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tensors = folder, weights()
        self.tensors["inner.puzzle_emb.weights"] = self.tensors["inner.puzzle_emb.weights"][:1].clone()
        self.arch = {key: value for key, value in OFFICIAL.items() if key not in TRAINING} | {
            "name": "recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1",
            "loss": {"name": "losses@ACTLossHead", "loss_type": "stablemax_cross_entropy"},
            "puzzle_emb_ndim": "${.hidden_size}",
        }

    def convert(self, data: str = "sudoku-4x4", preset: str | None = None) -> Path:
        source, config, out = self.folder / "step_250", self.folder / "all_config.yaml", self.folder / "ours"
        torch.save({f"_orig_mod.model.{name}": tensor for name, tensor in self.tensors.items()}, source)
        config.write_text(yaml.dump({"arch": self.arch, "lr": 3e-4, "ema": True, "ema_rate": 0.9, "epochs": 10}))
        assert convert(source, config, data, out, preset).path == str(out)
        return out


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_a_converted_checkpoint_computes_what_the_official_one_did(run: Run) -> None:
    solver = Solver.load(run.convert(), "cpu")
    rows = RECORDED["weights/inner.puzzle_emb.weights"][RECORDED["puzzle_identifiers"]]
    inputs = RECORDED["inputs"]
    with torch.no_grad():
        output = solver.model(inputs, rows, *solver.model.initial_state(len(inputs), torch.float32))
    torch.testing.assert_close(output.logits, RECORDED["eval/step1/logits"], atol=1e-3, rtol=1e-3)
    assert [len(s.tokens) for s in solver.solve_tokens(inputs.numpy()[:1])] == [16]


def test_a_converted_checkpoint_records_what_the_configuration_told(run: Run) -> None:
    meta = verify(run.convert())
    train = meta.config.train
    assert (meta.step, meta.config.preset, meta.config.dataset) == (250, "official", "sudoku-4x4")
    assert (train.learning_rate, train.ema_decay, train.precision, train.steps) == (3e-4, 0.9, "float32", 250)


@pytest.mark.parametrize("case", CASES)
def test_official_names_there_and_back(case: str) -> None:
    official = json.loads((GOLDEN / f"{case}.json").read_text())["config"]
    config, given = config_from_official(official), weights(case)
    ours = weights_from_official(given, config)
    if config.latents == "multi_scale":
        ours |= {f"z_init.{i}": latent for i, latent in enumerate(ours["z_init"])}
    back = {name: ours[key] for name, key in official_names(config).items()}
    assert back.keys() == given.keys()
    for name, tensor in given.items():
        torch.testing.assert_close(back[name], tensor, rtol=0, atol=0)


def test_prefixes_of_published_checkpoints_are_stripped(tmp_path: Path) -> None:
    plain = weights()
    save_file({f"_orig_mod.model.{name}": tensor for name, tensor in plain.items()}, tmp_path / "safe")
    torch.save({f"model.{name}": tensor for name, tensor in plain.items()}, tmp_path / "step_1")
    assert read_tensors(tmp_path / "safe").keys() == read_tensors(tmp_path / "step_1").keys() == plain.keys()
    config = config_from_official(OFFICIAL)
    prefixed = {f"_orig_mod.model.{name}": tensor for name, tensor in plain.items()}
    assert weights_from_official(prefixed, config).keys() == weights_from_official(plain, config).keys()


def test_missing_and_unknown_tensors_are_named() -> None:
    tensors = weights()
    tensors["inner.surprise"] = tensors.pop("inner.lm_head.weight")
    with pytest.raises(ForeignCheckpoint, match=r"inner\.lm_head\.weight.*inner\.surprise"):
        weights_from_official(tensors, config_from_official(OFFICIAL))


@pytest.mark.parametrize(
    "changes",
    [
        {"arch": "gpt"},
        {"arch": "transformers_baseline", "H_layers": 2, "pos_encodings": "none"},
        {"puzzle_emb_ndim": 1000},
        {"puzzle_emb_ndim": 0},
        {"arch": "hrm", "H_layers": None},
        {"arch": "trm_hier6", "L_cycles": 8},
        {"rms_norm_eps": 0.0},
        {"hidden_size": 4, "puzzle_emb_ndim": 4},
    ],
)
def test_other_architectures_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ForeignCheckpoint):
        config_from_official(OFFICIAL | changes)


def test_the_one_pass_baseline_and_models_without_prefix_convert() -> None:
    baseline = {"arch": "transformers_baseline", "mlp_t": False, "pos_encodings": "rope", "halt_max_steps": 1}
    config = config_from_official(OFFICIAL | baseline | {"H_layers": 2, "H_cycles": 1})
    assert (config.latents, config.layers, config.prefix_tokens) == ("none", 2, 1)
    assert "inner.H_level.layers.1.self_attn.o_proj.weight" in official_names(config)
    assert config_from_official(OFFICIAL | {"puzzle_emb_ndim": 0, "puzzle_emb_len": 0}).prefix_tokens == 0


def test_without_a_configuration_the_counts_are_asked_for(run: Run) -> None:
    with pytest.raises(ForeignCheckpoint, match=r"H_cycles \(recursions\), L_cycles \(latent steps\)"):
        convert(run.folder / "step_250", None, "sudoku-4x4", run.folder / "ours")


def test_counts_that_the_configuration_lacks_are_named(run: Run) -> None:
    del run.arch["L_cycles"], run.arch["halt_max_steps"]
    with pytest.raises(
        ForeignCheckpoint, match=r"state L_cycles \(latent steps\), halt_max_steps \(supervision steps\):"
    ):
        run.convert()


def test_counts_that_differ_from_the_preset_are_listed(run: Run) -> None:
    with pytest.raises(ForeignCheckpoint, match=r"latent steps 6, the preset has 2; recursions 3, the preset has 2"):
        run.convert(preset="sudoku-4x4")
    assert not (run.folder / "ours").exists()


def test_a_preset_that_fits_names_the_recipe(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from trm.config import presets

    fitting = presets.get_preset("sudoku-4x4").model_copy(update={"model": config_from_official(OFFICIAL)})
    monkeypatch.setitem(presets.PRESETS, "sudoku-4x4", fitting)
    assert verify(run.convert(preset="sudoku-4x4")).config.preset == "sudoku-4x4"


def test_an_identifier_table_of_another_build_is_refused(run: Run) -> None:
    run.tensors["inner.puzzle_emb.weights"] = weights()["inner.puzzle_emb.weights"]
    with pytest.raises(ForeignCheckpoint, match=r"3 rows, sudoku-4x4 has 1 identifiers.*silently wrong"):
        run.convert()
    run.arch["num_puzzle_identifiers"] = 1
    with pytest.raises(ForeignCheckpoint, match=r"3 rows, the configuration states 1"):
        run.convert()


@pytest.mark.parametrize(("data", "identifiers"), [("arc-1", 876_406), ("arc-2", 1_191_730), ("maze-hard", 1)])
def test_identifiers_of_the_published_sets(data: str, identifiers: int) -> None:
    assert identifiers_of(data, spec_of(data)) == identifiers


def test_another_vocabulary_or_grid_is_refused(run: Run) -> None:
    with pytest.raises(ForeignCheckpoint, match=r"know 6 tokens, sudoku-6x6 has 8"):
        run.convert("sudoku-6x6")
    spec = PuzzleSpec(kind="grid", rows=5, cols=5, symbols=tuple("abcde"))
    ones = np.ones((2, 25), np.int32)
    save_dataset(run.folder / "grids", "grids", {"train": PuzzleSet(spec, ones, ones)})
    with pytest.raises(ForeignCheckpoint, match=r"over 18 tokens; 2 of the prefix and the 25 cells .* make 27"):
        run.convert(str(run.folder / "grids"))
    run.arch["seq_len"] = 25
    with pytest.raises(ForeignCheckpoint, match=r"seq_len 25, sudoku-4x4 has 16 cells"):
        run.convert()


def test_a_shape_that_contradicts_the_configuration_is_named(run: Run) -> None:
    run.arch["expansion"] = 9.0
    with pytest.raises(ForeignCheckpoint, match=r"mlp\.gate_up\.weight has the shape .* asks for"):
        run.convert()


def test_files_that_carry_code_are_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return subprocess.check_call, (["touch", str(tmp_path / "ran")],)

    torch.save({"inner.H_init": Attack()}, tmp_path / "step_1")
    with pytest.raises(ForeignCheckpoint, match="can run code"):
        read_tensors(tmp_path / "step_1")
    assert not (tmp_path / "ran").exists()


def test_files_of_other_kinds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("neither one nor the other")
    (tmp_path / "cut").write_bytes((GOLDEN / "trm-mlp.safetensors").read_bytes()[:500])
    torch.save({"model": {"inner.H_init": torch.zeros(2)}}, tmp_path / "nested")
    for name in ("text", "cut", "nested"):
        with pytest.raises(ForeignCheckpoint):
            read_tensors(tmp_path / name)
    with pytest.raises(CheckpointNotFound):
        read_tensors(tmp_path / "nowhere")


def test_configurations_are_read_as_yaml_or_json(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.convert()
    document = yaml.safe_load((run.folder / "all_config.yaml").read_text())
    (run.folder / "all.json").write_text(json.dumps(document))
    (run.folder / "arch.yaml").write_text(yaml.dump(document["arch"]))
    whole = read_config(run.folder / "all.json")
    assert (whole["arch"], whole["puzzle_emb_ndim"], whole["lr"]) == ("trm", 64, 3e-4)
    assert read_config(run.folder / "arch.yaml").items() <= whole.items()
    (run.folder / "bad.yaml").write_text("!!python/object/apply:os.getcwd []")
    for name in ("bad.yaml", "step_250"):
        with pytest.raises((ForeignCheckpoint, CheckpointNotFound)):
            read_config(run.folder / name)
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    with pytest.raises(ForeignCheckpoint, match="pip install pyyaml"):
        read_config(run.folder / "arch.yaml")


def test_command_converts_and_replaces_nothing(run: Run) -> None:
    app = typer.Typer()
    app.command()(command)
    out, again = run.convert(), run.folder / "again"
    given = [str(run.folder / "step_250"), "--config", str(run.folder / "all_config.yaml"), "--data", "sudoku-4x4"]
    result = CliRunner().invoke(app, [*given, "--out", str(again)])
    assert result.exit_code == 0
    assert "step 250" in result.output
    with pytest.raises(ConfigError, match="exists already"):
        CliRunner().invoke(app, [*given, "--out", str(out)], catch_exceptions=False)


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(run: Run, value: float) -> None:
    run.tensors["inner.lm_head.weight"][0, 0] = value
    with pytest.raises(ForeignCheckpoint, match=r"inner\.lm_head\.weight .* infinite or not a number"):
        run.convert()
    assert not (run.folder / "ours").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 27\n", "git-lfs pointer"),
        (b"<!DOCTYPE html>\n<html>", "web page"),
    ],
)
def test_a_file_in_place_of_the_checkpoint_is_named(run: Run, content: bytes, words: str) -> None:
    (run.folder / "step_250").write_bytes(content)
    with pytest.raises(ForeignCheckpoint, match=words):
        read_tensors(run.folder / "step_250")


def test_prefixes_of_data_parallel_training_are_left_out(tmp_path: Path) -> None:
    save_file({"module._orig_mod.model.inner.H_init": torch.zeros(2)}, tmp_path / "step_1")
    assert read_tensors(tmp_path / "step_1").keys() == {"inner.H_init"}
