"""A training as others keep it: its settings, its curve, its evaluations and its last checkpoint, from here or from a service."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trm.client import Client
    from trm.training.run import Run

Json = dict[str, Any]


@dataclass(frozen=True)
class RunRecord:
    """One run; the rows have the fields of the API's `RunMetric` and `RunEvaluation`."""

    id: str
    name: str
    config: Json
    curve: list[Json]
    evaluations: list[Json]
    began: datetime
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str | int | float | bool | None]:
        """The configuration with dotted names: `train.steps`."""
        flat = dict(flatten_settings(self.config))
        return {name: str(value) if isinstance(value, list) else value for name, value in flat.items()}


def read_run(client: "Client", run_id: str) -> RunRecord:
    """The run as a service has it, its curve whole; raises what the client raises."""
    run = client.runs.get(run_id)
    known = {"preset": run.preset, "dataset": run.dataset, "device": run.device, "parameters": run.parameters}
    tags = {f"trm.{name}": str(value) for name, value in known.items() if value is not None}
    return RunRecord(
        id=run.id,
        name=run.name or run.id,
        config=run.config.to_dict(),
        curve=[row.to_dict() for row in client.runs.metrics(run.id)],
        evaluations=[row.to_dict() for row in client.runs.evaluations(run.id)],
        began=run.created_at,
        tags=tags | {f"trm.tag.{tag}": "true" for tag in run.tags} | run.metadata,
    )


def record_run(run: "Run", name: str | None = None) -> RunRecord:
    """A training of this process, as `trm.train` returns it."""
    return RunRecord(
        id=run.checkpoint.parent.name,
        name=name or run.checkpoint.parent.name,
        config=run.config.model_dump(mode="json"),
        curve=[_make_row(event.as_dict()) for event in run.curve],
        evaluations=[_make_row(event.as_dict()) for event in run.evaluations],
        began=datetime.fromtimestamp(datetime.now(UTC).timestamp() - run.seconds, UTC),
        tags={"trm.preset": run.config.preset, "trm.dataset": run.config.dataset},
    )


def _make_row(event: Json) -> Json:
    return {name: value for name, value in event.items() if name != "event"}


def flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Settings with dotted names."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flatten_settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
