"""Activations are in bfloat16 only where the device computes in it: emulated it is several times slower than float32."""

from pathlib import Path

import pytest
import torch

from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.interface.events import Started
from trm.network.device import dtype_of
from trm.solving.solver import Solver
from trm.training.session import Session
from trm.training.trainer import Trainer

CPU = torch.device("cpu")


def processor(monkeypatch: pytest.MonkeyPatch, **capabilities: bool) -> None:
    """One that can do this."""
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)


@pytest.mark.parametrize("name", ["avx512_bf16", "amx_bf16", "bf16"])
def test_bfloat16_is_used_where_the_processor_has_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, **{name: True})
    assert dtype_of("bfloat16", CPU) == torch.bfloat16
    assert dtype_of("float32", CPU) == torch.float32


def test_a_processor_without_it_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    processor(monkeypatch, avx2=True, avx512_f=True, avx512_bf16=False)
    assert dtype_of("bfloat16", CPU) == torch.float32


@pytest.mark.parametrize(("has", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_trainer_and_solver_use_it_and_the_first_event_says_so(
    has: bool, expected: str, config: RunConfig, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    processor(monkeypatch, avx512_bf16=has)
    config = config.model_copy(update={"train": config.train.model_copy(update={"precision": "bfloat16"})})
    trainer = Trainer(config, splits, CPU)
    started = next(iter(Session(trainer).run()))
    assert isinstance(started, Started)
    assert started.precision == expected
    assert trainer.state.carry.y.dtype == getattr(torch, expected)
    solver = Solver(trainer.state.model, config, CPU)
    assert solver.engine.cohorts[0].slots.y.dtype == getattr(torch, expected)


def test_a_training_goes_on_on_a_processor_of_the_other_kind(
    config: RunConfig, splits: Splits, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = config.model_copy(update={"train": config.train.model_copy(update={"precision": "bfloat16"})})
    for has in (False, True):
        processor(monkeypatch, avx512_bf16=has)
        trainer = Trainer(config, splits, CPU)
        trainer.update()
        saved = trainer.state.save(tmp_path / str(has))
        processor(monkeypatch, avx512_bf16=not has)
        resumed = Trainer.resume(tmp_path / str(has) / f"step_{saved.step:08d}", splits, CPU)
        assert torch.allclose(resumed.state.carry.y.float(), trainer.state.carry.y.float(), atol=0.02)
        resumed.update()
        assert resumed.state.step == 2
