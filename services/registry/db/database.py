"""The connection to Postgres: the only place that begins and commits transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from select import POLLIN, poll

import psycopg
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event, func, select, text
from sqlalchemy.exc import DisconnectionError, InterfaceError, InternalError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session, sessionmaker

from services.registry.db import storable
from services.registry.db.tables import REVISION
from services.registry.errors import DatabaseUnavailable, SchemaAhead, SchemaBehind
from services.registry.settings import Settings
from services.registry.tracing.statements import trace_statements
from trm.errors import StorageFull

CONNECT_SECONDS = 5
DISK_FULL = "53100"  # SQLSTATE
READ_ONLY, IDLED_TOO_LONG = "25006", "25P03"  # the driver calls these internal errors; both pass
# A server that vanished without a word is noticed within about half a minute, not after hours; over a unix socket these do nothing.
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}  # s, s, -, ms
# A stopped process must not keep rows locked: the server ends what idles inside a transaction.
LIMITS = {"statement_timeout": "60s", "lock_timeout": "15s", "idle_in_transaction_session_timeout": "30s"}
SERVER_OPTIONS = " ".join(f"-c {name}={value}" for name, value in {"timezone": "UTC", **LIMITS}.items())


class Database:
    """A pool of connections. Threads share it; processes never do."""

    def __init__(self, url: str, *, pool_size: int = 5) -> None:
        self.engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=2 * pool_size,
            pool_timeout=CONNECT_SECONDS,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "options": SERVER_OPTIONS,
                "application_name": "trm",
                **KEEPALIVE,
            },
        )
        event.listen(self.engine, "connect", storable.adapt)
        event.listen(self.engine, "checkout", _require_open)
        trace_statements(self.engine)
        self._sessions = sessionmaker(self.engine, expire_on_commit=False)

    @classmethod
    def of(cls, settings: Settings, *, pool_size: int = 5) -> "Database":
        """The database that the settings name; raises SettingMissing."""
        return cls(settings.require_database_url(), pool_size=pool_size)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that commits at the end of the block, or rolls back when the block raises.

        Raises DatabaseUnavailable, StorageFull when the server has no room, or SchemaMismatch when that is why a query fails.
        """
        try:
            with typed_errors(), self._sessions() as session, session.begin():
                yield session
        except ProgrammingError:
            require_head(self)
            raise

    @contextmanager
    def unhurried(self) -> Iterator[Session]:
        """A transaction without timeouts, for operations on the whole database."""
        with self.transaction() as session:
            _unhurry(session.connection())
            yield session

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """A read-only session with one snapshot of the database and without timeouts."""
        with self.transaction() as session:
            options = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            _unhurry(session.connection(execution_options=options))
            yield session

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _unhurry(connection: Connection) -> None:
    for limit in LIMITS:
        connection.execute(text(f"SET LOCAL {limit} = 0"))


def _require_open(connection: psycopg.Connection, _record: object, _proxy: object) -> None:
    """Have the pool replace a connection that died while it was idle: then its end can be read, and else nothing can.

    Looking costs no round trip; asking the server would double those of a short transaction.
    """
    socket = poll()
    socket.register(connection.fileno(), POLLIN)
    if socket.poll(0):
        raise DisconnectionError("The server has ended the connection.")


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turns the driver's errors of an absent or exhausted server into ours."""
    try:
        yield
    except PoolTimeout as error:
        raise DatabaseUnavailable("Every connection to the database is in use. Try again in a moment.") from error
    except (OperationalError, InterfaceError) as error:
        raise _translate(error.orig) from error
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:  # of a COPY, which goes past SQLAlchemy
        raise _translate(error) from error
    except (InternalError, psycopg.InternalError) as error:
        reason = error.orig if isinstance(error, InternalError) else error
        if getattr(reason, "sqlstate", None) in (READ_ONLY, IDLED_TOO_LONG):
            raise _translate(reason) from error
        raise


def _translate(error: BaseException | None) -> Exception:
    if getattr(error, "sqlstate", None) == DISK_FULL:
        return StorageFull("The database's disk is full; nothing was recorded. Free some space there.")
    reason = " ".join(str(error).split())[:300]
    return DatabaseUnavailable(f"The database does not answer: {reason}")


def current_revision(database: Database) -> str | None:
    """The migration that the database is at; None for an empty one."""
    with typed_errors(), database.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def driver_connection(session: Session) -> psycopg.Connection:
    """Psycopg's own connection, in the session's transaction: for COPY, and for statements with identifiers in them."""
    connection = session.connection().connection.driver_connection
    assert isinstance(connection, psycopg.Connection)  # noqa: S101 - it is checked out
    return connection


def read_clock(database: Database) -> datetime:
    """The time by the database's clock."""
    with typed_errors(), database.engine.connect() as connection:
        moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
        return moment


def require_head(database: Database) -> None:
    """Raises SchemaBehind or SchemaAhead unless the database has exactly this code's schema; revisions are numbered upwards."""
    current = current_revision(database)
    if current == REVISION:
        return
    if current is None or current < REVISION:
        raise SchemaBehind(
            f"The database is at {current or 'nothing'}, this code needs {REVISION}. Run `python -m migrations`."
        )
    raise ahead_error(current)


def ahead_error(revision: str) -> SchemaAhead:
    """The refusal of a database that newer code has migrated to this revision."""
    return SchemaAhead(
        f"The database is at {revision}, which this code does not know. Run the code that made it, or newer."
    )
