"""The web console's page and files, and what a browser may do on it: talk to this gateway, and load nothing else."""

import gzip
from functools import cache
from hashlib import sha256

from services.console import BUILT
from services.gateway.pages.pages import Asset, media_type

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
SUFFIXES = (".js", ".css", ".svg")

# Addresses are relative, so that they hold behind a proxy that adds a prefix; a new build has new ones, and is not taken from a cache.
PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>TRM Service</title>
<link rel="icon" type="image/svg+xml" href="console/icon.svg?{version}">
<link rel="stylesheet" href="console/console.css?{version}">
<script type="module" src="console/console.js?{version}"></script>
</head>
<body>
<noscript>The console needs JavaScript. The interface itself is described at <a href="docs">/docs</a>.</noscript>
<div id="console"></div>
</body>
</html>
"""


@cache
def files() -> dict[str, Asset]:
    """The files by name."""
    paths = sorted(path for path in BUILT.iterdir() if path.suffix in SUFFIXES)
    contents = {path.name: path.read_bytes() for path in paths}
    return {name: Asset(media_type(name), plain, gzip.compress(plain, 9, mtime=0)) for name, plain in contents.items()}


@cache
def page() -> str:
    """The page that loads them."""
    digest = sha256(b"".join(asset.plain for asset in files().values()))
    return PAGE.format(version=digest.hexdigest()[:12])
