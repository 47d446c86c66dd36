"""Who asks: jobs and idempotency keys belong to a caller."""

from typing import Annotated

from fastapi import Depends, Request


async def caller_of(request: Request) -> str:
    """The caller of a request; everybody is the same one as long as nobody has to say who they are."""
    return "anonymous"


Caller = Annotated[str, Depends(caller_of)]
