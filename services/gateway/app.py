"""Assembles the gateway."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig

from services.gateway.access import permissions
from services.gateway.backends import Backends
from services.gateway.intake.known_names import require_known_query
from services.gateway.middleware import authentication
from services.gateway.middleware.audit_trail import Audited
from services.gateway.middleware.authentication import Authentication
from services.gateway.middleware.authorization import Authorization
from services.gateway.middleware.body_limit import BodyLimit
from services.gateway.middleware.json_limits import json_check
from services.gateway.middleware.rate_limit import RateLimit, RateLimiter
from services.gateway.middleware.request_context import RequestContext
from services.gateway.middleware.whole_body import MemoryBudget, WholeBody
from services.gateway.openapi import document
from services.gateway.problems import problems
from services.gateway.routes import (
    api_keys,
    audit,
    checkpoints,
    datasets,
    evaluation_jobs,
    health,
    index,
    jobs,
    metrics,
    models,
    pages,
    presets,
    queue,
    runs,
    solve_jobs,
    training_jobs,
    webhooks,
    workers,
)
from services.gateway.routes import problems as problem_routes
from services.registry.settings import Settings

DESCRIPTION = """\
Train Tiny Recursive Models and solve puzzles with them.

Work is asked for as jobs: `POST` answers `202` with the job, whose `links` lead to its state, events and results.
With authentication on, every path below `/v1` but the problems needs `Authorization: Bearer trm_...`.
Every error is `application/problem+json` (RFC 9457) with a stable `code`.
"""
TAGS = [
    {"name": "training", "description": "Start trainings."},
    {"name": "solving", "description": "Have puzzles solved by a trained model."},
    {"name": "evaluating", "description": "Measure a model on puzzles with known answers."},
    {"name": "jobs", "description": "Follow, list and cancel jobs of every kind."},
    {"name": "queue", "description": "What waits, how long, and who works."},
    {"name": "runs", "description": "Trainings with their curves, evaluations and checkpoints."},
    {"name": "checkpoints", "description": "Saved models to solve with."},
    {"name": "models", "description": "Models that ship with the service, and names for checkpoints."},
    {"name": "datasets", "description": "Puzzles to train on, built in or uploaded."},
    {"name": "presets", "description": "Named experiments to start trainings from."},
    {"name": "webhooks", "description": "Send a message to your own server when a job ends."},
    {"name": "access", "description": "API keys and the audit log; for admins."},
    {"name": "problems", "description": "What the error codes mean."},
    {"name": "operation", "description": "Health and metrics, for machines."},
    {"name": "index", "description": "The front page."},
]
ROUTERS = (
    index.router,
    training_jobs.router,
    solve_jobs.router,
    evaluation_jobs.router,
    jobs.router,
    queue.router,
    workers.router,
    runs.router,
    checkpoints.router,
    models.router,
    datasets.router,
    presets.router,
    webhooks.router,
    api_keys.router,
    audit.router,
    problem_routes.router,
    health.router,
    metrics.router,
    pages.router,
)


UNTRACED = frozenset({"/livez", "/readyz", "/metrics", "/metrics/targets"})  # machines ask for them every few seconds
TELEMETRY: TelemetryConfig = {  # FastAPI's own spans, where a tracer is configured; metrics are Prometheus's
    "operation_spans": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
    "exclude": lambda scope: scope["path"] in UNTRACED,
}


def create_app(settings: Settings) -> FastAPI:
    """The gateway; it connects to nothing before the first request."""
    app = FastAPI(
        title="TRM Service",
        summary="Tiny Recursive Models over HTTP: train, solve, watch.",
        description=DESCRIPTION,
        version=version("trm-service"),
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        openapi_tags=TAGS,
        docs_url=None,  # pages of our own: FastAPI's load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be built from the Host header
        generate_unique_id_function=permissions.name_operation,
        telemetry=TELEMETRY,
        lifespan=_lifespan,
    )
    backends = app.state.backends = Backends.of(settings)
    problems.install(app)
    room = MemoryBudget(max(settings.max_bodies_bytes, settings.max_body_bytes))
    app.add_middleware(WholeBody, room=room, check=json_check(settings.max_json_depth))
    times = {"seconds": settings.body_seconds, "idle_seconds": settings.idle_seconds}
    larger = {"/v1/checkpoints": settings.max_checkpoint_bytes}
    app.add_middleware(BodyLimit, limit=settings.max_body_bytes, larger=larger, **times)
    app.add_middleware(Authorization)
    limiter = RateLimiter(settings)
    app.add_middleware(RateLimit, limiter=limiter)
    asks = {"required": authentication.is_on(settings), "is_local": authentication.is_loopback(settings.gateway_host)}
    app.add_middleware(Authentication, keys=backends.keys, limiter=limiter, **asks)
    app.add_middleware(Audited, trail=backends.audit)
    app.add_middleware(RequestContext, metrics=backends.metrics)  # the outermost: it sees every response
    for router in ROUTERS:
        is_ours = router.prefix.startswith(permissions.PREFIX)
        app.include_router(router, dependencies=[Depends(require_known_query)] if is_ours else ())
    app.openapi = lambda: document(app)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    backends: Backends = app.state.backends
    backends.start()
    yield
    backends.stopping.set()
    backends.close()
