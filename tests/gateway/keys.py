"""A gateway that asks for keys, and keys to it."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.gateway.app import create_app
from services.registry.access import api_keys
from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.settings import Settings

EVERYTHING_OWN = (Scope.TRAIN, Scope.SOLVE)


@contextmanager
def guarded(settings: Settings, **changes: object) -> Iterator[TestClient]:
    """A client without a key of a gateway that asks for one."""
    app: FastAPI = create_app(settings.model_copy(update={"auth": "on", **changes}))
    with TestClient(app) as client:
        yield client


def header(database: Database, owner: str, *scopes: Scope) -> dict[str, str]:
    """The header that presents a new key."""
    with database.transaction() as session:
        made = api_keys.create(session, owner=owner, name="test", scopes=scopes or EVERYTHING_OWN)
    return {"Authorization": f"Bearer {made.token}"}
