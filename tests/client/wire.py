"""A wire between a client and a gateway that loses what it is told to lose."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Wire:
    """Forwards connections to a port; loses the answers of the next `losing` requests, or cuts answers off after `cut` bytes."""

    def __init__(self, to: int) -> None:
        self.to, self.losing, self.cut = to, 0, 0
        self._open = list[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(near)
            far = socket.create_connection(("127.0.0.1", self.to))
            for pump, ends in ((self._forward, (near, far)), (self._answer, (far, near))):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    def drop(self) -> None:
        """Break every connection; new ones can be made."""
        while self._open:
            with suppress(OSError):
                self._open.pop().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _forward(self, near: socket.socket, far: socket.socket) -> None:
        with suppress(OSError):
            while data := near.recv(1 << 16):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        with suppress(OSError):
            self._pass_on(far, near)
        for end in (near, far):
            with suppress(OSError), end:
                end.shutdown(socket.SHUT_RDWR)

    def _pass_on(self, far: socket.socket, near: socket.socket) -> None:
        passed = 0
        while data := far.recv(1 << 16):
            if self.losing:
                self.losing -= 1
                return
            if self.cut and passed + len(data) > self.cut:
                near.sendall(data[: self.cut - passed])
                self.cut = 0
                return
            near.sendall(data)
            passed += len(data)


@contextmanager
def wire_to(port: int) -> Iterator[Wire]:
    wire = Wire(port)
    thread = threading.Thread(target=wire.serve)
    thread.start()
    yield wire
    wire.close()
    thread.join(10)
    assert not thread.is_alive()
