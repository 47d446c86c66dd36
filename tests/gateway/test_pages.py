"""The pages about the interface load nothing from elsewhere, and a browser would not let them."""

import gzip
import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from services.gateway.pages import pages


@pytest.mark.parametrize("page", ["/docs", "/redoc"])
def test_everything_a_page_loads_comes_from_here(client: TestClient, page: str) -> None:
    response = client.get(page)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "<script>" not in response.text
    loaded = [name for name in re.findall(r'(?:src|href)="([^"]+)"', response.text) if not name.startswith("data:")]
    assert loaded
    for name in loaded:
        assert not re.match("[a-z]+:|//", name)
        assert client.get(f"/{name}").status_code == 200, name
    assert re.findall(r'["(]"?(openapi\.json)"', client.get(f"/{loaded[-1]}").text) == ["openapi.json"]
    assert client.get("/openapi.json").status_code == 200


@pytest.mark.parametrize("name", ["swagger-ui-bundle.js", "swagger-ui.css", "redoc.standalone.js"])
def test_files_come_packed_to_those_who_can_unpack(client: TestClient, name: str) -> None:
    packed = client.get(f"/docs/{name}", headers={"Accept-Encoding": "gzip"})
    plain = client.get(f"/docs/{name}", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content  # the client unpacks
    assert plain.headers["x-content-type-options"] == "nosniff"
    kept = Path(pages.ASSETS, f"{name}.gz").read_bytes()
    assert gzip.decompress(kept) == plain.content
    assert b"//cdn." not in plain.content


def test_each_bundle_has_its_licence_beside_it() -> None:
    names = {path.name for path in pages.ASSETS.iterdir()}
    assert {"LICENSE.swagger-ui", "NOTICE.swagger-ui", "LICENSE.redoc"} <= names


@pytest.mark.parametrize("name", ["nothing.js", "..%2fpages.py", "swagger-ui.css.gz", "%00"])
def test_other_files_are_not_served(client: TestClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404
