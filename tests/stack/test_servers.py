"""The embedded servers are the real thing and keep what they were given."""

import signal
import subprocess
from pathlib import Path

import redis
from sqlalchemy import text

from services.registry.db.database import Database, require_head
from services.stack import broker, postgres
from services.stack.sockets import socket_folder
from tests.conftest import START_SECONDS, wait_until


def test_postgres_answers_at_the_newest_schema(database: Database) -> None:
    require_head(database)
    with database.engine.connect() as connection:
        assert connection.execute(text("SHOW listen_addresses")).scalar() == ""


def test_initialising_and_creating_twice_changes_nothing(postgres_sockets: Path) -> None:
    postgres.initialise(postgres_sockets / "postgres")
    postgres.create_database(postgres_sockets, "twice")
    postgres.create_database(postgres_sockets, "twice")


def test_the_broker_keeps_messages_over_a_kill(server_folder: Path) -> None:
    folder = server_folder / "killed"
    folder.mkdir()
    for attempt in range(2):
        server = subprocess.Popen(broker.server_command(folder, folder), stdout=subprocess.DEVNULL)
        wait_until(lambda: broker.answers(folder))
        with redis.Redis(unix_socket_path=str(folder / broker.SOCKET)) as client:
            if attempt == 0:
                client.rpush("queue", "job")
                client.execute_command("WAITAOF", 1, 0, 5000)
            else:
                assert client.lrange("queue", 0, -1) == [b"job"]
        server.send_signal(signal.SIGKILL)
        server.wait(START_SECONDS)


def test_socket_paths_are_short_however_deep_the_data_is(tmp_path: Path) -> None:
    deep = tmp_path / "/".join(["folder"] * 30)
    folder = socket_folder(deep)
    try:
        assert len(str(folder / ".s.PGSQL.5432")) < 100
        assert socket_folder(deep) == folder
        assert socket_folder(tmp_path) != folder
    finally:
        folder.rmdir()
        socket_folder(tmp_path).rmdir()
