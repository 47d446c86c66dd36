"""Points in the running service at which a test lets something go wrong; the service itself knows nothing of them.

`hooks/sitecustomize.py` installs them in every process of the stand: functions are wrapped as their modules are imported. A fault is
armed with a file, which the first process that gets there removes before it strikes.
"""

import datetime
import errno
import functools
import importlib.abc
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

FOLDER, PART, CLOCK = "CHAOS_POINTS", "CHAOS_PART", "CHAOS_CLOCK_SECONDS"  # in the environment of a process

# name -> module, function
POINTS = {
    "record": ("services.registry.submissions.submissions", "record"),  # rows of new jobs, before the commit
    "answer": ("services.gateway.intake.intake", "_answer"),  # after that commit, before the client hears of it
    "publish": ("services.registry.jobs.queue", "publish_all"),
    "mark": ("services.registry.jobs.rescue", "mark_published"),
    "claim": ("services.registry.jobs.leases", "claim_next"),
    "finish": ("services.registry.jobs.completion", "finish"),
    "store": ("services.registry.storage.storage", "Storage.put_folder"),  # a checkpoint, into the storage
    "checkpoint": ("services.registry.runs.checkpoints", "add"),  # its row
    "solutions": ("services.registry.jobs.solutions", "add"),
    "update": ("trm.training.trainer", "Trainer.update"),
    "write": ("trm.checkpoints.checkpoint", "write_file"),  # one file of the trainer's own checkpoint
    "tell": ("trm.interface.events", "Record.as_json"),
}


def arm(
    folder: Path,
    part: str,
    point: str,
    what: str,
    *,
    after: bool = False,
    calls: int = 0,
    seconds: float = 0,
    times: int = 1,
) -> list[Path]:
    """Let a part `kill` or `stop` itself, find its disk `full`, or `wait` so many seconds, the next `times` times that it has passed
    a point `calls` times; the files vanish as the faults strike."""
    assert point in POINTS
    armed = []
    for number in range(times):
        file = folder / f"{part}.{point}.{'after' if after else 'before'}#{time.monotonic_ns()}-{number}"
        draft = file.with_name(f".{file.name}")
        draft.write_text(json.dumps({"do": what, "calls": calls, "seconds": seconds}))
        armed.append(draft.rename(file))
    return armed


def install() -> None:
    """Wrap every point of this process, and put its clock wrong if that is asked for."""
    if (folder := os.environ.get(FOLDER)) is None:
        return
    sys.meta_path.insert(0, _Finder(_Points(Path(folder), os.environ[PART])))
    if shift := float(os.environ.get(CLOCK, 0)):
        _shift_clock(shift)


class _Points:
    """The faults that are armed for this process."""

    def __init__(self, folder: Path, part: str) -> None:
        self.folder, self.part = folder, part
        self.passed = Counter[str]()

    def wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*args: object, **kwargs: object) -> object:
            self.pass_by(f"{self.part}.{name}.before")
            result = function(*args, **kwargs)
            self.pass_by(f"{self.part}.{name}.after")
            return result

        return call

    def pass_by(self, place: str) -> None:
        armed = sorted(name for name in os.listdir(self.folder) if name.startswith(f"{place}#"))
        if not armed:
            return
        file = self.folder / armed[0]
        try:
            fault = json.loads(file.read_text())
            self.passed[file.name] += 1
            if self.passed[file.name] <= fault["calls"]:
                return
            file.unlink()
        except FileNotFoundError:
            return  # another process was first
        _strike(fault)


def _strike(fault: dict[str, Any]) -> None:
    match fault["do"]:
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        case "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        case "wait":
            time.sleep(fault["seconds"])


class _Finder(importlib.abc.MetaPathFinder):
    """Finds modules as ever, and wraps what is a point in them once they are executed."""

    def __init__(self, points: _Points) -> None:
        self.points = points
        self.modules = {module for module, _ in POINTS.values()}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.modules:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self._wrap(module, execute)  # type: ignore[method-assign]
        return spec

    def _wrap(self, module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
        execute(module)
        for name, (home, function) in POINTS.items():
            if home == module.__name__:
                owner: Any = module
                *outer, last = function.split(".")
                for step in outer:
                    owner = getattr(owner, step)
                setattr(owner, last, self.points.wrapped(name, getattr(owner, last)))


def _shift_clock(seconds: float) -> None:
    """What `time` and `datetime` tell this process; the kernel's timers and the other processes stay right."""
    now, now_ns, real = time.time, time.time_ns, datetime.datetime
    time.time = lambda: now() + seconds
    time.time_ns = lambda: now_ns() + int(seconds * 1e9)

    class _AnyDatetime(type):
        def __instancecheck__(cls, instance: object) -> bool:
            return isinstance(instance, real)

    class Shifted(datetime.datetime, metaclass=_AnyDatetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:  # type: ignore[override]
            return real.now(tz) + datetime.timedelta(seconds=seconds)

    datetime.datetime = Shifted  # type: ignore[misc]
