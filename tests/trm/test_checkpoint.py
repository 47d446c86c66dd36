"""Checkpoints: whole or not at all, and refused when damaged or foreign."""

import errno
import json
from pathlib import Path

import pytest
import torch

from trm.checkpoints import checkpoint
from trm.data.splits import Splits
from trm.errors import CheckpointNotFound, CorruptCheckpoint, ForeignCheckpoint, StorageFull
from trm.interface.events import Evaluated
from trm.solving.solver import Solver
from trm.training.session import Session
from trm.training.trainer import Trainer

FIRST = Path(__file__).parents[1] / "golden" / "checkpoint"


@pytest.fixture
def saved(trainer: Trainer, tmp_path: Path) -> Path:
    trainer.update()
    return Path(trainer.state.save(tmp_path).path)


def test_a_saved_checkpoint_verifies(saved: Path, trainer: Trainer) -> None:
    meta = checkpoint.verify(saved)
    assert meta.step == 1
    assert meta.config == trainer.config
    assert saved.name == "step_00000001"
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]  # nothing temporary is left


def test_announced_size_and_digest_are_those_on_disk(trainer: Trainer, tmp_path: Path) -> None:
    event = trainer.state.save(tmp_path)
    assert event.bytes == sum(f.stat().st_size for f in Path(event.path).iterdir())
    assert event.digest == checkpoint.read_meta(Path(event.path)).digest


def test_saving_a_step_again_replaces_it(saved: Path, trainer: Trainer) -> None:
    trainer.state.model.embedding.data += 1
    trainer.state.save(saved.parent)
    tensors = checkpoint.read_tensors(saved, checkpoint.read_meta(saved), "model")
    torch.testing.assert_close(tensors["embedding"], trainer.state.model.embedding.data)
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("name", ["model.safetensors", "ema.safetensors", "state.safetensors"])
def test_a_flipped_bit_is_noticed(saved: Path, name: str) -> None:
    data = bytearray((saved / name).read_bytes())
    data[-1] ^= 1
    (saved / name).write_bytes(data)
    with pytest.raises(CorruptCheckpoint, match=name):
        checkpoint.verify(saved)


def test_a_truncated_or_missing_file_is_noticed(saved: Path) -> None:
    weights = saved / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CorruptCheckpoint, match="100 bytes"):
        Solver.load(saved)
    weights.unlink()
    with pytest.raises(CorruptCheckpoint):
        Solver.load(saved)


def test_foreign_and_damaged_meta_are_told_apart(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound):
        Solver.load(tmp_path / "nowhere")
    (saved / "meta.json").write_text('{"format": "something else"}')
    with pytest.raises(ForeignCheckpoint):
        Solver.load(saved)
    (saved / "meta.json").write_text("{")
    with pytest.raises(CorruptCheckpoint):
        Solver.load(saved)


def test_weights_of_another_shape_are_foreign(saved: Path) -> None:
    meta = json.loads((saved / "meta.json").read_text())
    meta["config"]["model"]["hidden_size"] = 32
    (saved / "meta.json").write_text(json.dumps(meta))
    with pytest.raises(ForeignCheckpoint):
        Solver.load(saved)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_state_that_is_not_finite_is_not_resumed(trainer: Trainer, tmp_path: Path, value: float) -> None:
    trainer.update()
    trainer.state.carry.z[0, 0, 0] = value
    saved = Path(trainer.state.save(tmp_path).path)
    with pytest.raises(CorruptCheckpoint, match=r"carry/z .* infinite or not a number"):
        trainer.state.load(saved, checkpoint.read_meta(saved))


def test_newest_passes_over_damaged_ones(saved: Path, trainer: Trainer) -> None:
    trainer.update()
    later = Path(trainer.state.save(saved.parent).path)
    assert checkpoint.newest(saved.parent) == later
    (later / "state.safetensors").write_bytes(b"")
    assert checkpoint.newest(saved.parent) == saved
    with pytest.raises(CheckpointNotFound):
        checkpoint.newest(saved)


def test_a_full_disk_leaves_nothing_behind(trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("trm.checkpoints.checkpoint.os.fsync", no_room)
    with pytest.raises(StorageFull, match="No room left"):
        trainer.state.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_the_first_version_is_read_and_written_the_same(splits: Splits, tmp_path: Path) -> None:
    """Of a Muon training with its best weights, stopped while a validation was under way."""
    trainer = Trainer.resume(FIRST, splits, torch.device("cpu"))
    saved = Path(trainer.state.save(tmp_path).path)
    before, after = checkpoint.verify(FIRST), checkpoint.verify(saved)
    assert (after.step, after.config, after.metrics, after.progress) == (
        before.step,
        before.config,
        before.metrics,
        before.progress,
    )
    assert after.files.keys() == before.files.keys()
    for file in before.files:
        read, written = (checkpoint.read_tensors(f, m, Path(file).stem) for f, m in ((FIRST, before), (saved, after)))
        assert read.keys() == written.keys()
        assert all(torch.equal(tensor, written[name]) for name, tensor in read.items()), file
    steps = [event.step for event in Session(trainer).run() if isinstance(event, Evaluated)]
    assert steps == [4, 6, 8, 8]
