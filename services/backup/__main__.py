"""`python -m services.backup`: the operator's commands."""

import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from services.backup.create import create as create_backup
from services.backup.manifest import Manifest
from services.backup.manifest import verify as verify_backup
from services.backup.restore import restore as restore_backup
from services.registry.db.database import Database
from services.registry.settings import load_settings
from services.registry.storage.storage import Storage
from services.stack.errors import StackError
from services.stack.operator import database_url
from trm.errors import CodedError

cli = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Back up and restore the database and the artifacts."
)
console = Console(highlight=False, soft_wrap=True)

From = Annotated[Path, typer.Argument(help="The folder of a backup.")]


@cli.command()
def create(
    folder: Annotated[Path | None, typer.Argument(help="Where to put it; <data folder>/backups unless given.")] = None,
) -> None:
    """Make a backup in a new folder; the service may run."""
    settings, begun = load_settings(), time.monotonic()
    with database_url(settings, while_running=True) as url, closing(Database(url)) as database:
        made = create_backup(database, Storage.of(settings), folder or settings.data_dir / "backups")
    console.print(f"[bold]{made.path}[/]\n  {_describe_contents(made.manifest)} in {time.monotonic() - begun:.1f} s")
    for name in made.manifest.not_intact():
        console.print(f"  [yellow]note[/] {name} before it was backed up")


@cli.command()
def verify(backup: From) -> None:
    """Check every file of a backup."""
    manifest = verify_backup(backup)
    console.print(
        f"The backup is whole: {_describe_contents(manifest)}, of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC"
    )


@cli.command()
def restore(
    backup: From, replace: Annotated[bool, typer.Option("--replace", help="Discard what the database holds.")] = False
) -> None:
    """Restore a backup; the service must be stopped."""
    settings, begun = load_settings(), time.monotonic()
    with database_url(settings, while_running=False) as url, closing(Database(url)) as database:
        restored = restore_backup(database, Storage.of(settings), backup, replace=replace)
    console.print(f"Restored {_describe_contents(restored.manifest)} in {time.monotonic() - begun:.1f} s")
    if restored.requeued:
        console.print(f"  {restored.requeued} jobs were running then, and are queued again")


def _describe_contents(manifest: Manifest) -> str:
    size = f"{manifest.bytes / 1e6:,.1f} MB"
    return f"{manifest.rows:,} rows, {len(manifest.artifacts):,} artifacts, {size}, schema {manifest.schema_revision}"


def main() -> None:
    """Run a command; an expected error becomes one line and exit status 1."""
    try:
        cli()
    except CodedError as error:
        sys.exit(f"{error} [{error.code}]")
    except StackError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
