"""The line between the service and a server of it: a proxy that can fall silent, slow down, or break."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path

CHUNK = 1 << 16
Address = Path | tuple[str, int]  # a unix socket, or host and port


class Wire:
    """Runs in a thread of its own from construction to `close`."""

    def __init__(self, socket: Address, target: Address) -> None:
        self.socket, self.target = socket, target
        self._writers: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._pause = 0.0
        self._allowed: float = float("inf")  # bytes to the server, before it breaks for good
        self._made = self._lost = 0  # connections, numbered from 1; those up to the second number are lost
        self._loop = asyncio.new_event_loop()
        self._flows = asyncio.Event()
        self._flows.set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire", daemon=True)
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    async def _listen(self) -> asyncio.Server:
        if not isinstance(self.socket, Path):
            return await asyncio.start_server(self._connected, *self.socket)
        server = await asyncio.start_unix_server(self._connected, str(self.socket))
        self.socket.chmod(0o777)
        return server

    def silence(self) -> None:
        """From now on nothing arrives on either side, on any connection, and none ends."""
        self._do(self._flows.clear)

    def slow_down(self, seconds: float) -> None:
        """Let every piece take so much longer, each way."""
        self._pause = seconds

    def lose(self) -> None:
        """Every connection there is now stays open and never brings anything again: half open. New ones are good."""
        self._lost = self._made

    def cut(self) -> None:
        """Break every connection; new ones can be made."""
        self._do(self._abort)

    def break_after(self, sent: int) -> None:
        """Break once so many bytes more have gone to the server, and let no new connection be made."""
        self._allowed = sent

    @property
    def is_broken(self) -> bool:
        """Whether that has happened."""
        return self._allowed <= 0

    def mend(self) -> None:
        """As good as new: what was held back arrives late."""
        self._pause, self._allowed = 0.0, float("inf")
        self._do(self._flows.set)

    def close(self) -> None:
        """Break every connection for good."""
        self.mend()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        if isinstance(self.socket, Path):
            self.socket.unlink(missing_ok=True)

    async def _end(self) -> None:
        self._server.close()
        self._abort()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def _abort(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    def _do(self, act: Callable[[], object]) -> None:
        done = Future[None]()

        def run() -> None:
            act()
            done.set_result(None)

        self._loop.call_soon_threadsafe(run)
        done.result(10)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self._allowed <= 0:
                raise ConnectionRefusedError
            far_reader, far_writer = await self._reach()
        except OSError:
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        both = {writer, far_writer}
        self._writers |= both
        self._made += 1
        number = self._made
        try:
            to = self._pump(reader, far_writer, number, counted=True)
            await asyncio.gather(to, self._pump(far_reader, writer, number))
        finally:
            self._writers -= both
            self._serving.discard(task)

    async def _reach(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.target, Path):
            return await asyncio.open_unix_connection(str(self.target))
        return await asyncio.open_connection(*self.target)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int, *, counted: bool = False
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                await self._flows.wait()
                if number <= self._lost:
                    continue
                if counted:
                    self._allowed -= len(chunk)
                    if self._allowed <= 0:
                        self._abort()
                        return
                if self._pause:
                    await asyncio.sleep(self._pause)
                writer.write(chunk)
                await writer.drain()
        await self._flows.wait()
        with suppress(OSError):
            writer.close()
