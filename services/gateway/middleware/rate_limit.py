"""Limits requests by API key and failed authentications by address, counted in the broker for all gateways."""

import math
import time
from threading import Lock

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway.access import caller, permissions
from services.gateway.problems.errors import RateLimited
from services.gateway.problems.problems import ProblemResponse, problem_response
from services.registry.settings import Settings

PREFIX = "trm:limits"
ANSWER_SECONDS = 0.25  # a request waits no longer for its count
PAUSE_SECONDS = 5.0  # a broker that failed is left alone so long
SHARES = 60  # a gateway counts a key's requests in pieces of its limit: asking the broker each time costs a third of the throughput
MOST_REMEMBERED = 10_000
SUBMIT, READ, STRANGER = "submit", "read", "stranger"
REFUSED_SECONDS = 1.0  # one that has asked too often is told so again without asking the broker
SENTENCES = {STRANGER: "This address may send {} requests without a valid key a minute."}
log = structlog.get_logger()


class RateLimiter:
    """The counters. Without a broker nothing is counted and everything is let through: jobs are accepted without it too."""

    def __init__(self, settings: Settings) -> None:
        most = {
            SUBMIT: settings.submits_per_minute,
            READ: settings.reads_per_minute,
            STRANGER: settings.strangers_per_minute,
        }
        self._limits = {kind: RateLimitItemPerMinute(count) for kind, count in most.items() if count}
        self._url = settings.require_broker_url().replace("redis+socket://", "redis+unix://", 1)
        self._limiter: SlidingWindowCounterRateLimiter | None = None
        self._counted: dict[tuple[str, str], int] = {}  # requests to come that the broker has counted already
        self._refused: dict[tuple[str, str], tuple[float, float]] = {}  # until when this holds; when there is room
        self._lock = Lock()
        self._away_until = 0.0

    def lets_through(self, kind: str, who: str) -> bool:
        """Whether a request may continue without the broker: nothing is counted, or it was with an earlier one. Never waits."""
        if not self._lock.acquire(blocking=False):
            return False
        try:
            return self._is_free(kind) or self._spend(kind, who)
        finally:
            self._lock.release()

    def count(self, kind: str, who: str) -> tuple[RateLimitItem, float] | None:
        """Count a request; when it is one too many, the limit and the seconds until there is room again."""
        with self._lock:
            if self._is_free(kind) or self._spend(kind, who):
                return None
            now = time.monotonic()
            until, room_at = self._refused.get((kind, who), (0.0, 0.0))
            if now < until:
                return self._limits[kind], room_at - now
            try:
                return self._count(self._limits[kind], kind, who)
            except (RedisError, OSError) as error:
                self._away_until = time.monotonic() + PAUSE_SECONDS
                log.warning("rate_limit.broker_away", reason=str(error)[:300])
                return None

    def _is_free(self, kind: str) -> bool:
        return kind not in self._limits or time.monotonic() < self._away_until

    def _spend(self, kind: str, who: str) -> bool:
        left = self._counted.get((kind, who), 0)
        if left:
            self._counted[kind, who] = left - 1
        return left > 0

    def _count(self, limit: RateLimitItem, kind: str, who: str) -> tuple[RateLimitItem, float] | None:
        limiter = self._open()
        for piece in (max(1, limit.amount // SHARES), 1):  # the last ones singly
            if limiter.hit(limit, kind, who, cost=piece):
                if len(self._counted) >= MOST_REMEMBERED:
                    self._counted.clear()
                self._counted[kind, who] = piece - 1
                return None
        seconds = max(limiter.get_window_stats(limit, kind, who).reset_time - time.time(), REFUSED_SECONDS)
        if len(self._refused) >= MOST_REMEMBERED:
            self._refused.clear()
        now = time.monotonic()
        self._refused[kind, who] = (now + REFUSED_SECONDS, now + seconds)
        return limit, seconds

    def _open(self) -> SlidingWindowCounterRateLimiter:
        if self._limiter is None:
            storage = RedisStorage(
                self._url, key_prefix=PREFIX, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
            )
            self._limiter = SlidingWindowCounterRateLimiter(storage)
        return self._limiter


class RateLimit:
    """ASGI middleware behind authentication; who needs no key is not counted."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        self.app, self._limiter = app, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        who = caller.identify(scope) if scope["type"] == "http" else caller.ANONYMOUS
        if who.has_key:
            kind = READ if scope["method"] in permissions.SAFE else SUBMIT
            if limited := await limit(self._limiter, kind, scope):
                await limited(scope, receive, send)
                return
        await self.app(scope, receive, send)


async def limit(limiter: RateLimiter, kind: str, scope: Scope) -> ProblemResponse | None:
    """Count a request of its key's, or of its address's where it has none; the answer to one too many."""
    who = caller.identify(scope)
    counted = who.id if who.has_key else address(scope)
    if limiter.lets_through(kind, counted):
        return None
    refused = await run_in_threadpool(limiter.count, kind, counted)
    return refused and _answer(scope, kind, *refused)


def address(scope: Scope) -> str:
    """Address of the client; behind a trusted proxy, the one that the proxy reports."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"


def _answer(scope: Scope, kind: str, limit: RateLimitItem, seconds: float) -> ProblemResponse:
    wait = math.ceil(seconds)
    headers = {
        "Retry-After": str(wait),
        "RateLimit-Policy": f'"{kind}";q={limit.amount};w={limit.get_expiry()}',
        "RateLimit": f'"{kind}";r=0;t={wait}',
    }
    allowed = SENTENCES.get(kind, f"This key may make {{}} requests of the kind {kind!r} a minute.")
    sentence = f"{allowed.format(limit.amount)} Try again in {wait} s."
    return problem_response(scope, RateLimited(sentence), headers)
