"""Finds the model that a solve job names: a checkpoint, or the newest of a run."""

from collections.abc import Callable
from functools import lru_cache, partial

from sqlalchemy.orm import Session

from services.gateway.errors import ModelNotReady, ModelUnknown
from services.registry import checkpoints, runs
from services.registry.database import Database
from services.registry.errors import CheckpointNotFound, RunNotFound
from services.registry.owners import Sight
from trm.config import RunConfig

REMEMBERED = 256

FindModel = Callable[[str], tuple[str, RunConfig]]


def model_finder(database: Database) -> Callable[[Sight], FindModel]:
    """For each sight, a function from what a request names to a checkpoint's id and what it was trained with.

    It raises ModelUnknown or ModelNotReady. A checkpoint never changes, so it is read once for whoever may see it; which
    one is a run's newest is asked every time.
    """

    @lru_cache(REMEMBERED)
    def config_of(checkpoint_id: str, sight: Sight) -> RunConfig:
        with database.seen_by(sight).transaction() as session:
            checkpoint = checkpoints.get(session, checkpoint_id)
            return RunConfig.model_validate(runs.get(session, checkpoint.run_id).config)

    def find(sight: Sight, name: str) -> tuple[str, RunConfig]:
        try:
            checkpoint_id = _newest_of(database.seen_by(sight), name) if name.startswith("run_") else name
            return checkpoint_id, config_of(checkpoint_id, sight)
        except (RunNotFound, CheckpointNotFound) as error:
            raise ModelUnknown(f"{error} List them with GET /v1/runs or GET /v1/checkpoints.") from error

    return lambda sight: partial(find, sight)


def _newest_of(database: Database, run_id: str) -> str:
    with database.transaction() as session:
        runs.get(session, run_id)
        return _newest(session, run_id)


def _newest(session: Session, run_id: str) -> str:
    try:
        return checkpoints.newest(session, run_id).id
    except CheckpointNotFound as error:
        raise ModelNotReady(str(error)) from error
