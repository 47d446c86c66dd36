"""Every combination of the official configuration that the official code runs: ours computes the same, and converts it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from tests.trm.restated import Restated
from trm.checkpoints.checkpoint import verify
from trm.cli import build
from trm.errors import ForeignCheckpoint
from trm.interop.convert import convert
from trm.interop.golden import compare
from trm.interop.names import config_from_official
from trm.solving.solver import Solver

pytestmark = pytest.mark.long

GOLDEN = Path(__file__).parents[1] / "golden"
CASES: dict[str, dict[str, Any]] = {
    "trm, attention, learned": {"pos_encodings": "learned"},
    "trm, attention, none": {"pos_encodings": "none"},
    "trm, mlp, learned": {"mlp_t": True, "pos_encodings": "learned"},
    "trm, mlp, rope has no effect": {"mlp_t": True},
    "trm, mlp, none": {"mlp_t": True, "pos_encodings": "none"},
    "single latent, learned": {"arch": "trm_singlez", "pos_encodings": "learned"},
    "six latents, four updated": {"arch": "trm_hier6", "L_cycles": 4, "pos_encodings": "learned"},
    "hrm, learned": {"arch": "hrm", "pos_encodings": "learned"},
    "hrm, none": {"arch": "hrm", "pos_encodings": "none"},
    "hrm, mlp": {"arch": "hrm", "mlp_t": True, "pos_encodings": "none"},
    "hrm, more layers answer": {"arch": "hrm", "H_layers": 3, "L_layers": 1},
    "hrm, fewer layers answer, learned": {"arch": "hrm", "H_layers": 1, "L_layers": 2, "pos_encodings": "learned"},
    "hrm of its own repository": {"arch": "hrm_act_v1", "mlp_t": True, "H_layers": 1},
    "baseline, several steps": {"arch": "transformers_baseline", "H_layers": 3, "num_heads": 3, "L_cycles": None, "L_layers": None},
    "baseline, learned": {"arch": "transformers_baseline", "pos_encodings": "learned"},
    "heads that leave channels over": {"num_heads": 5},
    "an odd head, none": {"hidden_size": 35, "num_heads": 5, "puzzle_emb_ndim": 35, "pos_encodings": "none"},
    "narrow puzzle embedding": {"puzzle_emb_ndim": 5, "puzzle_emb_len": 2},
    "puzzle embedding over two tokens": {"puzzle_emb_ndim": 40, "puzzle_emb_len": 3, "mlp_t": True},
    "prefix as long as needed": {"puzzle_emb_ndim": 40, "puzzle_emb_len": 0, "pos_encodings": "learned"},
    "hrm, prefix as long as needed": {"arch": "hrm", "puzzle_emb_ndim": 40},
    "no prefix": {"puzzle_emb_ndim": 0, "puzzle_emb_len": 0, "pos_encodings": "learned"},
    "other constants": {"rms_norm_eps": 1e-2, "rope_theta": 50.0},
}  # fmt: skip
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "more updates than latents": ({"arch": "trm_hier6", "L_cycles": 7}, "one too many"),
    "no positions": ({"arch": "hrm_act_v1", "pos_encodings": "none"}, "hrm_act_v1 knows no positions 'none'"),
    "puzzle embedding too wide": ({"puzzle_emb_ndim": 100, "puzzle_emb_len": 2}, "does not fit a prefix of 64"),
    "prefix without embedding": ({"puzzle_emb_ndim": 0, "puzzle_emb_len": 16}, "must both be 0"),
    "odd head with rope": ({"hidden_size": 35, "num_heads": 5}, "even number of channels"),
    "unstated layers": ({"arch": "hrm", "H_layers": None}, "must state H_layers"),
}


@pytest.mark.parametrize("name", CASES)
def test_ours_computes_what_the_formulas_say(name: str, tmp_path: Path) -> None:
    Restated(**CASES[name]).write(tmp_path / "case.json")
    compared = compare(tmp_path / "case.json", torch.float64)
    assert {"eval logits", "eval q_halt_logits", "eval q_continue_logits", "eval loss", "train gradients"} <= {
        c.quantity for c in compared
    }
    assert {c.quantity: c.error for c in compared if not c.error < 1e-5} == {}


@pytest.mark.parametrize("name", CASES)
def test_an_official_checkpoint_of_it_converts(name: str, tmp_path: Path) -> None:
    case = Restated(**CASES[name] | {"vocab_size": 6, "seq_len": 16, "num_puzzle_identifiers": 1})
    case.ids.zero_()
    source, config = tmp_path / "step_7", tmp_path / "all_config.json"
    torch.save({f"_orig_mod.model.{key}": weight.float() for key, weight in case.weights.items()}, source)
    arch = {key: value for key, value in case.official.items() if key not in ("arch", "seq_len", "vocab_size")}
    config.write_text(json.dumps({"arch": arch | {"name": f"models.{case.arch}@Model", "forward_dtype": "float32"}}))
    convert(source, config, "sudoku-4x4", tmp_path / "ours")
    assert verify(tmp_path / "ours").step == 7
    solver = Solver.load(tmp_path / "ours", "cpu")
    rows = solver.model.puzzle_rows(case.ids)
    with torch.no_grad():
        output = solver.model(case.inputs, rows, *solver.model.initial_state(len(case.inputs), torch.float32))
    starts = [case.weights[key].expand(len(case.inputs), case.tokens, -1) for key in case.starts()]
    expected = case.step(starts)[1]["logits"].float()
    torch.testing.assert_close(output.logits, expected, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_official_code_cannot_run_is_refused(name: str) -> None:
    changes, reason = REFUSED[name]
    official = {key: value for key, value in (Restated().official | changes).items() if value is not None}
    with pytest.raises(ForeignCheckpoint, match=reason):
        config_from_official(official)


def test_every_case_is_reported_before_the_command_fails(tmp_path: Path) -> None:
    for name in ("hrm", "trm-mlp"):
        for suffix in (".json", ".safetensors"):
            shutil.copy(GOLDEN / f"{name}{suffix}", tmp_path)
    Restated(pos_encodings="learned").write(tmp_path / "learned.json")
    document = json.loads((tmp_path / "hrm.json").read_text())
    (tmp_path / "hrm.json").write_text(json.dumps(document | {"config": document["config"] | {"arch": "gpt"}}))
    shutil.copy(tmp_path / "hrm.safetensors", tmp_path / "another.safetensors")
    (tmp_path / "another.json").write_text("{")
    result = CliRunner().invoke(build(), ["golden", str(tmp_path)], env={"COLUMNS": "200"})
    assert result.exit_code == 1
    for said in (
        "Architecture 'gpt' is unknown",
        "another",
        "learned",
        "trm-mlp",
        "2 of 4 cases agree; not: another, hrm",
    ):
        assert said in result.output
    for name in ("hrm", "another"):
        (tmp_path / f"{name}.json").unlink()
    assert CliRunner().invoke(build(), ["golden", str(tmp_path)]).exit_code == 0
