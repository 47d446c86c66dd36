"""The page about backups names every refusal."""

import re
from pathlib import Path

from services.backup import errors

PAGE = (Path(__file__).parents[2] / "docs/operations/backup.md").read_text()


def test_every_refusal_is_documented() -> None:
    codes = {thing.code for thing in vars(errors).values() if isinstance(thing, type) and hasattr(thing, "code")}
    assert codes - {"backup_error"} <= set(re.findall(r"`([a-z_]+)`", PAGE))
