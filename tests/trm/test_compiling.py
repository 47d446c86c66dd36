"""Compiling: where it can be done it changes no result that matters, and where it cannot it says why."""

import math
import os
import shutil
import sysconfig
from pathlib import Path

import pytest
import torch

from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.errors import CompilerMissing
from trm.network.compiling import should_compile, why_not
from trm.network.host import SPINS, share_cores
from trm.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.mark.slow
def test_a_compiled_training_learns_the_same(config: RunConfig, splits: Splits) -> None:
    if why_not(CPU) is not None:  # then a clear refusal is what is promised
        with pytest.raises(CompilerMissing, match="leave compiling off"):
            Trainer(config, splits, CPU, compiled=True)
        return
    eager, compiled = Trainer(config, splits, CPU), Trainer(config, splits, CPU, compiled=True)
    for _ in range(3):
        eager.update()
        compiled.update()
    for name, tensor in eager.state.model.named_parameters():
        torch.testing.assert_close(dict(compiled.state.model.named_parameters())[name], tensor, rtol=1e-3, atol=1e-4)
    assert torch.equal(eager.state.carry.inputs, compiled.state.carry.inputs)


def test_auto_compiles_what_is_wide_enough(config: RunConfig) -> None:
    wide = config.model_copy(update={"model": config.model.model_copy(update={"hidden_size": 512})})
    assert should_compile("auto", wide, CPU) == (why_not(CPU) is None)
    assert not should_compile("auto", config, CPU)
    assert not should_compile("never", wide, CPU)


def test_auto_compiles_no_training_that_ends_sooner_than_compiling(config: RunConfig) -> None:
    wide = config.model_copy(update={"model": config.model.model_copy(update={"hidden_size": 512})})
    enough = math.ceil(100_000 / (wide.train.batch_size * wide.puzzle.cells))
    assert should_compile("auto", wide, CPU, updates=enough) == (why_not(CPU) is None)
    assert not should_compile("auto", wide, CPU, updates=enough - 1)


def test_without_a_compiler_the_reason_is_given(config: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    assert not should_compile("auto", config, CPU)
    with pytest.raises(CompilerMissing, match=r"no compiler .* is on the PATH"):
        should_compile("always", config, CPU)


def test_a_compiler_alone_is_not_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "g++").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sysconfig, "get_path", lambda _name: str(tmp_path))
    assert "python3-dev" in str(why_not(CPU))
    (tmp_path / "Python.h").touch()
    assert why_not(CPU) is None


def test_threads_spin_briefly_unless_the_user_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.delenv(name, raising=False)
    share_cores()
    assert os.environ["GOMP_SPINCOUNT"] == SPINS
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    share_cores()
    assert os.environ["GOMP_SPINCOUNT"] == "7"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    share_cores()
    assert "GOMP_SPINCOUNT" not in os.environ
