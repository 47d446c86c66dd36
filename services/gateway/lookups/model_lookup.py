"""Finds the model that a solve job names: one that ships, a checkpoint, or the newest of a run."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy.orm import Session

from services.gateway.problems.errors import ModelNotReady, ModelUnknown
from services.registry.db.database import Database
from services.registry.db.owners import Sight
from services.registry.errors import CheckpointNotFound, RunNotFound
from services.registry.jobs import jobs
from services.registry.runs import checkpoints, runs
from trm.config.run import RunConfig
from trm.interface import pretrained
from trm.suggest import did_you_mean

REMEMBERED = 256


@dataclass(frozen=True)
class Model:
    """What to solve with, one of the two, and what it was trained with."""

    config: RunConfig
    checkpoint_id: str | None = None
    pretrained: str | None = None  # the name of a shipped model

    @property
    def name(self) -> str:
        """What the worker loads it by."""
        return self.checkpoint_id or self.pretrained or ""


FindModel = Callable[[Sight, str], Model]


def model_finder(database: Database) -> FindModel:
    """A function from what a request names to the model, among those that its caller may see; a shipped model is visible to all.

    It raises ModelUnknown or ModelNotReady. What a checkpoint was trained with, and whose it is, never change, so that is read once
    for each sight; which one is a run's newest is asked every time. Whether it is still there is seen when the job is recorded.
    """

    @lru_cache(REMEMBERED)
    def config_of(sight: Sight, checkpoint_id: str) -> RunConfig:
        with database.seen_by(sight).transaction() as session:
            return checkpoints.config_of(session, checkpoint_id)

    def find(sight: Sight, name: str) -> Model:
        if name in pretrained.names():
            return Model(pretrained.pretrained(name).config, pretrained=name)
        try:
            checkpoint_id = _newest_of(database.seen_by(sight), name) if name.startswith("run_") else name
            return Model(config_of(sight, checkpoint_id), checkpoint_id)
        except (RunNotFound, CheckpointNotFound) as error:
            raise unknown(error, _describe_name(database.seen_by(sight), name)) from error

    return find


def _describe_name(database: Database, name: str) -> str:
    """Explains a name that is not a model's: that of another object, of a job, or one given to a run."""
    if close := did_you_mean(name, pretrained.names()):
        return close
    with database.transaction() as session:
        run_id = jobs.run_of(session, name) if name.startswith("job_") else runs.find_named(session, name)
    if run_id is None:
        return ""
    what = "is a job" if name.startswith("job_") else "is what a run is called"
    return f" {name[:100]!r} {what}: give its run's id, {run_id}."


def unknown(error: RunNotFound | CheckpointNotFound, meant: str = "") -> ModelUnknown:
    """The problem for a model that does not exist, or no longer does."""
    return ModelUnknown(
        f"{error}{meant} List them with GET /v1/runs, GET /v1/checkpoints or, those that ship, GET /v1/models."
    )


def _newest_of(database: Database, run_id: str) -> str:
    with database.transaction() as session:
        runs.get(session, run_id)
        return _newest(session, run_id)


def _newest(session: Session, run_id: str) -> str:
    try:
        return checkpoints.newest(session, run_id).id
    except CheckpointNotFound as error:
        raise ModelNotReady(str(error)) from error
