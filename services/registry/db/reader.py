"""The database role that dashboards read with: it selects the columns that they show, and nothing else."""

from psycopg import Connection, sql
from psycopg.errors import InsufficientPrivilege

from services.registry.db.database import Database, driver_connection
from services.registry.db.locks import Lock, take
from services.registry.errors import RolesRefused

READER = "trm_reader"
READABLE = {  # table -> the columns that the boards in deploy/grafana ask for; a test holds the two together
    "checkpoints": ("id", "run_id", "step", "bytes", "created_at", "retired_at"),
    "job_attempts": ("job_id", "attempt", "worker", "outcome", "error_code", "started_at", "ended_at"),
    "jobs": (
        *("id", "kind", "status", "name", "run_id", "model_id", "pretrained"),
        *("error_code", "created_at", "finished_at"),
    ),
    "run_evaluations": ("run_id", "split", "exact_accuracy", "step_exact_accuracy", "created_at"),
    "run_metrics": (
        *("run_id", "attempt", "seconds", "loss", "exact_accuracy", "halt_accuracy", "halted"),
        *("mean_supervision_steps", "puzzles_per_second"),
    ),
    "runs": ("id", "name", "preset", "dataset", "step", "total_steps", "exact_accuracy", "created_at"),
    "solutions": ("job_id", "verified", "halt_probability", "steps"),
    "webhook_deliveries": ("created_at", "delivered_at", "due_at"),
    "workers": ("name", "role", "device", "cores", "concurrency", "slots_busy", "started_at", "seen_at"),
}
OWN_TABLES = """
    SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm')
    AND pg_has_role(relowner, 'USAGE')
"""
RESTRAINTS = {  # of its sessions; what keeps it from writing are the rights that it lacks
    "default_transaction_read_only": "on",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "15s",
}


def provide_reader(database: Database, password: str | None) -> bool:
    """Make the role unless it exists, with this password, and grant it what it may read, and no more.

    Without a password no client can log in as the role where the server asks for one. False, and nothing done, when the database's
    user may not make roles and no password is set; raises RolesRefused when one is.
    """
    with database.transaction() as session:
        take(session, Lock.SCHEMA)
        connection = driver_connection(session)
        try:
            with connection.transaction():  # a savepoint
                _provide_role(connection, password)
        except InsufficientPrivilege as error:
            if password is not None:
                raise RolesRefused(
                    f"The database's user may not make the role {READER}, which TRM_READER_PASSWORD asks for: {error.diag.message_primary}."
                ) from error
            if not _has_role(connection):
                return False
        _grant(connection)
    return True


def _provide_role(connection: Connection, password: str | None) -> None:
    role = sql.Identifier(READER)
    if not _has_role(connection):
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT 20").format(role))
    if password is not None:  # only what proves it is sent, so that no log of statements has it
        verifier = connection.pgconn.encrypt_password(password.encode(), READER.encode(), b"scram-sha-256")
        connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(role, sql.Literal(verifier.decode())))
    for name, value in RESTRAINTS.items():
        connection.execute(sql.SQL("ALTER ROLE {} SET {} = {}").format(role, sql.Identifier(name), sql.Literal(value)))


def _has_role(connection: Connection) -> bool:
    return connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (READER,)).fetchone() is not None


def _grant(connection: Connection) -> None:
    role = sql.Identifier(READER)
    for (table,) in connection.execute(OWN_TABLES).fetchall():
        connection.execute(sql.SQL("REVOKE ALL ON {} FROM {}").format(sql.Identifier(table), role))
    for table, columns in READABLE.items():
        listed = sql.SQL(", ").join(map(sql.Identifier, columns))
        connection.execute(sql.SQL("GRANT SELECT ({}) ON {} TO {}").format(listed, sql.Identifier(table), role))
