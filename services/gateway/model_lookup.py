"""Finds the model that a solve job names: a checkpoint, or the newest of a run."""

from collections.abc import Callable
from functools import lru_cache

from sqlalchemy.orm import Session

from services.gateway.errors import ModelNotReady, ModelUnknown
from services.registry import checkpoints, runs
from services.registry.database import Database
from services.registry.errors import CheckpointNotFound, RunNotFound
from trm.config import RunConfig

REMEMBERED = 256

FindModel = Callable[[str], tuple[str, RunConfig]]


def model_finder(database: Database) -> FindModel:
    """A function from what a request names to a checkpoint's id and what it was trained with.

    It raises ModelUnknown or ModelNotReady. What a checkpoint was trained with never changes, so it is read once; whether it
    is still there, and which one is a run's newest, is asked every time.
    """

    @lru_cache(REMEMBERED)
    def config_of(checkpoint_id: str) -> RunConfig:
        with database.transaction() as session:
            checkpoint = checkpoints.get(session, checkpoint_id)
            return RunConfig.model_validate(runs.get(session, checkpoint.run_id).config)

    def find(name: str) -> tuple[str, RunConfig]:
        try:
            checkpoint_id = _checkpoint_id(database, name)
            return checkpoint_id, config_of(checkpoint_id)
        except (RunNotFound, CheckpointNotFound) as error:
            raise ModelUnknown(f"{error} List them with GET /v1/runs or GET /v1/checkpoints.") from error

    return find


def _checkpoint_id(database: Database, name: str) -> str:
    with database.transaction() as session:
        if not name.startswith("run_"):
            return checkpoints.get(session, name).id
        runs.get(session, name)
        return _newest(session, name)


def _newest(session: Session, run_id: str) -> str:
    try:
        return checkpoints.newest(session, run_id).id
    except CheckpointNotFound as error:
        raise ModelNotReady(str(error)) from error
