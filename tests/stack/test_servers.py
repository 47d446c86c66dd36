"""The embedded servers are the real thing and keep what they were given."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import redis
from sqlalchemy import text

from services.registry.db.database import Database, require_head
from services.stack import broker, postgres
from services.stack.sockets import LINK, socket_folder
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


def test_the_folder_for_sockets_has_no_name_that_can_be_foretold(tmp_path: Path) -> None:
    first = socket_folder(tmp_path / "data")
    shutil.rmtree(first)
    second = socket_folder(tmp_path / "data")
    try:
        assert second != first
        assert second.stat().st_mode & 0o777 == 0o700
    finally:
        second.rmdir()


@pytest.mark.parametrize("trap", ["link", "file"])
def test_what_was_put_in_place_of_the_folder_for_sockets_is_left_alone(tmp_path: Path, trap: str) -> None:
    victim, folder = tmp_path / "victim", socket_folder(tmp_path / "data")
    victim.mkdir(mode=0o755)
    before = victim.stat()
    folder.rmdir()
    if trap == "link":
        folder.symlink_to(victim)
    else:
        folder.touch()
    chosen = socket_folder(tmp_path / "data")
    try:
        assert chosen != folder
        assert (victim.stat().st_mode, victim.stat().st_uid) == (before.st_mode, before.st_uid)
    finally:
        folder.unlink()
        chosen.rmdir()


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A folder of another user: one that root gives away, or the system's own."""
    if os.geteuid() != 0:
        return Path("/")
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, 12_345, 12_345)
    return folder


def test_a_folder_for_sockets_that_belongs_to_another_is_not_used(tmp_path: Path, theirs: Path) -> None:
    data, before = tmp_path / "data", theirs.stat()
    data.mkdir()
    (data / LINK).symlink_to(theirs)
    chosen = socket_folder(data)
    try:
        assert chosen != theirs
        assert (theirs.stat().st_mode, theirs.stat().st_uid) == (before.st_mode, before.st_uid)
    finally:
        chosen.rmdir()
