"""The version of this software, also where it runs from its source tree and is not installed."""

import tomllib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

DISTRIBUTION = "trm-service"
PROJECT = Path(__file__).parents[1] / "pyproject.toml"


def trm_version() -> str:
    """The installed version; with "+tree" when run from a source tree."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return f"{tomllib.loads(PROJECT.read_text())['project']['version']}+tree"
