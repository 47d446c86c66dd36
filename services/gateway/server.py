"""Runs the gateway under uvicorn, from start-up checks to a shutdown that ends open streams."""

import gc
import signal
import socket
from types import FrameType

import structlog
import uvicorn
from fastapi import FastAPI

from services.gateway.allocator import keep_few_arenas
from services.gateway.app import create_app
from services.gateway.backends import Backends
from services.gateway.connections import limit_protocol
from services.gateway.middleware import authentication
from services.registry.db.database import require_head
from services.registry.settings import Settings

SHUTDOWN_SECONDS = 10
log = structlog.get_logger()


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; raises SchemaBehind or SchemaAhead when the database does not fit."""
    keep_few_arenas()
    app = create_app(settings)
    backends: Backends = app.state.backends
    require_head(backends.database)
    authentication.prepare(settings, backends.database)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore_signal)
    Server(app, settings.gateway_host, settings.gateway_port).run()


def _ignore_signal(number: int, frame: FrameType | None) -> None:
    """Uvicorn raises the signal again once it has stopped; a stop that was asked for is not a failure."""


class Server(uvicorn.Server):
    """Uvicorn, which here announces its address and tells waiting requests when it stops."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=host,
                port=port,
                http=limit_protocol(app.state.backends.settings),
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        self._backends: Backends = app.state.backends

    @property
    def url(self) -> str:
        """Address on which it listens; with port 0 known only after start-up."""
        host, port = self.servers[0].sockets[0].getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Bind, then announce the address."""
        await super().startup(sockets)
        if self.started:
            gc.collect()
            gc.freeze()  # what is loaded stays: looking through it all again would hold up every request for 0.1 s
            log.info("gateway.listening", url=self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams and waits first: uvicorn would wait for them."""
        self._backends.stopping.set()
        await super().shutdown(sockets)
