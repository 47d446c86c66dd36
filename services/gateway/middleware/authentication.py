"""Requires API keys: a request without one gets 401 before its body is read; what a key may do is decided in `authorization`.

Without keys a gateway on the loopback trusts every client that reaches it, but not web pages: a browser would carry their requests here.
"""

import hashlib
import ipaddress
import time
from threading import Lock
from urllib.parse import urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.access import caller, permissions
from services.gateway.access.caller import Identity
from services.gateway.middleware.rate_limit import STRANGER, RateLimiter, limit
from services.gateway.problems.errors import ForeignPage, Unauthenticated
from services.gateway.problems.problems import ProblemResponse, problem_response
from services.registry.access import api_keys
from services.registry.db.database import Database
from services.registry.errors import AuthExposed, RegistryError
from services.registry.settings import Settings

REMEMBERED_SECONDS = 5.0  # how long a key withdrawn elsewhere still works here
MOST_REMEMBERED = 10_000
log = structlog.get_logger()


def is_on(settings: Settings) -> bool:
    """Whether keys are asked for; raises AuthExposed when they are not, where other hosts could reach it."""
    is_local = is_loopback(settings.gateway_host)
    if settings.auth == "auto":
        return not is_local
    if settings.auth == "off" and not is_local and not settings.auth_off_exposed:
        raise AuthExposed(
            f"TRM_AUTH is off, and {settings.gateway_host} can be reached from elsewhere: every client there could do everything. "
            "Set TRM_AUTH=on, or TRM_AUTH_OFF_EXPOSED=true where the network keeps other clients out."
        )
    return settings.auth == "on"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def prepare(settings: Settings, database: Database) -> None:
    """Record the admin's key that the settings bring, and log a warning when the service is open to all."""
    if settings.admin_secret is not None:
        with database.transaction() as session:
            api_keys.ensure_admin(session, settings.admin_secret)
    if not is_on(settings):
        level = log.warning if is_loopback(settings.gateway_host) else log.error
        level(
            "auth.off", host=settings.gateway_host, meaning="every client that reaches this address may do everything"
        )
        return
    with database.transaction() as session:
        if not api_keys.is_any_valid(session):
            log.warning("auth.no_key", advice="python -m services.gateway keys create --owner NAME --scope admin")


class KeyRing:
    """Callers by token: read from the database and cached for some seconds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: dict[bytes, tuple[Identity, float]] = {}  # by the token's digest: no secret stays in memory
        self._lock = Lock()

    def recall(self, token: str) -> Identity | None:
        """The cached caller of a token."""
        found = self._known.get(_digest(token))
        return found[0] if found is not None and time.monotonic() < found[1] else None

    def is_familiar(self, token: str) -> bool:
        """Whether the token was valid before: it is checked again, however many invalid ones its address sends."""
        return _digest(token) in self._known

    def look_up(self, token: str) -> Identity | None:
        """The caller, or None for a token that is not that of a valid key; raises DatabaseUnavailable."""
        if not api_keys.TOKEN.fullmatch(token):
            return None
        with self._database.transaction() as session:
            key = api_keys.authenticate(session, token)
            found = None if key is None else Identity.of(key)
        with self._lock:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            if found is not None:
                self._known[_digest(token)] = (found, time.monotonic() + REMEMBERED_SECONDS)
        return found

    def reload_caller(self, who: Identity) -> Identity | None:
        """The same caller as its key stands now, None once that is not valid; raises DatabaseUnavailable."""
        with self._database.transaction() as session:
            key = api_keys.find_valid(session, who.id)
            return None if key is None else Identity.of(key)

    def forget(self) -> None:
        """Ask the database again for every token: a key was just revoked."""
        with self._lock:
            self._known = {digest: (who, 0.0) for digest, (who, _) in self._known.items()}


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


class Authentication:
    """ASGI middleware: notes who calls, or answers in place of the app."""

    def __init__(self, app: ASGIApp, keys: KeyRing, limiter: RateLimiter, *, required: bool, is_local: bool) -> None:
        self.app, self._keys, self._limiter = app, keys, limiter
        self._required, self._is_local = required, is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refusal = None
        if not self._required:
            caller.remember(scope, caller.LOCAL)
            refusal = problem_response(scope, ForeignPage()) if self._is_local and is_of_a_page(scope) else None
        elif permissions.is_guarded(scope["path"]):
            refusal = await self._make_refusal(scope)
        await (refusal or self.app)(scope, receive, send)

    async def _make_refusal(self, scope: Scope) -> ProblemResponse | None:
        token = read_token(scope)
        found = self._keys.recall(token)
        if found is None:
            if not self._keys.is_familiar(token) and (limited := await limit(self._limiter, STRANGER, scope)):
                return limited
            try:
                found = await run_in_threadpool(self._keys.look_up, token)
            except RegistryError as error:
                return problem_response(scope, error)
        if found is None:
            return problem_response(scope, Unauthenticated())
        caller.remember(scope, found)
        return None


def read_token(scope: Scope) -> str:
    """The bearer token of the request, or an empty text."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def is_of_a_page(scope: Scope) -> bool:
    """Whether a browser asks for a page that is not this machine's own: by its Origin, or by a name that was made to lead here."""
    headers = Headers(scope=scope)
    places = [f"//{headers.get('host', '')}", *headers.getlist("origin")]
    return not all(is_loopback(_read_host(place)) for place in places)


def _read_host(place: str) -> str:
    try:
        return urlsplit(place).hostname or ""
    except ValueError:
        return ""
