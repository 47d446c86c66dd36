"""The two pages, their files, and what a browser may do on them: load nothing from elsewhere, run nothing written into a page.

`assets` holds the bundles of the npm packages swagger-ui-dist 5.35.0 and redoc 2.5.4 as published, compressed, with their licences;
of Redoc's without the address of a picture that it would load from its maker's servers.
"""

import gzip
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ASSETS = Path(__file__).parent / "assets"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
MEDIA_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

# Addresses are relative, so that they hold behind a proxy that adds a prefix.
SWAGGER = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>TRM Service</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css"></head>
<body><div id="page"></div><script src="docs/swagger-ui-bundle.js"></script><script src="docs/swagger-start.js"></script></body>
</html>
"""
REDOC = """\
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>TRM Service</title><link rel="icon" href="data:,"></head>
<body><div id="page"></div><script src="docs/redoc.standalone.js"></script><script src="docs/redoc-start.js"></script></body>
</html>
"""
STARTS = {  # `search` of Redoc would run a worker from a blob
    "swagger-start.js": 'SwaggerUIBundle({url: "openapi.json", dom_id: "#page", deepLinking: true, validatorUrl: null});\n',
    "redoc-start.js": 'Redoc.init("openapi.json", {disableSearch: true}, document.getElementById("page"));\n',
}


@dataclass(frozen=True)
class Asset:
    """A file of a page."""

    media_type: str
    plain: bytes
    packed: bytes | None = None  # by gzip

    def body(self, accept_encoding: str) -> tuple[bytes, dict[str, str]]:
        """The content and headers for the encodings that the client accepts."""
        if self.packed is not None and "gzip" in accept_encoding:
            return self.packed, {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return self.plain, {"Vary": "Accept-Encoding"}


def media_type(name: str) -> str:
    """Of a file of this name."""
    return MEDIA_TYPES[Path(name).suffix]


@cache
def assets() -> dict[str, Asset]:
    """The files by name."""
    found = {name: Asset(media_type(name), text.encode()) for name, text in STARTS.items()}
    for path in sorted(ASSETS.glob("*.gz")):
        packed = path.read_bytes()
        found[path.stem] = Asset(media_type(path.stem), gzip.decompress(packed), packed)
    return found
