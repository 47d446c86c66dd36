"""Finds the model that a job names: one that ships, a checkpoint, the newest of a run, or what a name was given to."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from services.gateway.problems.errors import ModelNotReady
from services.registry.access.visibility import AccessScope
from services.registry.db.database import Database
from services.registry.errors import ModelNotFound, RunNotFound
from services.registry.jobs import jobs
from services.registry.runs import checkpoints, models, runs
from trm.config.run import RunConfig
from trm.errors import CheckpointNotFound, UnknownModel
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
        """The name by which a worker loads the model."""
        return self.checkpoint_id or self.pretrained or ""

    @property
    def digest(self) -> str | None:
        """SHA-256 of a shipped model's weights; None of a checkpoint, whose id stands for them."""
        return pretrained.pretrained(self.pretrained).digest if self.pretrained else None


FindModel = Callable[[AccessScope, str], Model]


def model_finder(database: Database) -> FindModel:
    """A function from what a request names to the model, among those that its caller may see; a shipped model is visible to all.

    It raises UnknownModel or ModelNotReady. What a checkpoint was trained with, and whose it is, never change, so that is read once
    for each access scope; which one is a run's newest is asked every time. Whether it is still there is seen when the job is recorded.
    """

    @lru_cache(REMEMBERED)
    def config_of(access: AccessScope, checkpoint_id: str) -> RunConfig:
        with database.transaction() as session:
            return checkpoints.config_of(session, access, checkpoint_id)

    def find(access: AccessScope, name: str) -> Model:
        if name in pretrained.names():
            return Model(pretrained.pretrained(name).config, pretrained=name)
        try:
            checkpoint_id = _resolve(database, access, name)
            return Model(config_of(access, checkpoint_id), checkpoint_id)
        except (RunNotFound, CheckpointNotFound) as error:
            raise unknown(error, _describe_name(database, access, name)) from error

    return find


def _describe_name(database: Database, access: AccessScope, name: str) -> str:
    """Explains a name that is not a model's: that of another object, of a job, or one given to a run."""
    if close := did_you_mean(name, pretrained.names()):
        return close
    with database.transaction() as session:
        run_id = (
            jobs.run_of(session, access, name) if name.startswith("job_") else runs.find_named(session, access, name)
        )
    if run_id is None:
        return ""
    what = "is a job" if name.startswith("job_") else "is what a run is called"
    return f" {name[:100]!r} {what}: give its run's id, {run_id}."


def unknown(error: RunNotFound | CheckpointNotFound, meant: str = "") -> UnknownModel:
    """The problem for a model that does not exist, or no longer does."""
    return UnknownModel(
        f"{error}{meant} List them with GET /v1/runs, GET /v1/checkpoints or, those that ship, GET /v1/models."
    )


def _resolve(database: Database, access: AccessScope, name: str) -> str:
    """The id of the checkpoint that a run, or a name, stands for; any other text as it is."""
    if name.startswith("run_"):
        return _find_newest(database, access, name)
    if name.startswith("ckpt_"):
        return name
    try:
        with database.transaction() as session:
            return models.get(session, access, name).checkpoint_id
    except ModelNotFound:
        return name


def _find_newest(database: Database, access: AccessScope, run_id: str) -> str:
    with database.transaction() as session:
        runs.get(session, access, run_id)
        try:
            return checkpoints.newest(session, access, run_id).id
        except CheckpointNotFound as error:
            raise ModelNotReady(str(error)) from error
