"""The web console: its sources (`src`), and the bundle that `make console` builds of them (`built`), which the gateway serves."""

from pathlib import Path

BUILT = Path(__file__).parent / "built"
