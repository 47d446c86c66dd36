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
from services.stack import logs, state
from services.stack.errors import StackError
from services.stack.parts import Part, Plan, plan
from services.stack.predecessor import outlive
from services.stack.process import Process

log = structlog.get_logger()

READY_SECONDS = 60
LOGS_SECONDS = 5.0  # between two looks at their size
AGAIN_SECONDS = 1.0  # before a patient part is tried again
STOP_SECONDS = 30
POLL_SECONDS = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0  # seconds before a crashed part is started again
CALM_SECONDS = 60  # a part that ran this long starts again without a pause
PR_SET_PDEATHSIG = 1  # linux/prctl.h


class Supervisor:
    """The parent of every part; made by the process that holds the lock."""

    def __init__(self, settings: Settings) -> None:
        """Waits for what a stack that was killed has left running."""
        self.settings, self.data_dir = settings, settings.data_dir
        outlive(settings.data_dir)
        self.plan: Plan = plan(settings)
        self.running: dict[str, tuple[Part, subprocess.Popen[bytes], float]] = {}
        self.pauses: dict[str, float] = {}
        self.due: dict[str, tuple[Part, float]] = {}  # crashed parts, and when to start them
        self.logs_due = 0.0
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
                self._rotate_logs()
        finally:
            self._stop_all()

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

    def _start(self, part: Part) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while (trouble := self._try_start(part, deadline)) is not None:
            if not part.is_patient or time.monotonic() > deadline or self.stopping.is_set():
                raise StackError(trouble)
            log.warning("part.tried_again", name=part.name, reason=trouble)
            self._publish(ready=False, waits_for=f"{part.name} to start: {trouble}")
            self.stopping.wait(AGAIN_SECONDS)

    def _try_start(self, part: Part, deadline: float) -> str | None:
        """Start the part and wait until it is ready; why it is not, if so."""
        part.prepare()
        process = self._spawn(part)
        if part.once:
            return f"{part.name} failed: {self._read_last_line(part)}" if process.wait(READY_SECONDS) else None
        self.running[part.name] = (part, process, time.monotonic())
        self._publish(ready=False)
        while not part.is_ready():
            if process.poll() is not None:
                del self.running[part.name]
                return f"{part.name} ended with status {process.returncode}: {self._read_last_line(part)}"
            if time.monotonic() > deadline or self.stopping.wait(POLL_SECONDS):
                raise StackError(f"{part.name} was not ready within {READY_SECONDS} s: {self._read_last_line(part)}")
        return None

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
                env=os.environ | self.plan.settings | part.settings,
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
                self._start_again(name, part)

    def _start_again(self, name: str, part: Part) -> None:
        """Start a part that has crashed; where even that fails, as on a full disk, it is tried again."""
        del self.due[name]
        now = time.monotonic()
        try:
            part.prepare()
            self.running[name] = (part, self._spawn(part), now)
            self._publish(ready=True)
        except (OSError, StackError) as error:
            if name not in self.running:
                self.due[name] = (part, now + LONGEST_PAUSE)
            log.warning("part.not_started", name=name, reason=str(error))

    def _rotate_logs(self) -> None:
        if time.monotonic() > self.logs_due:
            self.logs_due = time.monotonic() + LOGS_SECONDS
            logs.rotate_all(self.data_dir, self.settings.log_file_bytes, self.settings.log_files)

    def _stop_all(self) -> None:
        """Reverse order, so that no part loses a server it still uses; the workers stop together."""
        names = [part.name for part in reversed(self.plan.parts) if part.name in self.running]
        servers = [name for name in names if name in ("broker", "postgres")]
        for group in ([name for name in names if name not in servers], *([name] for name in servers)):
            for name in group:
                part, process, _ = self.running[name]
                process.send_signal(part.stop_signal)
            deadline = time.monotonic() + STOP_SECONDS
            for name in group:
                self._wait(self.running[name][1], deadline)
        state.clear(self.data_dir)

    @staticmethod
    def _wait(process: "subprocess.Popen[bytes]", deadline: float) -> None:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _publish(self, *, ready: bool, waits_for: str | None = None) -> None:
        us, made = state.this_process(), self.plan
        parts = {name: part for name, (_, process, _) in self.running.items() if (part := Process.of(process.pid))}
        published = state.State(us, made.api, made.database_url, made.broker_url, ready, parts, made.metrics, waits_for)
        state.write(self.data_dir, published)

    def _log_file(self, part: Part) -> Path:
        return logs.file_of(self.data_dir, part.name)

    def _read_last_line(self, part: Part) -> str:
        return logs.last_line(self._log_file(part))
