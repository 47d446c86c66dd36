"""Where Prometheus can read metrics."""

from typing import Self

from services.gateway.schemas.base import Response, examples
from services.registry.db.operations_tables import WorkerProcess


class Target(Response):
    """One process, in the form of Prometheus' HTTP service discovery."""

    model_config = examples({"targets": ["172.18.0.7:9100"], "labels": {"role": "train", "worker": "3f1c:7"}})

    targets: list[str]
    labels: dict[str, str]

    @classmethod
    def of(cls, row: WorkerProcess) -> Self:
        """The worker of this row."""
        return cls(targets=[row.metrics], labels={"role": row.role, "worker": row.name})
