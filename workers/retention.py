"""Deletes retired checkpoints: the mark first, then the files, the row last, so that an interrupted deletion can be finished later."""

import structlog

from services.registry.db import locks
from services.registry.db.database import Database
from services.registry.errors import RegistryError
from services.registry.runs import checkpoints
from services.registry.storage.storage import Storage
from trm.errors import StorageFull

log = structlog.get_logger()


def clear_out(database: Database, storage: Storage, run_id: str | None = None, *, seconds: float = 0) -> int:
    """Delete what was retired so long ago, of one run or of all; how many.

    What fails is left for the next time, and so is everything while a backup copies the files.
    """
    try:
        with database.transaction() as session:
            if not locks.share(session, locks.Lock.DELETION):
                return 0
            rows = checkpoints.list_retired(session, run_id, seconds=seconds)
            for row in rows:
                storage.delete_folder(row.url)
            if rows:
                checkpoints.forget(session, [row.id for row in rows])
    except (RegistryError, StorageFull) as error:
        log.warning("checkpoints.not_deleted", code=error.code, reason=str(error))
        return 0
    return len(rows)
