"""What an examination of a machine or a service finds; `trm doctor` shows them."""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One thing that was examined: how it is and, unless it is well, how to mend it."""

    check: str
    verdict: Verdict
    found: str
    mend: str | None = None
