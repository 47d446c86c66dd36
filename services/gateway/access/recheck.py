"""Rechecks every few seconds that the caller of an open request still has access."""

import time
from collections.abc import Callable

from starlette.concurrency import run_in_threadpool

from services.gateway.access.caller import Identity
from services.registry.errors import RegistryError

RECHECK_SECONDS = 3.0


class AccessRecheck:
    """Rechecks the caller of one long-running request."""

    def __init__(self, who: Identity, reload_caller: Callable[[Identity], Identity | None]) -> None:
        self._who, self._reload_caller = who, reload_caller
        self._ask_at = time.monotonic() + RECHECK_SECONDS

    async def check(self) -> str | None:
        """Reason why the caller lost access; None while it has access, or while the database cannot tell."""
        if not self._who.has_key or time.monotonic() < self._ask_at:
            return None
        try:
            now = await run_in_threadpool(self._reload_caller, self._who)
        except RegistryError:
            return None
        finally:
            self._ask_at = time.monotonic() + RECHECK_SECONDS
        if now is None:
            return "The API key was revoked or has expired."
        return None if now.scopes >= self._who.scopes else "The API key has lost a scope."
