"""The ports of the stack: chosen once, then kept in `ports.json`, so that addresses stay the same over restarts."""

import json
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from trm.durable import replace_text
from trm.json_text import to_json

KEPT = "ports.json"


def choose(data_dir: Path, hosts: Mapping[str, str]) -> dict[str, int]:
    """A port on its host for each name: the one that it had before if it is free, else another."""
    known = read_kept(data_dir)
    with ExitStack() as held:  # all at once: else two could get the same
        chosen = {name: _bind(host, known.get(name, 0), held) for name, host in hosts.items()}
    if known | chosen != known:
        data_dir.mkdir(parents=True, exist_ok=True)
        replace_text(data_dir / KEPT, to_json(known | chosen, indent=1))
    return chosen


def _bind(host: str, wanted: int, held: ExitStack) -> int:
    for port in (wanted, 0):
        probe = held.enter_context(socket.socket())
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server: closed connections do not count
        try:
            probe.bind((host, port))
        except (OSError, OverflowError):
            continue
        return int(probe.getsockname()[1])
    raise OSError(f"{host} has no free port")


def read_kept(data_dir: Path) -> dict[str, int]:
    """The ports of the last start by name; none before the first."""
    try:
        return {name: int(port) for name, port in json.loads((data_dir / KEPT).read_text()).items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}
