"""Finds the model that a job names: one that ships, a checkpoint, the newest of a run, or what a name was given to."""

from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy.orm import Session

from services.gateway.access.records import Records
from services.gateway.problems.errors import ModelNotReady
from services.registry.access.visibility import AccessScope
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


def find_model(records: Records, name: str) -> Model:
    """What a request names, among the models that its caller may see; a shipped one is visible to all.

    Raises UnknownModel or ModelNotReady. Whether it is still there is seen when the job is recorded.
    """
    if name in pretrained.names():
        return Model(pretrained.pretrained(name).config, pretrained=name)
    try:
        checkpoint_id = _resolve(records, name)
        return Model(_read_config(records, checkpoint_id), checkpoint_id)
    except (RunNotFound, CheckpointNotFound) as error:
        raise unknown(error, _describe_name(records, name)) from error


@lru_cache(REMEMBERED)
def _read_config(records: Records, checkpoint_id: str) -> RunConfig:
    """What a checkpoint was trained with, and whose it is, never change; which one is a run's newest is asked every time."""
    return records.ask(checkpoints.config_of, checkpoint_id)


def _describe_name(records: Records, name: str) -> str:
    """Explains a name that is not a model's: that of another object, of a job, or one given to a run."""
    if close := did_you_mean(name, pretrained.names()):
        return close
    is_job = name.startswith("job_")
    run_id = records.ask(jobs.run_of if is_job else runs.find_named, name)
    if run_id is None:
        return ""
    what = "is a job" if is_job else "is what a run is called"
    return f" {name[:100]!r} {what}: give its run's id, {run_id}."


def unknown(error: RunNotFound | CheckpointNotFound, meant: str = "") -> UnknownModel:
    """The problem for a model that does not exist, or no longer does."""
    return UnknownModel(
        f"{error}{meant} List them with GET /v1/runs, GET /v1/checkpoints or, those that ship, GET /v1/models."
    )


def _resolve(records: Records, name: str) -> str:
    """The id of the checkpoint that a run, or a name, stands for; any other text as it is."""
    if name.startswith("run_"):
        return records.ask(_find_newest, name)
    if name.startswith("ckpt_"):
        return name
    try:
        return records.ask(models.get, name).checkpoint_id
    except ModelNotFound:
        return name


def _find_newest(session: Session, access: AccessScope, run_id: str) -> str:
    runs.get(session, access, run_id)
    try:
        return checkpoints.newest(session, access, run_id).id
    except CheckpointNotFound as error:
        raise ModelNotReady(str(error)) from error
