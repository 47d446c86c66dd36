"""The interface as tests read it: the copy that docs keep, which tests/gateway/test_openapi.py compares with what the gateway says."""

import json
from pathlib import Path
from typing import Any

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[1] / "docs/openapi.json").read_text())
PATHS: dict[str, Any] = DOCUMENT["paths"]
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
