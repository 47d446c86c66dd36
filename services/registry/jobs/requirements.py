"""What a job needs of the worker that takes it, and what workers offer; one rule in SQL says whether they fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Float, Integer, Text, and_, cast, func, literal, or_
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from services.registry.db.base import Json
from services.registry.db.operations_tables import WorkerProcess
from services.registry.db.tables import Job

GIB = 1 << 30
NAMES = {"cpu": "a processor", "cuda": "an NVIDIA GPU"}  # of devices


@dataclass(frozen=True)
class Capabilities:
    """What a worker offers."""

    device: str  # cpu or cuda
    devices: int = 1  # that a job can have: GPUs, or cores
    memory_bytes: int = 0  # of one GPU, or of the machine
    device_name: str | None = None  # of a GPU
    labels: Sequence[str] = ()  # that its operator gave it


@dataclass(frozen=True)
class Requirements:
    """What a job asks for; nothing as it stands."""

    device: str | None = None
    min_memory_gb: float | None = None  # GiB, of one GPU or of the machine
    labels: tuple[str, ...] = ()
    devices: int = 1  # at least

    @property
    def column(self) -> Json | None:
        """As it is recorded; None when any worker will do."""
        asked: Json = {
            "device": self.device,
            "min_memory_gb": self.min_memory_gb,
            "labels": list(self.labels) or None,
            "devices": self.devices if self.devices > 1 else None,
        }
        return {name: value for name, value in asked.items() if value is not None} or None

    @classmethod
    def of(cls, column: Json | None) -> "Requirements":
        """The requirements that were recorded."""
        asked = dict(column or {})
        return cls(**asked | {"labels": tuple(asked.get("labels", ()))})

    def __str__(self) -> str:
        """For example `a worker with 2 devices, an NVIDIA GPU, 40 GB of memory and the label lab-a`."""
        parts = [f"{self.devices} devices"] if self.devices > 1 else []
        parts += [NAMES[self.device]] if self.device else []
        parts += [f"{self.min_memory_gb:g} GB of memory"] if self.min_memory_gb else []
        parts += [f"the label{'s' * (len(self.labels) > 1)} {', '.join(self.labels)}"] if self.labels else []
        *most, last = parts or [""]
        return (f"{', '.join(most)} and {last}" if most else last).strip()


def fit(offered: Capabilities | type[WorkerProcess], asked: Any = Job.requires) -> ColumnElement[bool]:  # noqa: ANN401
    """Whether what a job asks for, a JSONB expression, is offered by a worker: this one, or the one of the row."""
    device, devices, memory, labels = _list_offers(offered)
    words = func.jsonb_extract_path(asked, "labels", type_=JSONB)  # a subscript would need a column
    fits = (
        func.coalesce(asked["device"].astext, device) == device,
        func.coalesce(cast(asked["devices"].astext, Integer), 1) <= devices,
        func.coalesce(cast(asked["min_memory_gb"].astext, Float), 0) * GIB <= memory,
        func.coalesce(words.contained_by(func.to_jsonb(labels)), True),
    )
    return or_(asked.is_(None), and_(*fits))


def _list_offers(offered: Capabilities | type[WorkerProcess]) -> tuple[Any, Any, Any, Any]:
    if isinstance(offered, Capabilities):
        return (
            literal(offered.device, Text),
            literal(offered.devices, Integer),
            literal(offered.memory_bytes, BigInteger),
            literal(list(offered.labels), ARRAY(Text)),
        )
    return offered.device, offered.devices, offered.memory_bytes, offered.labels


def express(requirements: Requirements) -> ColumnElement[Any]:
    """Requirements as an expression, for `fit`."""
    return literal(requirements.column, JSONB(none_as_null=True))
