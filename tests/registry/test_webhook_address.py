"""Which URLs and addresses a webhook may have: a table, and no exception to it."""

import ipaddress

import pytest

from services.registry.errors import WebhookRefused
from services.registry.webhooks.webhook_address import parse, require_public

REFUSED = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::7f00:1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::a00:1",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::169.254.169.254", "64:ff9b:1::1",
    "64:ff9b:1::8.8.8.8",
    "100::1", "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::", "2002:c0a8:101::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "ff0e::1",
]  # fmt: skip
ACCEPTED = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "2606:4700:4700::1111",
    "2a00:1450:4001::8a",
]


@pytest.mark.parametrize("address", REFUSED)
def test_addresses_that_are_not_public(address: str) -> None:
    with pytest.raises(WebhookRefused):
        require_public(ipaddress.ip_address(address))
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(WebhookRefused):
        parse(f"https://{host}/")


@pytest.mark.parametrize("address", ACCEPTED)
def test_public_addresses(address: str) -> None:
    require_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "url",
    [
        "", "example.org", "//example.org/", "ftp://example.org/", "file:///etc/passwd", "gopher://example.org/", "https://", "https:///x",
        "https://user@example.org/", "https://user:password@example.org/", "https://:@example.org/", "https://example.org:22/",
        "https://example.org:6379/", "https://example.org:0/", "https://example.org:99999/", "https://example.org:x/", "https://[::1/",
        "https://[fe80::1%25eth0]/", "https://example.org/\r\nX: y", "https://example.org/ x", "https://exämple.org/", "https://a\\b/",
        "https://example.org/" + "x" * 2000,
    ],
)  # fmt: skip
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(WebhookRefused):
        parse(url)


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.org", "example.org", "/"),
        ("https://Example.org:8443/a?b=c#d", "example.org:8443", "/a?b=c"),
        ("http://example.org:80/", "example.org", "/"),
        ("http://[2606:4700::1]:8080/", "[2606:4700::1]:8080", "/"),
    ],
)
def test_urls_that_are_taken_apart(url: str, authority: str, path: str) -> None:
    target = parse(url)
    assert (target.authority, target.path) == (authority, path)
