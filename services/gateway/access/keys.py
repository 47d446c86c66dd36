"""`python -m services.gateway keys`: the operator's commands for API keys."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from services.registry.access import api_keys, audit
from services.registry.access.audit import AuditEntry
from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.errors import RegistryError
from services.registry.settings import load_settings

cli = typer.Typer(add_completion=False, no_args_is_help=True, help="API keys: create, list, revoke, rotate.")
MOST_LISTED = 100


@contextmanager
def _transaction() -> Iterator[Session]:
    """A session of the database; an error of the registry becomes one line and exit status 1."""
    try:
        with Database.of(load_settings(), pool_size=1).transaction() as session:
            yield session
    except RegistryError as error:
        typer.echo(f"{error} [{error.code}]", err=True)
        raise typer.Exit(1) from error


def _require_owner_name(owner: str) -> str:
    if not re.fullmatch(api_keys.OWNER, owner):
        raise typer.BadParameter(f"{owner!r} is not a valid owner name: 1 to 64 of a-z, 0-9, '.', '_' and '-'.")
    return owner


@cli.command()
def create(
    owner: Annotated[
        str,
        typer.Option(
            help="Owner of the jobs, runs and data sets that it gives access to.", callback=_require_owner_name
        ),
    ],
    scope: Annotated[list[Scope], typer.Option(help="A scope; repeat the option for several.")],
    name: Annotated[str, typer.Option(help="What it is used for.")] = "by the operator",
    days: Annotated[int | None, typer.Option(min=1, help="How long it is valid; forever unless given.")] = None,
) -> None:
    """Create a key and print it; it cannot be shown again."""
    lifetime = None if days is None else timedelta(days=days)
    with _transaction() as session:
        made = api_keys.create(session, owner=owner, name=name, scopes=scope, lifetime=lifetime)
        audit.record(session, [AuditEntry.by_operator(owner, "keys create", made.row.id)])
    typer.echo(made.token)


@cli.command("list")
def list_keys() -> None:
    """Print the newest keys, without secrets."""
    with _transaction() as session:
        rows = api_keys.page(session, limit=MOST_LISTED).items
    for row in rows:
        is_past = row.expires_at is not None and row.expires_at <= datetime.now(UTC)
        state = "withdrawn" if row.revoked_at else "expired" if is_past else "valid"
        used = row.last_used_at.isoformat(timespec="minutes") if row.last_used_at else "never used"
        typer.echo(f"{row.id}  {state:<9}  {row.owner:<20}  {','.join(row.scopes):<17}  {used:<22}  {row.name}")


@cli.command()
def revoke(key_id: str) -> None:
    """Revoke a key: it stops working within seconds."""
    with _transaction() as session:
        row = api_keys.revoke(session, key_id)
        audit.record(session, [AuditEntry.by_operator(row.owner, "keys revoke", row.id)])
    typer.echo(f"{row.id} is withdrawn.")


@cli.command()
def rotate(
    key_id: str, overlap_hours: Annotated[float, typer.Option(min=0, help="How long the old key stays valid.")] = 24
) -> None:
    """Create a key with the same owner and scopes and print it; the old one expires after the overlap."""
    with _transaction() as session:
        made = api_keys.rotate(session, key_id, timedelta(hours=overlap_hours))
        audit.record(session, [AuditEntry.by_operator(made.row.owner, "keys rotate", key_id)])
    typer.echo(made.token)
