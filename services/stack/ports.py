"""The ports of the stack: chosen once, then kept in `ports.json`, so that addresses stay the same over restarts."""

import json
import os
import socket
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

KEPT = "ports.json"


def choose(data_dir: Path, hosts: Mapping[str, str]) -> dict[str, int]:
    """A port on its host for each name: the one that it had before if it is free, else another."""
    known = _read_known(data_dir)
    with ExitStack() as held:  # all at once: else two could get the same
        chosen = {name: _bind(host, known.get(name, 0), held) for name, host in hosts.items()}
    if known | chosen != known:
        _keep(data_dir, known | chosen)
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


def _read_known(data_dir: Path) -> dict[str, int]:
    try:
        return {name: int(port) for name, port in json.loads((data_dir / KEPT).read_text()).items()}
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}


def _keep(data_dir: Path, chosen: dict[str, int]) -> None:
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = data_dir / f".{KEPT}.{os.getpid()}"
    draft.write_text(json.dumps(chosen, indent=1))
    draft.rename(data_dir / KEPT)
