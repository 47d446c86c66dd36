"""Packs: whole or not at all, exact unless light; a training in pieces is the training in one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from trm.checkpoints.checkpoint import choose, read_meta, verify
from trm.checkpoints.pack import MANIFEST, pack, unpack
from trm.config.run import RunConfig
from trm.data.splits import Splits
from trm.errors import CheckpointNotFound, ConfigError, CorruptCheckpoint, ForeignCheckpoint
from trm.interface.events import Updated
from trm.training.session import Session
from trm.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.fixture
def saved(trainer: Trainer, tmp_path: Path) -> Path:
    for _ in range(3):
        trainer.update()
    return Path(trainer.state.save(tmp_path / "run").path)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("piece_bytes", [1000, 4096, 10_000_000])
def test_a_packed_checkpoint_comes_back_byte_for_byte(saved: Path, tmp_path: Path, piece_bytes: int) -> None:
    done = pack(saved, tmp_path / "pack", piece_bytes=piece_bytes)
    sizes = [path.stat().st_size for path in (tmp_path / "pack").glob("*.part")]
    assert (len(sizes), max(sizes) <= piece_bytes) == (done.pieces, True)
    assert sum(sizes) == done.bytes == sum(map(len, contents(saved).values()))
    restored = unpack(tmp_path / "pack", tmp_path / "elsewhere")
    assert restored == tmp_path / "elsewhere" / saved.name
    assert contents(restored) == contents(saved)


def test_a_pack_of_numbers_that_are_not_finite_is_not_unpacked(trainer: Trainer, tmp_path: Path) -> None:
    trainer.update()
    trainer.state.carry.z[0, 0, 0] = float("nan")
    pack(Path(trainer.state.save(tmp_path / "run").path), tmp_path / "pack")
    with pytest.raises(CorruptCheckpoint, match=r"carry/z .* infinite or not a number"):
        unpack(tmp_path / "pack", tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_missing_or_changed_piece_leaves_nothing_behind(saved: Path, tmp_path: Path) -> None:
    pack(saved, tmp_path / "pack", piece_bytes=4096)
    piece = tmp_path / "pack" / "piece_001.part"
    good = piece.read_bytes()
    piece.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(CorruptCheckpoint, match="piece_001"):
        unpack(tmp_path / "pack", tmp_path / "out")
    piece.unlink()
    with pytest.raises(CorruptCheckpoint, match="piece_001"):
        unpack(tmp_path / "pack", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_pack_is_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointNotFound, match="not a pack"):
        unpack(saved, tmp_path)
    pack(saved, tmp_path / "pack")
    with pytest.raises(ConfigError, match="exists already"):
        pack(saved, tmp_path / "pack")
    with pytest.raises(ConfigError, match="exists already"):
        unpack(tmp_path / "pack", saved.parent)
    (tmp_path / "pack" / MANIFEST).write_text(json.dumps({"format": "zip"}))
    with pytest.raises(ForeignCheckpoint):
        unpack(tmp_path / "pack", tmp_path / "out")


def test_a_damaged_checkpoint_is_not_packed(saved: Path, tmp_path: Path) -> None:
    (saved / "ema.safetensors").write_bytes(b"")
    with pytest.raises(CorruptCheckpoint):
        pack(saved, tmp_path / "pack")
    assert not (tmp_path / "pack").exists()


def test_a_light_pack_is_smaller_and_can_be_gone_on_from(
    config: RunConfig, splits: Splits, trainer: Trainer, saved: Path, tmp_path: Path
) -> None:
    whole, light = pack(saved, tmp_path / "whole"), pack(saved, tmp_path / "light", light=True)
    assert light.bytes < 0.8 * whole.bytes
    restored = unpack(tmp_path / "light", tmp_path / "out")
    assert verify(restored).config == config
    again = Trainer.resume(restored, splits, CPU)
    state = again.state
    for name, tensor in trainer.state.model.state_dict().items():
        assert torch.equal(tensor, state.model.state_dict()[name]), name
    assert all(tensor.dtype == torch.float32 for tensor in state.ema.shadow.values())  # type: ignore[union-attr]
    assert bool(state.carry.halted.all())
    assert [event.step for event in Session(again).run() if isinstance(event, Updated)] == [4, 5, 6, 7, 8]


def test_a_folder_of_checkpoints_means_its_newest_intact_one(saved: Path, trainer: Trainer) -> None:
    trainer.update()
    younger = Path(trainer.state.save(saved.parent).path)
    assert choose(saved.parent) == younger
    (younger / "model.safetensors").write_bytes(b"")
    assert choose(saved.parent) == saved == choose(saved)
    with pytest.raises(CheckpointNotFound):
        choose(saved.parent / "nothing")


def piece(folder: Path, name: str, *settings: str, **environment: str) -> Path:
    """Run the script as on a bare machine; the folder it hands back."""
    out = folder / name
    out.mkdir()
    given = {"PYTHON": sys.executable, "OUT": str(out), "RUN": str(folder / f"run-{name}"), "DEVICE": "cpu"}
    subprocess.run(
        ["sh", str(ROOT / "deploy/gpu/train.sh"), *settings],
        env=os.environ | given | {"PRESET": "sudoku-4x4", "PYTHONPATH": str(ROOT)} | environment,
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=240,
    )
    return out


TINY = (
    "--set=train.steps=24", "--set=train.batch_size=8", "--set=model.hidden_size=8", "--set=train.test_puzzles=8",
    "--set=train.checkpoint_every=12", "--set=train.evaluate_every=12", "--set=train.evaluate_puzzles=8",
)  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(900)  # each piece compiles, tests and measures in a process of its own
def test_two_pieces_are_the_straight_run_bit_for_bit(tmp_path: Path) -> None:
    """The first piece has no time left when it has loaded, and stops after one update; the second, on another machine, ends it."""
    piece(tmp_path, "straight", *TINY, MINUTES="9")
    first = piece(tmp_path, "first", *TINY, MINUTES="0", LIGHT="")
    assert read_meta(choose(tmp_path / "run-first")).step == 1
    assert max(path.stat().st_size for path in first.rglob("*.part")) < 16_000_000
    second = piece(tmp_path, "second", MINUTES="9", MEASURE="4", PIECES=str(first / "pack"))
    straight, pieces = (choose(tmp_path / f"run-{name}") for name in ("straight", "second"))
    assert read_meta(straight).step == read_meta(pieces).step == 24
    for stem in ("model", "ema", "state"):
        ours, theirs = (load_file(folder / f"{stem}.safetensors") for folder in (straight, pieces))
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours), stem
    assert (second / "model" / "measured.json").is_file()
    assert "finished" in (second / "events.jsonl").read_text()
