"""Commands that take several ids: one that is refused keeps none of the others from being tried."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from trm.cli.service.printing import tell

if TYPE_CHECKING:
    from trm.client.record import Record

R = TypeVar("R", bound="Record")


def for_each(ids: list[str], act: Callable[[str], R], describe: Callable[[R], str], *, as_json: bool) -> None:
    """Act on each and tell what came of it; raises the first ApiError at the end, with what else was refused as its notes."""
    from trm.client import ApiError

    refused: list[tuple[str, ApiError]] = []
    for name in ids:
        try:
            done = act(name)
            tell(describe(done), done.to_dict(), as_json=as_json)
        except ApiError as error:
            refused.append((name, error))
    if not refused:
        return
    (name, first), *others = refused
    if len(ids) > 1 and name not in str(first):
        first.add_note(f"That is {name}.")
    for other, reason in others:
        first.add_note(f"{other}: {reason} [{reason.code}]")
    raise first
