"""Limits how often each API key may ask, counted in the broker for all gateways together."""

import math
import time

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from services.gateway import caller, permissions
from services.gateway.problems import ProblemResponse, problem_response
from services.registry.settings import Settings

PREFIX = "trm:limits"
ANSWER_SECONDS = 0.25  # a request waits no longer for its count
PAUSE_SECONDS = 5.0  # a broker that failed is left alone so long
SUBMIT, READ = "submit", "read"
log = structlog.get_logger()


class RateLimiter:
    """The counters. Without a broker nothing is counted and everything is let through: jobs are accepted without it too."""

    def __init__(self, settings: Settings) -> None:
        self._limits: dict[str, RateLimitItem] = {
            kind: RateLimitItemPerMinute(most)
            for kind, most in ((SUBMIT, settings.submits_per_minute), (READ, settings.reads_per_minute))
            if most
        }
        self._url = settings.require_broker_url().replace("redis+socket://", "redis+unix://", 1)
        self._limiter: SlidingWindowCounterRateLimiter | None = None
        self._away_until = 0.0

    def refused(self, kind: str, who: str) -> tuple[RateLimitItem, float] | None:
        """Count a request; when it is one too many, the limit and the seconds until there is room again."""
        limit = self._limits.get(kind)
        if limit is None or time.monotonic() < self._away_until:
            return None
        try:
            return self._counted(limit, kind, who)
        except (RedisError, OSError) as error:
            self._away_until = time.monotonic() + PAUSE_SECONDS
            log.warning("rate_limit.broker_away", reason=str(error)[:300])
            return None

    def _counted(self, limit: RateLimitItem, kind: str, who: str) -> tuple[RateLimitItem, float] | None:
        if self._limiter is None:
            storage = RedisStorage(
                self._url,
                key_prefix=PREFIX,
                socket_timeout=ANSWER_SECONDS,
                socket_connect_timeout=ANSWER_SECONDS,
            )
            self._limiter = SlidingWindowCounterRateLimiter(storage)
        if self._limiter.hit(limit, kind, who):
            return None
        return limit, max(self._limiter.get_window_stats(limit, kind, who).reset_time - time.time(), 1.0)


class RateLimit:
    """ASGI middleware behind authentication; who needs no key is not counted."""

    def __init__(self, app: ASGIApp, limiter: RateLimiter) -> None:
        self.app, self._limiter = app, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        who = caller.known(scope) if scope["type"] == "http" else caller.NOBODY
        if who.has_key:
            kind = READ if scope["method"] in permissions.SAFE else SUBMIT
            refused = await run_in_threadpool(self._limiter.refused, kind, who.id)
            if refused is not None:
                await _answer(scope, kind, *refused)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _answer(scope: Scope, kind: str, limit: RateLimitItem, seconds: float) -> ProblemResponse:
    wait = math.ceil(seconds)
    headers = {
        "Retry-After": str(wait),
        "RateLimit-Policy": f'"{kind}";q={limit.amount};w={limit.get_expiry()}',
        "RateLimit": f'"{kind}";r=0;t={wait}',
    }
    sentence = f"This key may make {limit.amount} requests of the kind {kind!r} a minute. Try again in {wait} s."
    return problem_response(scope, "rate_limited", sentence, headers=headers)
