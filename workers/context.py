"""What every task of a worker process shares."""

import os
import socket
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from kombu.entity import Queue

from services.registry.db.database import Database
from services.registry.jobs.queue import own_queue
from services.registry.jobs.requirements import Capabilities
from services.registry.metrics.metrics import WorkerMetrics
from services.registry.settings import Settings
from services.registry.storage.storage import Storage
from trm.network.cores import Cores
from workers.idleness import Idleness

Metrics = TypeVar("Metrics", bound=WorkerMetrics)


@dataclass
class Worker(Generic[Metrics]):
    """The process: its settings, its connections, and whether it is being stopped."""

    settings: Settings
    database: Database
    storage: Storage
    metrics: Metrics
    name: str = field(default_factory=lambda: f"{socket.gethostname()}:{os.getpid()}")
    stopping: threading.Event = field(default_factory=threading.Event)
    offers: Capabilities = field(default_factory=lambda: Capabilities("cpu"))
    idleness: Idleness = field(default_factory=Idleness)
    cores: Cores = field(init=False)

    def __post_init__(self) -> None:
        """The cores are shared with the machine's other workers unless their number is set."""
        threads = self.settings.threads
        self.cores = Cores(threads, None if threads else self.settings.data_dir / "cores")

    @property
    def queue(self) -> Queue:
        """The queue of this worker alone."""
        return own_queue(self.name)

    @property
    def scratch(self) -> Path:
        """Folder for temporary files, which are not needed after a crash."""
        return self.settings.data_dir / "scratch"
