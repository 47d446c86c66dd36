"""What the routes stand on: the database, the queue and the storage, opened once for the app."""

import threading
from dataclasses import dataclass, field
from typing import Annotated

from celery import Celery
from fastapi import Depends, Request
from prometheus_client import CollectorRegistry

from services.registry.database import Database
from services.registry.metrics import GatewayMetrics
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
    stopping: threading.Event = field(default_factory=threading.Event)  # set when the server begins to stop

    @classmethod
    def of(cls, settings: Settings) -> "Backends":
        """The parts that the settings name; none of them connects before it is used."""
        collectors = CollectorRegistry()
        database, queue, storage = Database.of(settings), publisher_app(settings), Storage(settings.storage_url)
        return cls(settings, database, queue, storage, collectors, GatewayMetrics(collectors))

    def close(self) -> None:
        """Let go of every connection."""
        self.database.close()
        self.queue.close()


async def _of_app(request: Request) -> Backends:
    backends: Backends = request.app.state.backends
    return backends


Parts = Annotated[Backends, Depends(_of_app)]
