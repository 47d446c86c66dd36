"""What owners call their jobs and runs."""

from typing import Annotated

from pydantic import StringConstraints

MOST = 16
NOT_BLANK = r"^[^\x00-\x1f]*[^\x00-\x20\s][^\x00-\x1f]*$"
TAG, KEY = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$", r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,63}$"
TEXT = r"[^\x00-\x1f\x7f\ufffd]"

Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NOT_BLANK)]
Tag = Annotated[str, StringConstraints(pattern=TAG)]
Key = Annotated[str, StringConstraints(pattern=KEY)]
Value = Annotated[str, StringConstraints(max_length=512, pattern=rf"^{TEXT}*$")]
