"""Brings a database to the newest schema."""

import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from services.registry.db.database import Database, ahead_error, current_revision
from services.registry.errors import DatabaseUnavailable

POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Upgrade:
    """The schema's revision before and after."""

    before: str | None
    after: str | None


def script_directory() -> ScriptDirectory:
    """The migrations that came with this code, wherever it is installed."""
    return ScriptDirectory(str(Path(__file__).parent))


def alembic_config(url: str) -> Config:
    """Alembic's configuration for one database, wherever this package is installed."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    config.attributes["database_url"] = url
    return config


def wait_for_database(url: str, seconds: float) -> None:
    """Returns once the database answers; raises DatabaseUnavailable when it has not within so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            _revision(url)
        except DatabaseUnavailable:
            if time.monotonic() >= deadline:
                raise
            time.sleep(POLL_SECONDS)
        else:
            return


def upgrade(url: str) -> Upgrade:
    """Apply every migration that is missing; several migrators at once take turns. Raises SchemaAhead."""
    before = _revision(url)
    if before is not None and before not in {script.revision for script in script_directory().walk_revisions()}:
        raise ahead_error(before)
    config = alembic_config(url)
    config.attributes["to_head"] = True
    command.upgrade(config, "head")
    return Upgrade(before, _revision(url))


def upgrade_within(connection: Connection, revision: str) -> None:
    """Apply the migrations up to a revision in the transaction that is open on the connection, which may roll them back."""
    config = alembic_config("")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _revision(url: str) -> str | None:
    with closing(Database(url, pool_size=1)) as database:
        return current_revision(database)
