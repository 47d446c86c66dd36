"""Dependencies of the routes: the database, the queue and the storage, opened once for the app."""

import threading
from dataclasses import dataclass, field, replace
from typing import Annotated

from celery import Celery
from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from services.gateway.access import caller
from services.gateway.access.caller import Caller, Identity
from services.gateway.access.recheck import AccessRecheck
from services.gateway.access.records import Records
from services.gateway.intake.announcer import Announcer
from services.gateway.intake.intake import Intake
from services.gateway.lookups.pace_lookup import PaceLookup
from services.gateway.middleware.audit_trail import AuditTrail
from services.gateway.middleware.authentication import KeyRing
from services.registry.access.visibility import AccessScope
from services.registry.db.database import Database
from services.registry.jobs.queue import publisher_app
from services.registry.metrics.metrics import GatewayMetrics
from services.registry.settings import Settings
from services.registry.storage.storage import Storage
from services.registry.submissions.backlog import Caps


@dataclass(frozen=True)
class Backends:
    """Shared by all requests of the process; all parts are safe for threads."""

    settings: Settings
    database: Database
    queue: Celery
    storage: Storage
    collectors: CollectorRegistry
    metrics: GatewayMetrics
    announcer: Announcer
    intake: Intake
    keys: KeyRing
    audit: AuditTrail
    paces: PaceLookup
    caller: Identity = caller.LOCAL
    stopping: threading.Event = field(default_factory=threading.Event)  # set when the server begins to stop

    @classmethod
    def of(cls, settings: Settings) -> "Backends":
        """The parts that the settings name; none of them connects before it is used."""
        collectors = CollectorRegistry()
        database, queue, storage = Database.of(settings), publisher_app(settings), Storage.of(settings)
        metrics, announcer = GatewayMetrics(collectors), Announcer(database, queue)
        caps = Caps(settings.max_queued_jobs, settings.max_queued_jobs_per_owner)
        intake, keys, audit = Intake(database, announcer, metrics, caps), KeyRing(database), AuditTrail(database)
        paces = PaceLookup(database)
        return cls(settings, database, queue, storage, collectors, metrics, announcer, intake, keys, audit, paces)

    @property
    def access(self) -> AccessScope:
        """Which rows the caller's queries find, and in whose name it makes new ones."""
        return self.caller.access

    @property
    def records(self) -> Records:
        """The database as the caller sees it."""
        return Records(self.database, self.access)

    def recheck(self) -> AccessRecheck:
        """Whether the caller may continue with what lasts longer."""
        return AccessRecheck(self.caller, self.keys.reload_caller)

    def start(self) -> None:
        """Start to accept jobs."""
        self.announcer.start()
        self.audit.start()
        self.intake.start()

    def close(self) -> None:
        """Finish what was accepted, then release every connection."""
        self.intake.close()
        self.announcer.close()
        self.audit.close()
        self.database.close()
        self.queue.close()


async def _get_parts(request: Request, who: Caller) -> Backends:
    backends: Backends = request.app.state.backends
    return replace(backends, caller=who)


Parts = Annotated[Backends, Depends(_get_parts)]
