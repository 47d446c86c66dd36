"""`trm keys`: who may use a service."""

from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import typer

from trm.cli.service.printing import age, notices, show_list, tell
from trm.cli.service.session import Session, on_service
from trm.cli.service.several import for_each

MOST = 1_000  # keys of a list

cli = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="List, create and revoke the API keys of a service; for administrators.",
)


class Scope(StrEnum):
    """What a key allows."""

    TRAIN = "train"
    SOLVE = "solve"
    ADMIN = "admin"


@cli.command("list")
@on_service
def list_keys(
    session: Session, limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest.")] = MOST
) -> None:
    """List keys, newest first; their secrets are not known."""
    keys = [*islice(session.client.api_keys.list(), limit)]
    columns = {
        "key": lambda key: key.id,
        "owner": lambda key: key.owner,
        "scopes": lambda key: key.scopes,
        "used": lambda key: age(key.last_used_at),
        "ends": lambda key: "revoked" if key.revoked_at else key.expires_at,
        "name": lambda key: key.name,
    }
    show_list(keys, columns, "There is no key. Make one with: trm keys create OWNER", as_json=session.as_json)


@cli.command()
@on_service
def create(
    session: Session,
    owner: Annotated[str, typer.Argument(help="Whose jobs, runs and data sets it gives access to.")],
    name: Annotated[str, typer.Option(help="What it is used for.")] = "command line",
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it allows; may be given again. train and solve unless given.")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How long it is good for; without end unless given.")] = None,
) -> None:
    """Make a key and print it: it is not shown again."""
    scopes: list[Any] = [one.value for one in scope or (Scope.TRAIN, Scope.SOLVE)]
    expiry = {} if days is None else {"expires_in_days": days}
    made = session.client.api_keys.create(owner=owner, name=name, scopes=scopes, **expiry)
    tell(made.key, made.to_dict(), as_json=session.as_json)
    if not session.as_json:
        ending = session.repeat(f"keys revoke {made.id}")
        notices().print(f"Keep it: it is not shown again. To end it: {ending}", soft_wrap=True)


@cli.command()
@on_service
def revoke(
    session: Session,
    keys: Annotated[list[str], typer.Argument(metavar="KEY...", help="Ids of keys, not their secrets.")],
) -> None:
    """End keys; requests with them are refused from now on."""
    for_each(
        keys, session.client.api_keys.revoke, lambda key: f"{key.id} of {key.owner} is revoked", as_json=session.as_json
    )
