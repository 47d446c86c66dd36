"""Whether a caller may still do what it has begun: a request that stays open asks again every few seconds."""

import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from services.gateway.access.caller import Identity
from services.registry.errors import RegistryError

RECHECK_SECONDS = 3.0


class AccessRecheck:
    """Of the caller of one request."""

    def __init__(self, who: Identity, look_again: Callable[[Identity], Identity | None]) -> None:
        self._who, self._look_again = who, look_again
        self._ask_at = time.monotonic() + RECHECK_SECONDS

    async def check(self) -> str | None:
        """Why the caller may not continue; None while it may, and while the database cannot say."""
        if not self._who.has_key or time.monotonic() < self._ask_at:
            return None
        try:
            now = await run_in_threadpool(self._look_again, self._who)
        except RegistryError:
            return None
        finally:
            self._ask_at = time.monotonic() + RECHECK_SECONDS
        if now is None:
            return "The API key was revoked or has expired."
        return None if now.scopes >= self._who.scopes else "The API key has lost a scope."
