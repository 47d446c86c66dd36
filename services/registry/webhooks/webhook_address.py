"""Where webhooks may go: which URLs are accepted, and which network addresses are refused (server-side request forgery)."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from services.registry.errors import WebhookRefused

PORTS = frozenset({80, 443, 8080, 8443})
DEFAULT_PORTS = {"http": 80, "https": 443}
MOST_CHARACTERS = 2000
# All other IPv6 addresses are special: local, or an IPv4 address in disguise (mapped, compatible, NAT64).
UNICAST = ipaddress.ip_network("2000::/3")
REFUSED = (  # global by the registry, but they lead to another address that stands inside them
    ipaddress.ip_network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.ip_network("2001::/32"),  # Teredo
    ipaddress.ip_network("2002::/16"),  # 6to4
)
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Target:
    """A URL in the parts that a connection needs."""

    scheme: str
    host: str  # a name in ASCII, or an address
    port: int
    path: str  # with the query

    @property
    def authority(self) -> str:
        """Value of the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


def parse(url: str, *, ports: frozenset[int] | None = PORTS, public: bool = True) -> Target:
    """The parts of a webhook's URL; raises WebhookRefused. `ports` None allows every port."""
    if len(url) > MOST_CHARACTERS or not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise WebhookRefused(
            f"The URL must be printable ASCII of at most {MOST_CHARACTERS} characters, without spaces."
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise WebhookRefused(f"This is not a URL: {error}.") from error
    _check_parts(parts, host)
    literal = _read_literal(host or "")
    if public and literal is not None:
        require_public(literal)
    port = DEFAULT_PORTS[parts.scheme] if port is None else port
    if ports is not None and port not in ports:
        raise WebhookRefused(f"The port {port} is not allowed; these are: {', '.join(map(str, sorted(ports)))}.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host or "", port, path)


def _check_parts(parts: SplitResult, host: str | None) -> None:
    if parts.scheme not in DEFAULT_PORTS:
        raise WebhookRefused("The URL must begin with https:// or http://.")
    if not host or "%" in host:
        raise WebhookRefused("The URL names no host.")
    if parts.username is not None or parts.password is not None:
        raise WebhookRefused("The URL must not hold a user or a password: messages are signed instead.")


def _read_literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def require_public(address: Address) -> None:
    """Raises WebhookRefused unless the whole world reaches the same machine at this address."""
    is_plain = address.version == 4 or address in UNICAST
    refused = any(address in network for network in REFUSED if network.version == address.version)
    if refused or not is_plain or not address.is_global or address.is_multicast or address.is_reserved:
        raise WebhookRefused(f"The address {address} is not a public one.")
