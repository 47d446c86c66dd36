"""The whole state of a training between two updates; it saves itself, and resumes bit for bit."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

import torch
from torch import Tensor

from trm.checkpoints import checkpoint
from trm.checkpoints.checkpoint import Meta, Snapshot
from trm.config.run import RunConfig
from trm.data.feed import Passes
from trm.errors import ForeignCheckpoint, NonFiniteLoss
from trm.interface.events import CheckpointSaved, Evaluated
from trm.network.device import dtype_of
from trm.network.model import TinyRecursiveModel
from trm.puzzles.datasets.datasets import spec_of
from trm.training.best import Best
from trm.training.carry import Carry
from trm.training.ema import ExponentialMovingAverage
from trm.training.optimizers import Optimizers
from trm.training.ranks import Ranks
from trm.training.window import Window

NEEDED, FINDINGS = ("model", "ema", "state"), ("best", "validation")  # files of a checkpoint


class Unvalidated(NamedTuple):
    """Weights of a step whose validation has not reported yet."""

    step: int
    tensors: dict[str, Tensor]


@dataclass
class TrainState:
    """One rank's share of the slots, and all that every rank has alike."""

    config: RunConfig
    ranks: Ranks
    model: TinyRecursiveModel
    ema: ExponentialMovingAverage | None
    optimizers: Optimizers
    carry: Carry  # of this rank's slots
    window: Window
    feed: Passes
    generator: torch.Generator  # draws on the host: weights, puzzles, first states, exploration
    noise: torch.Generator  # draws on the device
    best: Best
    also: dict[str, Carry]  # as `carry`, for each data set that `train.also` names
    step: int = 0
    resumed_from: int | None = None
    metrics: dict[str, float | None] = field(default_factory=dict)  # of the last evaluations
    unvalidated: Unvalidated | None = None

    @classmethod
    def initial(cls, config: RunConfig, feed: Passes, device: torch.device, ranks: Ranks) -> Self:
        """The state before the first update."""
        train, own = config.train, ranks.share(config.train.batch_size, config.train.starts)
        slots, dtype = own.stop - own.start, dtype_of(train.precision, device)
        generator = torch.Generator().manual_seed(train.seed)
        model = TinyRecursiveModel(config.model, config.puzzle)
        model.initialise(generator)
        model.to(device)
        others = {name: spec_of(name) for name in train.also}
        return cls(
            config=config,
            ranks=ranks,
            model=model,
            ema=ExponentialMovingAverage(model, train.ema_decay) if train.ema_decay is not None else None,
            optimizers=Optimizers(model, train),
            carry=Carry.empty(model, slots, config.puzzle.cells, dtype),
            window=Window(config.model.max_supervision_steps, train.puzzles, device),
            feed=feed,
            generator=generator,
            noise=torch.Generator(device).manual_seed(train.seed),
            best=Best(train),
            also={n: Carry.empty(model.resize(spec), slots, spec.cells, dtype) for n, spec in others.items()},
        )

    @property
    def carries(self) -> dict[str, Carry]:
        """All carries, by the name that a checkpoint has for each."""
        return {"carry": self.carry} | {f"also/{name}": carry for name, carry in self.also.items()}

    @property
    def averages(self) -> dict[str, Tensor]:
        """The weights to evaluate: averaged, unless the configuration keeps no average."""
        return dict(self.ema.shadow if self.ema else self.model.named_parameters())

    def save(self, out: Path) -> CheckpointSaved:
        """A checkpoint of this moment below `out`, complete when this returns; raises NonFiniteLoss, StorageFull."""
        return self.snapshot().write(checkpoint.step_folder(out, self.step))

    def snapshot(self) -> Snapshot:
        """A copy of this moment, to be written while the training continues; raises NonFiniteLoss rather than copy a broken one.

        All ranks take part, and each has the whole.
        """
        self.require_finite()
        parts = {"model": self.model.state_dict(), "ema": self.averages, "state": self._gather_tensors()}
        copies = {
            stem: {name: tensor.detach().to("cpu", copy=True) for name, tensor in tensors.items()}
            for stem, tensors in parts.items()
        }
        progress = {"epoch": self.feed.epoch, "position": self.feed.position}
        return self.with_findings(Snapshot(copies, self.step, self.config, {}, progress))

    def with_findings(self, taken: Snapshot) -> Snapshot:
        """The snapshot with what evaluations have found until now, and the weights that one is still looking at."""
        step, tensors = self.unvalidated or (None, {})
        parts = taken.parts | {"best": self.best.weights, "validation": tensors}
        progress = taken.progress | self.best.progress() | {"validating": step}
        return replace(
            taken,
            parts={stem: part for stem, part in parts.items() if part},
            metrics=dict(self.metrics),
            progress={name: value for name, value in progress.items() if value is not None},
        )

    def take_note(self, result: Evaluated, weights: dict[str, Tensor] | None) -> None:
        """What the validation of these weights has found; without any, what the test has."""
        if weights is None:
            self.metrics |= {f"test_{name}": value for name, value in result.summary().items()}
            return
        self.best.offer(result, weights)
        self.metrics |= result.summary() | self.best.summary()
        self.unvalidated = None

    def load(self, folder: Path, meta: Meta) -> None:
        """Continue from a checkpoint, written by as many ranks or others.

        Raises CheckpointError when it is damaged or was made by something else.
        """
        device = self.model.embedding.device
        stems = (*NEEDED, *(stem for stem in FINDINGS if f"{stem}.safetensors" in meta.files))
        parts = {stem: checkpoint.read_tensors(folder, meta, stem) for stem in stems}
        try:
            self.model.load_state_dict(parts["model"])
            self._load_tensors(parts["state"])
            if self.ema is not None:
                _copy(parts["ema"], self.ema.shadow)
            self.best.load(parts.get("best", {}), meta.progress, meta.metrics, device)
            self.feed.seek(meta.progress["epoch"], meta.progress["position"])
            if tensors := parts.get("validation"):
                on_device = {name: tensor.to(device) for name, tensor in tensors.items()}
                self.unvalidated = Unvalidated(meta.progress["validating"], on_device)
        except (RuntimeError, KeyError) as error:
            raise ForeignCheckpoint(f"{folder} does not fit its own configuration: {error}") from error
        self.step = self.resumed_from = meta.step
        self.metrics = dict(meta.metrics)

    def adopt(self, folder: Path) -> None:
        """Begin with the weights that a checkpoint solves with, everything else fresh.

        Raises CheckpointError when it is damaged, or its model is another one.
        """
        try:
            self.model.load_state_dict(checkpoint.read_weights(folder, checkpoint.read_meta(folder)))
        except RuntimeError as error:
            raise ForeignCheckpoint(f"The weights in {folder} do not fit this configuration: {error}") from error
        if self.ema is not None:
            _copy(dict(self.model.named_parameters()), self.ema.shadow)

    def require_finite(self) -> None:
        """Raise NonFiniteLoss when an update's loss was infinite or not a number; waits for the device."""
        if not (step := int(self.window.bad_step)):
            return
        named = [
            *self.model.named_parameters(),
            *(("the carried answer y", carry.y) for carry in self.carries.values()),
            *(("the carried latent z", carry.z) for carry in self.carries.values()),
        ]
        broken = next(
            (name for name, tensor in named if not tensor.isfinite().all()),
            "none of the weights or states, only the loss",
        )
        raise NonFiniteLoss(
            f"The loss became infinite or not a number at step {step}; first such tensor: {broken}. The checkpoints saved before "
            "are good. Lower train.learning_rate, set train.gradient_clip=1, or use float32."
        )

    def _gather_tensors(self) -> dict[str, Tensor]:
        self.window.merge(self.ranks)
        groups = {"optimizer": self.optimizers.tensors(), "window": self.window.tensors()}
        for group, carry in self.carries.items():
            groups[group] = {name: self.ranks.gather(tensor) for name, tensor in carry.tensors().items()}
        random = {"generator": self.generator.get_state(), "noise": self.noise.get_state()}
        return random | {f"{group}/{name}": t for group, tensors in groups.items() for name, t in tensors.items()}

    def _load_tensors(self, tensors: dict[str, Tensor]) -> None:
        own = self.ranks.share(self.config.train.batch_size)
        for group, carry in self.carries.items():
            if kept := _group(tensors, group):  # a light pack leaves it out: all slots start over
                _copy({name: tensor[own] for name, tensor in kept.items()}, carry.tensors())
        self.optimizers.load(_group(tensors, "optimizer"))
        _copy(_group(tensors, "window"), self.window.tensors())
        self.window.keep_for_one(self.ranks)
        self.generator.set_state(tensors["generator"])
        self.noise.set_state(tensors["noise"])


def _group(tensors: dict[str, Tensor], group: str) -> dict[str, Tensor]:
    """The tensors of this group, by their names in it."""
    return {name.removeprefix(f"{group}/"): t for name, t in tensors.items() if name.startswith(f"{group}/")}


@torch.no_grad()
def _copy(tensors: dict[str, Tensor], into: dict[str, Tensor]) -> None:
    """Copy in place: a captured CUDA graph keeps using the same memory."""
    for name, tensor in into.items():
        tensor.copy_(tensors[name])
