"""A key that is good for a day, for the demo on a service that asks for keys."""

from contextlib import closing
from datetime import timedelta

from services.registry.access import api_keys, audit
from services.registry.access.audit import AuditEntry
from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.db.ids import LOCAL_OWNER
from services.stack.state import State
from trm.client import ApiError, Client

DEMO_SCOPES, DAY = (Scope.TRAIN, Scope.SOLVE), timedelta(days=1)
UNAUTHENTICATED = 401


def key_for_a_day(running: State) -> str | None:
    """A key to the running stack, if its API asks for one: a user who can reach its database may make keys."""
    with Client(running.api) as client:
        try:
            client.presets.list()
        except ApiError as error:
            if error.status != UNAUTHENTICATED:
                raise
        else:
            return None
    with closing(Database(running.database_url, pool_size=1)) as database, database.transaction() as session:
        made = api_keys.create(session, owner=LOCAL_OWNER, name="demo", scopes=DEMO_SCOPES, lifetime=DAY)
        audit.record(session, [AuditEntry.by_operator(LOCAL_OWNER, "keys create", made.row.id)])
    return made.token
