"""Parity with golden vectors: recorded outputs of the official implementation, recomputed with ours.

A folder holds pairs `NAME.json` (configuration in the official names, scalars) and `NAME.safetensors` (weights, inputs, outputs).
Every supervision step starts from the *recorded* carry of the step before: the recursion of an untrained token-mixing model
amplifies float32 rounding about thirtyfold a step, so that even the official code leaves the tolerance on another processor
when it runs on from its own carry. For the same reason ours is computed in float64 unless asked otherwise: what is left is the
recording's own rounding.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from trm.checkpoints import tensor_file
from trm.errors import CorruptCheckpoint, ForeignCheckpoint
from trm.interop.names import config_from_official, official_names, weights_from_official
from trm.network.model import TinyRecursiveModel
from trm.puzzles.spec import PuzzleSpec
from trm.training.losses import Loss, supervision_loss

TOLERANCE = 1e-4  # relative, float32
HALT_LOSS_WEIGHT = 0.5  # official
OFFICIAL_OUTPUT = ("logits", "q_halt_logits", "q_continue_logits", "z_H", "z_L")


@dataclass(frozen=True)
class Comparison:
    """The largest relative error of one quantity of one case."""

    case: str
    quantity: str  # e.g. "eval logits"
    error: float  # ||ours - golden|| / ||golden||

    @property
    def passed(self) -> bool:
        """Whether the error is within tolerance (never for NaN)."""
        return self.error < TOLERANCE


class Case:
    """One golden case: the recorded tensors, and our model with the recorded weights."""

    def __init__(self, path: Path, dtype: torch.dtype) -> None:
        """Read `path` (the JSON) and the safetensors beside it; raises ForeignCheckpoint for what our model cannot represent."""
        self.dtype, self.name = dtype, path.stem
        try:
            self._read(path)
        except (ValueError, KeyError, RuntimeError, CorruptCheckpoint) as error:
            raise ForeignCheckpoint(
                f"{path} is not a golden case, or its tensors are not those of its configuration: {error}"
            ) from error

    def _read(self, path: Path) -> None:
        document: dict[str, Any] = json.loads(path.read_text())
        self.scalars: dict[str, Any] = document["scalars"]
        official: dict[str, Any] = document["config"]
        self.config = config_from_official(official)
        self.loss_kind: Literal["stablemax", "softmax"] = (
            "stablemax" if official["loss_type"].startswith("stablemax") else "softmax"
        )
        self.recorded = tensor_file.read(path.with_suffix(".safetensors"))
        symbols = tuple(f"s{i}" for i in range(official["vocab_size"] - 1))
        puzzle = PuzzleSpec(kind="grid", rows=1, cols=official["seq_len"], symbols=symbols)
        self.model = TinyRecursiveModel(self.config, puzzle).to(self.dtype)
        weights = {k.removeprefix("weights/"): v for k, v in self.recorded.items() if k.startswith("weights/")}
        self.model.load_state_dict(weights_from_official(weights, self.config))
        self.inputs, self.labels, self.ids = (self.recorded[key] for key in ("inputs", "labels", "puzzle_identifiers"))

    def evaluate(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """(quantity, ours, golden) of the recorded supervision steps without gradient."""
        y, z = self.model.initial_state(len(self.inputs), self.dtype)
        for step, scalars in enumerate(self.scalars["steps"], start=1):
            with torch.no_grad():
                output = self.model(self.inputs, self.model.puzzle_rows(self.ids), y, z)
            for name, tensor in zip(OFFICIAL_OUTPUT, (*output[2:], *output[:2]), strict=True):
                if (golden := self.recorded.get(f"eval/step{step}/{name}")) is not None:
                    yield f"eval {name}", tensor, golden
            yield from self._compare_losses("eval", output.logits, output.halt_logit, scalars)
            y, z = self._read_carry(step)

    def train(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """(quantity, ours, golden) of the recorded gradients of loss / batch size, no update in between."""
        y, z = self.model.initial_state(len(self.inputs), self.dtype)
        names = {ours: official for official, ours in official_names(self.config).items()}
        step = 1
        while (scalars := self.scalars.get(f"train_step{step}")) is not None:
            self.model.zero_grad()
            rows = self.model.puzzle_rows(self.ids).clone().requires_grad_()
            output = self.model(self.inputs, rows, y, z)
            loss = self._compute_loss(output.logits, output.halt_logit)
            torch.autograd.backward(loss.total / len(self.inputs))
            yield from self._compare_losses("train", output.logits, output.halt_logit, scalars)
            gradients = {names[name]: p.grad for name, p in self.model.named_parameters()} | {
                "puzzle_emb_rows": rows.grad
            }
            for name, gradient in gradients.items():
                if (golden := self.recorded.get(f"train/step{step}/grad/{name}")) is not None and gradient is not None:
                    yield "train gradients", gradient, golden
            y, z = self._read_carry(step)  # no update in between: the carry is that of evaluation
            step += 1

    def _read_carry(self, step: int) -> tuple[Tensor, Tensor]:
        # a single latent is the answer as well, and the one-pass baseline has no latent
        y, z = (self.recorded.get(f"eval/step{step}/{name}") for name in ("z_H", "z_L"))
        y, z = (z if y is None else y), (y if z is None else z)
        if y is None or z is None:
            raise ForeignCheckpoint(f"{self.name} records no state of step {step}.")
        return y.to(self.dtype), z.to(self.dtype)

    def _compare_losses(
        self, mode: str, logits: Tensor, halt: Tensor, golden: dict[str, float]
    ) -> Iterator[tuple[str, Tensor, Tensor]]:
        loss = self._compute_loss(logits.detach(), halt.detach())
        for name, ours in (("loss", loss.total), ("lm_loss", loss.answer), ("q_halt_loss", loss.halting)):
            yield f"{mode} {name}", ours, torch.tensor(golden[name], dtype=torch.float64)

    def _compute_loss(self, logits: Tensor, halt: Tensor) -> Loss:
        kind, weight = self.loss_kind, HALT_LOSS_WEIGHT
        return supervision_loss(logits.double(), halt, self.labels, kind=kind, halt_weight=weight)


def relative_error(ours: Tensor, golden: Tensor) -> float:
    """Norm of the difference over the norm of the golden tensor, in float64; infinite when the shapes differ."""
    if ours.shape != golden.shape:
        return float("inf")
    return float((ours.double() - golden.double()).norm() / golden.double().norm().clamp(min=1e-30))


def compare(path: Path, dtype: torch.dtype = torch.float64) -> list[Comparison]:
    """Every quantity of one case with its largest error over the recorded steps."""
    case = Case(path, dtype)
    errors: dict[str, list[float]] = {}
    for quantity, ours, golden in (*case.evaluate(), *case.train()):
        errors.setdefault(quantity, []).append(relative_error(ours, golden))
    # torch's maximum, unlike Python's, keeps a NaN
    return [Comparison(case.name, quantity, float(torch.tensor(values).max())) for quantity, values in errors.items()]


def cases(folder: Path) -> list[Path]:
    """The cases of a golden folder; raises ForeignCheckpoint when there is none."""
    found = sorted(p for p in folder.glob("*.json") if p.with_suffix(".safetensors").exists())
    if not found:
        raise ForeignCheckpoint(f"{folder} holds no golden case: expected NAME.json beside NAME.safetensors.")
    return found
