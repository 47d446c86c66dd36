"""What owners call their jobs and runs."""

from typing import Annotated

from pydantic import Field, StringConstraints

from services.gateway.schemas.base import Request
from services.registry.db import labels

MOST = 16
NOT_BLANK = r"^[^\x00-\x1f]*[^\x00-\x20\s][^\x00-\x1f]*$"
TAG, KEY = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$", r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"
TEXT = r"[^\x00-\x1f\x7f\ufffd]"

Tag = Annotated[str, StringConstraints(pattern=TAG)]
Key = Annotated[str, StringConstraints(pattern=KEY)]
Value = Annotated[str, StringConstraints(max_length=512, pattern=rf"^{TEXT}*$")]


class Labels(Request):
    """Fields of all jobs: their owner's own, to find them by."""

    name: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=NOT_BLANK,
        description="What to call it: a training's run too.",
    )
    tags: list[Tag] = Field(default=[], max_length=MOST, description="Words to list it by; of a training's run too.")
    metadata: dict[Key, Value] = Field(
        default={}, max_length=MOST, description="Anything of yours to keep with it, and with a training's run."
    )

    @property
    def labels(self) -> labels.Labels:
        """These fields alone."""
        return labels.Labels(self.name, tuple(dict.fromkeys(self.tags)), self.metadata)
