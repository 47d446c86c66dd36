"""What `trm doctor` examines of the service that is installed here: settings, servers, ports, the database."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime

from services.registry.db.database import Database, read_clock, require_head
from services.registry.db.tables import REVISION
from services.registry.errors import RegistryError, SettingsInvalid
from services.registry.settings import Settings, load_settings
from services.stack import broker, ports, postgres, state
from services.stack.errors import StackError
from services.stack.naming import command
from services.stack.parts import is_ready
from trm.interface.finding import Finding

SKEW = 2  # seconds


def examine() -> Iterator[Finding]:
    """Every finding about the service of this folder."""
    try:
        settings = load_settings()
    except SettingsInvalid as error:
        yield Finding("settings", "fail", str(error), "Correct these variables; .env.example explains each.")
        return
    running = state.read(settings.data_dir)
    yield _examine_stack(settings, running)
    if settings.database_url is None:
        yield _examine_server("postgres", lambda: str(postgres.binaries()))
    if settings.broker_url is None:
        yield _examine_server("broker", broker.binary)
    yield _examine_ports(settings, running)
    url = settings.database_url or (running.database_url if running else None)
    if url is not None:
        yield from _examine_database(url)


def _examine_stack(settings: Settings, running: state.State | None) -> Finding:
    place = settings.data_dir
    if running is None:
        return Finding("stack", "ok", f"does not run (data in {place}); start it with: {command('up')}")
    if is_ready(running.api):
        return Finding("stack", "ok", f"{running.api} is ready (data in {place})")
    found = f"{running.api} is not ready" + (f": waits for {running.waits_for}" if running.waits_for else "")
    return Finding(
        "stack", "fail", found, f"See why: {command('logs')}. Start it again: {command('down')}, {command('up')}"
    )


def _examine_server(name: str, find: Callable[[], str]) -> Finding:
    try:
        return Finding(name, "ok", find())
    except StackError as error:
        return Finding(name, "fail", "not found: the embedded stack cannot start it", str(error))


def _examine_ports(settings: Settings, running: state.State | None) -> Finding:
    """Whether the stack would get the ports that it had before, or the gateway the one that it is to have."""
    if running is not None:
        return Finding("ports", "ok", "in use by the stack that runs")
    wanted = ports.read_kept(settings.data_dir)
    is_fixed = "gateway_port" in settings.model_fields_set and settings.gateway_port != 0
    if is_fixed:
        wanted["gateway"] = settings.gateway_port
    taken = {name: port for name, port in wanted.items() if not _is_free(settings.gateway_host, port)}
    if not taken:
        kept = ", ".join(f"{name} {port}" for name, port in wanted.items())
        return Finding("ports", "ok", f"{kept}: free" if kept else "any free ones will be taken")
    found = ", ".join(f"{name} {port}" for name, port in taken.items()) + ": used by another program"
    if is_fixed and "gateway" in taken:
        return Finding(
            "ports", "fail", found, "Stop that program, or set TRM_GATEWAY_PORT to another port; 0 takes a free one."
        )
    return Finding("ports", "warn", found, "Stop that program to keep the addresses; else the stack takes free ports.")


def _is_free(host: str, port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _examine_database(url: str) -> Iterator[Finding]:
    with closing(Database(url, pool_size=1)) as database:
        try:
            require_head(database)
            skew = (datetime.now(UTC) - read_clock(database)).total_seconds()
        except RegistryError as error:
            yield Finding("database", "fail", f"[{error.code}]", str(error))
            return
    yield Finding("database", "ok", f"answers, its schema is {REVISION} as this code needs")
    if abs(skew) <= SKEW:
        yield Finding("database clock", "ok", "agrees with this machine's")
        return
    found = f"{abs(skew):.0f} s {'behind' if skew > 0 else 'ahead of'} this machine's"
    yield Finding("database clock", "warn", found, "Have both kept by NTP: timedatectl set-ntp true")
