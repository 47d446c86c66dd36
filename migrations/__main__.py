"""`python -m migrations`: the one-shot command that a deployment runs before its services start."""

import sys
import time
from typing import Annotated

import typer

from migrations.upgrade import upgrade, wait_for_database
from services.registry.errors import RegistryError
from services.registry.settings import load_settings


def migrate(
    wait: Annotated[float, typer.Option(help="Seconds to wait for the database to answer.")] = 60,
) -> None:
    """Bring the database of TRM_DATABASE_URL to the newest schema."""
    started = time.monotonic()
    try:
        url = load_settings().require_database_url()
        wait_for_database(url, wait)
        done = upgrade(url)
    except RegistryError as error:
        print(f"{error} [{error.code}]", file=sys.stderr)
        raise typer.Exit(1) from error
    if done.before == done.after:
        print(f"The schema is at {done.after} already; nothing to do.")
    else:
        print(f"The schema went from {done.before or 'nothing'} to {done.after} in {time.monotonic() - started:.1f} s.")


if __name__ == "__main__":
    typer.run(migrate)
