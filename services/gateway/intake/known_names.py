"""Refuses unknown parameters: a misspelt filter would list everything."""

from collections.abc import Collection, Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant

from services.gateway.problems.errors import RequestInvalid
from services.gateway.schemas.problem import ProblemItem
from trm.suggest import did_you_mean


async def require_known_query(request: Request) -> None:
    """Raises RequestInvalid, naming each unknown query parameter and the known ones."""
    _require_known(request.query_params.keys(), sorted(_queries(request.scope["route"].dependant)), "query parameters")


async def require_known_fields(request: Request) -> None:
    """The same for the fields of a form, which has been read already."""
    fields = request.scope["route"].dependant.body_params
    _require_known((await request.form()).keys(), sorted(field.alias for field in fields), "fields")


def _require_known(given: Collection[str], known: Collection[str], what: str) -> None:
    listed = f"The known {what} are: {', '.join(known)}." if known else f"There are no {what} here."
    items = [
        ProblemItem(parameter=name[:100], detail=f"There is no {name[:100]!r}.{did_you_mean(name, known)} {listed}")
        for name in given
        if name not in known
    ]
    if items:
        raise RequestInvalid(f"{items[0].parameter}: {items[0].detail}", items=items)


def _queries(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _queries(inner)
