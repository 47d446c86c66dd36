"""`python -m migrations`: the one-shot command that a deployment runs before its services start."""

import sys
import time
from contextlib import closing
from typing import Annotated

import typer

from migrations.upgrade import upgrade, wait_for_database
from services.registry.db.database import Database
from services.registry.db.reader import READER, provide_reader
from services.registry.errors import RegistryError
from services.registry.settings import load_settings


def migrate(
    wait: Annotated[float, typer.Option(help="Seconds to wait for the database to answer.")] = 60,
) -> None:
    """Bring the database of TRM_DATABASE_URL to the newest schema, and let dashboards read it."""
    started = time.monotonic()
    try:
        settings = load_settings()
        url = settings.require_database_url()
        wait_for_database(url, wait)
        done = upgrade(url)
        with closing(Database(url, pool_size=1)) as database:
            is_readable = provide_reader(database, settings.reader_password)
    except RegistryError as error:
        print(f"{error} [{error.code}]", file=sys.stderr)
        raise typer.Exit(1) from error
    if done.before == done.after:
        print(f"The schema is at {done.after} already; nothing to do.")
    else:
        print(f"The schema went from {done.before or 'nothing'} to {done.after} in {time.monotonic() - started:.1f} s.")
    if not is_readable:
        print(f"The database's user may not make roles: there is no {READER} for dashboards.")


if __name__ == "__main__":
    typer.run(migrate)
