"""Sends one message to an address that a client chose: only to a public one, without following redirects."""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress

from services.registry.webhooks.webhook_address import PORTS, Address, AddressRefused, Target, parse, require_public

SECONDS = 15.0  # for everything but the name's lookup


class RequestFailed(Exception):
    """There was no answer; the message says why."""


class HttpClient:
    """Looks a name up once, checks every address, and connects to one of those: asking again could give another answer."""

    def __init__(self, *, allow_loopback: bool = False, seconds: float = SECONDS) -> None:
        self._allow_loopback, self._seconds = allow_loopback, seconds  # the loopback is for tests alone
        self._tls = ssl.create_default_context()

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """The status that answers; its body is not read. Raises AddressRefused or OutboundFailed."""
        target = parse(url, ports=None if self._allow_loopback else PORTS, public=not self._allow_loopback)
        address = self.resolve_addresses(target)[0]
        try:
            return self._exchange(target, address, body, headers)
        except (OSError, http.client.HTTPException) as error:
            reason = "the certificate is not valid" if isinstance(error, ssl.SSLCertVerificationError) else "no answer"
            raise RequestFailed(f"{reason}: {type(error).__name__}") from error

    def resolve_addresses(self, target: Target) -> list[Address]:
        """Every address of the name; raises AddressRefused when one of them is not public, OutboundFailed when none is known."""
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise RequestFailed("the name is not known") from error
        addresses = [ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
        for address in addresses:
            if not (self._allow_loopback and address.is_loopback):
                require_public(address)
        if not addresses:
            raise AddressRefused(f"The name {target.host} has no address.")
        return addresses

    def _exchange(self, target: Target, address: Address, body: bytes, headers: Mapping[str, str]) -> int:
        connection = http.client.HTTPConnection(target.host, target.port, timeout=self._seconds)
        plain = socket.create_connection((str(address), target.port), self._seconds)
        watch = threading.Timer(self._seconds, _break_off, (plain,))  # an answer may also be slow a byte at a time
        watch.start()
        try:
            connection.sock = self._wrap_tls(plain, target)
            watch.args = (connection.sock,)
            connection.request("POST", target.path, body, {**headers, "Host": target.authority, "Connection": "close"})
            return connection.getresponse().status
        finally:
            watch.cancel()
            connection.close()
            plain.close()

    def _wrap_tls(self, plain: socket.socket, target: Target) -> socket.socket:
        return plain if target.scheme == "http" else self._tls.wrap_socket(plain, server_hostname=target.host)


def _break_off(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
