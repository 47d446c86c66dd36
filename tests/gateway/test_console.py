"""The console's page and files as the gateway serves them; tests/browser uses them."""

import re

import pytest
from fastapi.testclient import TestClient

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}  # as browsers ask
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'"
)


def test_browsers_get_the_console_and_programs_the_links(client: TestClient) -> None:
    page = client.get("/", headers=HTML)
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["content-security-policy"] == POLICY
    assert page.headers["cache-control"] == "no-cache"
    for headers in ({}, {"Accept": "application/json"}):
        links = client.get("/", headers=headers)
        assert links.json()["links"]["docs"] == "/docs"
        assert links.headers["vary"] == page.headers["vary"] == "Accept"


def test_the_page_loads_its_files_from_here_alone(client: TestClient) -> None:
    page = client.get("/", headers=HTML).text
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(loaded) == 4
    for address in loaded:
        assert not re.match("[a-z]+:|/", address)
        assert client.get(f"/{address}").status_code == 200, address
    assert "style=" not in page
    assert "<script>" not in page


@pytest.mark.parametrize(
    ("name", "kind"), [("console.js", "text/javascript"), ("console.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_files_come_packed_and_are_kept_for_long(client: TestClient, name: str, kind: str) -> None:
    packed = client.get(f"/console/{name}", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"/console/{name}", headers={"Accept-Encoding": "identity"})
    assert plain.headers["content-type"].partition(";")[0] == kind
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.content == plain.content  # the client unpacks
    assert "immutable" in plain.headers["cache-control"]
    assert plain.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("name", ["nothing.js", "LICENSE.console-bundle.txt", "..%2f__init__.py", "%00"])
def test_other_files_are_not_served(client: TestClient, name: str) -> None:
    assert client.get(f"/console/{name}").status_code == 404
