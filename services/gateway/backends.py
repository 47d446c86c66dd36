"""What the routes stand on: the database, the queue and the storage, opened once for the app."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Annotated

from celery import Celery
from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from services.gateway import caller
from services.gateway.announcer import Announcer
from services.gateway.audit_trail import AuditTrail
from services.gateway.authentication import KeyRing
from services.gateway.caller import Identity
from services.gateway.intake import Intake
from services.gateway.model_lookup import FindModel, model_finder
from services.registry.database import Database
from services.registry.metrics import GatewayMetrics
from services.registry.owners import EVERYTHING, Sight
from services.registry.queue import publisher_app
from services.registry.settings import Settings
from services.registry.storage import Storage


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
    find_model: FindModel
    finder: Callable[[Sight], FindModel]
    keys: KeyRing
    audit: AuditTrail
    caller: Identity = caller.LOCAL
    stopping: threading.Event = field(default_factory=threading.Event)  # set when the server begins to stop

    @classmethod
    def of(cls, settings: Settings) -> "Backends":
        """The parts that the settings name; none of them connects before it is used."""
        collectors = CollectorRegistry()
        database, queue, storage = Database.of(settings), publisher_app(settings), Storage(settings.storage_url)
        metrics, announcer = GatewayMetrics(collectors), Announcer(database, queue)
        intake = Intake(database, announcer, metrics)
        finder = model_finder(database)
        access = KeyRing(database), AuditTrail(database)
        find = finder(EVERYTHING)
        return cls(settings, database, queue, storage, collectors, metrics, announcer, intake, find, finder, *access)

    def seen_by(self, who: Identity) -> "Backends":
        """The same parts as this caller may use them: nothing of other owners' is found, and what is made is the caller's.

        This is the one place that keeps owners apart: every route gets its parts from here.
        """
        return replace(
            self,
            database=self.database.seen_by(who.sight),
            intake=self.intake.on_behalf_of(who.owner),
            find_model=self.finder(who.sight),
            caller=who,
        )

    def start(self) -> None:
        """Begin to take jobs in."""
        self.announcer.start()
        self.audit.start()
        self.intake.start()

    def close(self) -> None:
        """Bring to an end what was taken in, then let go of every connection."""
        self.intake.close()
        self.announcer.close()
        self.audit.close()
        self.database.close()
        self.queue.close()


async def _of_app(request: Request) -> Backends:
    backends: Backends = request.app.state.backends
    return backends.seen_by(caller.known(request.scope))


Parts = Annotated[Backends, Depends(_of_app)]
