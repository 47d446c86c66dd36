"""A training as others keep it: its settings, its curve, its evaluations and its last checkpoint, from here or from a service."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from trm.training.run import Run

ROWS_AT_ONCE = 5000
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
        return dict(_flatten_settings(self.config))


class Service(Protocol):
    """What is asked of a client of the API."""

    def get(self, path: str, **params: str | int) -> Json:
        """The JSON at a path."""
        ...


def read_run(service: Service, run_id: str) -> RunRecord:
    """The run as a service has it, its curve whole; raises what the client raises."""
    home = f"/v1/runs/{run_id}"
    run = service.get(home)
    known = {name: str(run[name]) for name in ("preset", "dataset", "device", "parameters") if run[name] is not None}
    tags = {f"trm.{name}": value for name, value in known.items()} | {f"trm.tag.{tag}": "true" for tag in run["tags"]}
    return RunRecord(
        id=run["id"],
        name=run["name"] or run["id"],
        config=run["config"],
        curve=list(_read_curve(service, home)),
        evaluations=service.get(f"{home}/evaluations")["data"],
        began=datetime.fromisoformat(run["created_at"]),
        tags=tags | run["metadata"],
    )


def find_last_checkpoint(service: Service, run_id: str) -> str | None:
    """The id of the run's newest checkpoint; None while it has none."""
    newest = service.get(f"/v1/runs/{run_id}/checkpoints", limit=1)["data"]
    return newest[0]["id"] if newest else None


def fetch_checkpoint(
    service: Service, save: Callable[[str, Path], None], checkpoint_id: str, folder: Path
) -> Iterator[Path]:
    """Bring the files of a checkpoint into the folder, one after the other; `save` writes what is at a path to a file."""
    home = f"/v1/checkpoints/{checkpoint_id}/files"
    for entry in service.get(home)["data"]:
        to = folder / Path(entry["name"]).name
        save(f"{home}/{entry['name']}", to)
        yield to


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


def _read_curve(service: Service, home: str) -> Iterator[Json]:
    after: int | None = 0
    while after is not None:
        page = service.get(f"{home}/metrics", after_step=after, limit=ROWS_AT_ONCE)
        yield from page["data"]
        after = page["next_after_step"]


def _flatten_settings(settings: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flatten_settings(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", str(value) if isinstance(value, list) else value
