"""A client of a real gateway on a real socket."""

from collections.abc import Iterator

import pytest

from services.gateway.server import Server
from tests.gateway.conftest import app, book, model, server
from trm.client import Client

__all__ = ["app", "book", "model", "server"]


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.url, retry_seconds=10) as client:
        yield client
