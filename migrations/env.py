"""How Alembic runs the migrations: one migrator at a time, on the database of TRM_DATABASE_URL unless given another.

Given a connection, it migrates in the transaction that is open there, and leaves the lock to who opened it.
"""

from alembic import context
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from services.registry.db import access_tables, operations_tables, tables  # noqa: F401 - Base.metadata holds what is imported
from services.registry.db.base import Base
from services.registry.db.locks import Lock
from services.registry.settings import load_settings


def _url() -> str:
    return context.config.attributes.get("database_url") or load_settings().require_database_url()


def _is_at_head(connection: Connection) -> bool:
    heads = ScriptDirectory.from_config(context.config).get_heads()
    return set(MigrationContext.configure(connection).get_current_heads()) == set(heads)


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=Base.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


def _migrate_alone(connection: Connection) -> None:
    """Hold a lock of the session, not of a transaction: it must outlive every commit in between."""
    connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": Lock.SCHEMA.value})
    connection.commit()
    try:
        _migrate(connection)
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": Lock.SCHEMA.value})
        connection.commit()


def _run_online() -> None:
    asked = {"connect_timeout": 5, "application_name": "trm-migrate"}
    engine = create_engine(_url(), poolclass=NullPool, connect_args=asked)
    with engine.connect() as connection:
        already = context.config.attributes.get("to_head", False) and _is_at_head(connection)
        connection.rollback()
        if not already:
            _migrate_alone(connection)


def _run_offline() -> None:
    context.configure(url=_url(), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()


if context.is_offline_mode():
    _run_offline()
elif (given := context.config.attributes.get("connection")) is not None:
    _migrate(given)
else:
    _run_online()
