"""Transactions commit whole or not at all, and an absent server has one name."""

import re
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

import services.registry
from services.registry.db.database import KEEPALIVE, Database
from services.registry.db.tables import Run
from services.registry.errors import DatabaseUnavailable, SettingMissing
from services.registry.settings import Settings
from tests.fresh import new_run
from tests.registry.conftest import CONFIG, Book
from trm.errors import StorageFull


def _count(book: Book) -> int:
    with book.transaction() as session:
        return session.scalar(select(func.count()).select_from(Run)) or 0


def test_block_that_raises_leaves_nothing(book: Book) -> None:
    def submit_and_fail() -> None:
        with book.transaction() as session:
            new_run(session, CONFIG)
            raise RuntimeError("on the way")

    with pytest.raises(RuntimeError):
        submit_and_fail()
    assert _count(book) == 0


def test_absent_server_is_unavailable(tmp_path: Path) -> None:
    for url in (f"postgresql+psycopg://absent@/none?host={tmp_path}", "postgresql+psycopg://absent@127.0.0.1:1/none"):
        database = Database(url)
        with pytest.raises(DatabaseUnavailable), database.transaction() as session:
            session.execute(text("SELECT 1"))
        database.close()


def test_broken_connection_is_unavailable_once_and_then_replaced(book: Book) -> None:
    with pytest.raises(DatabaseUnavailable), book.transaction() as session:
        session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    with book.transaction() as session:
        assert session.scalar(text("SELECT 1")) == 1


def test_connections_that_died_while_idle_are_replaced_unseen(book: Book) -> None:
    _count(book)
    others = """
        SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE pid <> pg_backend_pid() AND datname = current_database()
    """
    killer = Database(book.database.engine.url.render_as_string(hide_password=False))
    with killer.transaction() as session:
        assert (session.scalar(text(others)) or 0) >= 1
    killer.close()
    assert _count(book) == 0


def test_full_disk_of_the_server_has_its_own_name(book: Book) -> None:
    with pytest.raises(StorageFull), book.transaction() as session:
        session.execute(text("DO $$ BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END $$"))


def test_a_server_that_is_read_only_is_unavailable(book: Book) -> None:
    def write() -> None:
        with book.transaction() as session:
            session.execute(text("SET TRANSACTION READ ONLY"))
            new_run(session, CONFIG)

    with pytest.raises(DatabaseUnavailable, match="read-only"):
        write()
    assert _count(book) == 0


def test_a_transaction_that_idled_too_long_is_unavailable(book: Book) -> None:
    def idle() -> None:
        with book.transaction() as session:
            session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
            time.sleep(0.5)
            session.execute(text("SELECT 1"))

    with pytest.raises(DatabaseUnavailable):
        idle()


def test_exhausted_pool_is_unavailable(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.registry.db.database.CONNECT_SECONDS", 1)
    database = Database(database_url, pool_size=1)
    release = threading.Event()

    def hold() -> None:
        with database.transaction() as session:
            session.execute(text("SELECT 1"))
            release.wait()

    threads = [threading.Thread(target=hold) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        with pytest.raises(DatabaseUnavailable, match="in use"), database.transaction() as session:
            session.execute(text("SELECT 1"))
    finally:
        release.set()
        for thread in threads:
            thread.join()
        database.close()


def test_a_vanished_server_is_noticed_by_the_system(book: Book) -> None:
    with book.database.engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        told = driver.info.get_parameters()
    assert {name: int(told[name]) for name in KEEPALIVE} == KEEPALIVE


def test_moments_come_back_in_utc(book: Book) -> None:
    assert str(book.train().created_at.tzinfo) in ("UTC", "Etc/UTC")


def test_database_must_be_set(tmp_path: Path) -> None:
    with pytest.raises(SettingMissing, match="TRM_DATABASE_URL"):
        Database.of(Settings(data_dir=tmp_path))


def test_no_clock_but_the_databases_decides() -> None:
    """Machines disagree about the time; only one clock may set or compare the moments of jobs."""
    clock = re.compile(r"datetime\.(now|utcnow)|time\.time\(|\.today\(")
    for path in Path(services.registry.__file__).parent.rglob("*.py"):
        assert not clock.search(path.read_text()), path
