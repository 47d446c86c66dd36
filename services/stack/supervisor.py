"""Starts the parts in order, restarts those that crash, stops them in reverse; ends with none left."""

import ctypes
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

from services.registry.settings import Settings
from services.stack import state
from services.stack.errors import StackError
from services.stack.parts import Part, Plan, plan

log = structlog.get_logger()

READY_SECONDS = 60
STOP_SECONDS = 30
POLL_SECONDS = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a crashed part is started again
CALM_SECONDS = 60  # a part that ran this long starts anew without a pause
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Supervisor:
    """The parent of every part."""

    def __init__(self, settings: Settings) -> None:
        self.data_dir = settings.data_dir
        self.plan: Plan = plan(settings)
        self.running: dict[str, tuple[Part, subprocess.Popen[bytes], float]] = {}
        self.pauses: dict[str, float] = {}
        self.due: dict[str, tuple[Part, float]] = {}  # crashed parts, and when to start them
        self.stopping = threading.Event()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT; raises StackError when a part does not start."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            for part in self.plan.parts:
                self._start(part)
            self._publish(ready=True)
            while not self.stopping.wait(POLL_SECONDS):
                self._look_after()
        finally:
            self._stop_all()
            state.clear(self.data_dir)

    @contextmanager
    def only(self, name: str) -> Iterator[None]:
        """Run just this part, if it is one of ours, as long as the block does; raises StackError when it does not start."""
        try:
            for part in self.plan.parts:
                if part.name == name:
                    self._start(part)
            yield
        finally:
            self._stop_all()
            state.clear(self.data_dir)

    def _start(self, part: Part) -> None:
        part.prepare()
        process = self._spawn(part)
        if part.once:
            if process.wait(READY_SECONDS):
                raise StackError(f"{part.name} failed: {self._last_line(part)}")
            return
        self.running[part.name] = (part, process, time.monotonic())
        self._publish(ready=False)
        deadline = time.monotonic() + READY_SECONDS
        while not part.is_ready():
            if process.poll() is not None:
                raise StackError(f"{part.name} ended with status {process.returncode}: {self._last_line(part)}")
            if time.monotonic() > deadline or self.stopping.wait(POLL_SECONDS):
                raise StackError(f"{part.name} was not ready within {READY_SECONDS} s: {self._last_line(part)}")

    def _spawn(self, part: Part) -> "subprocess.Popen[bytes]":
        libc = ctypes.CDLL(None)

        def die_with_us() -> None:
            libc.prctl(PR_SET_PDEATHSIG, part.stop_signal)

        with self._log_file(part).open("ab") as output:
            return subprocess.Popen(
                part.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd="/" if part.popen else None,
                env=os.environ | self.plan.settings,
                start_new_session=True,
                preexec_fn=die_with_us,
                **part.popen,
            )

    def _look_after(self) -> None:
        now = time.monotonic()
        for name, (part, process, since) in list(self.running.items()):
            if process.poll() is None:
                continue
            pause = 0.0 if now - since > CALM_SECONDS else self.pauses.get(name, FIRST_PAUSE)
            self.pauses[name] = min(LONGEST_PAUSE, 2 * max(pause, FIRST_PAUSE))
            log.warning("part.crashed", name=name, status=process.returncode, starts_again_in=pause)
            del self.running[name]
            self.due[name] = (part, now + pause)
        for name, (part, when) in list(self.due.items()):
            if now >= when:
                del self.due[name]
                self.running[name] = (part, self._spawn(part), now)
                self._publish(ready=True)

    def _stop_all(self) -> None:
        """Reverse order, so that nobody loses a server it still uses; the workers stop together."""
        names = [part.name for part in reversed(self.plan.parts) if part.name in self.running]
        servers = [name for name in names if name in ("broker", "postgres")]
        for group in ([name for name in names if name not in servers], *([name] for name in servers)):
            for name in group:
                part, process, _ = self.running[name]
                process.send_signal(part.stop_signal)
            deadline = time.monotonic() + STOP_SECONDS
            for name in group:
                self._wait(self.running[name][1], deadline)

    @staticmethod
    def _wait(process: "subprocess.Popen[bytes]", deadline: float) -> None:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _publish(self, *, ready: bool) -> None:
        pids = {name: process.pid for name, (_, process, _) in self.running.items()}
        plan = self.plan
        state.write(self.data_dir, state.State(os.getpid(), plan.api, plan.database_url, plan.broker_url, ready, pids))

    def _log_file(self, part: Part) -> Path:
        folder = self.data_dir / "logs"
        folder.mkdir(exist_ok=True)
        return folder / f"{part.name}.log"

    def _last_line(self, part: Part) -> str:
        lines = self._log_file(part).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"
