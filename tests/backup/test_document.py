"""The page about backups names every refusal."""

import re
from pathlib import Path

from services.registry.errors import BackupError

PAGE = (Path(__file__).parents[2] / "docs/operations/backup.md").read_text()


def test_every_refusal_is_documented() -> None:
    codes = {error.code for error in BackupError.__subclasses__()}
    assert codes
    assert codes <= set(re.findall(r"`([a-z_]+)`", PAGE))
