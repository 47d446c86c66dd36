"""Health, for load balancers and operators: liveness and readiness."""

from collections.abc import Callable

from fastapi import APIRouter, Response

from services.gateway.backends import Parts
from services.gateway.openapi import Responses, refusals
from services.gateway.schemas.health import Liveness, Readiness
from services.registry.db.database import require_head
from services.registry.errors import RegistryError
from services.registry.jobs import queue

router = APIRouter(tags=["operation"])

NOT_READY: Responses = {
    503: {"description": "The database does not answer, or has another schema.", "model": Readiness}
}
OK = "ok"


@router.get("/livez", summary="Does the process live?", responses=refusals())
async def get_liveness() -> Liveness:
    """Answers while the process runs; checks nothing else."""
    return Liveness()


@router.get("/readyz", summary="Can requests be served?", responses={**refusals(), **NOT_READY})
def get_readiness(response: Response, parts: Parts) -> Readiness:
    """Ready; or degraded without a broker, when new jobs are taken in but wait for it; or unavailable without a database."""
    checks = {
        "database": _check(lambda: require_head(parts.database)),
        "broker": _check(lambda: queue.ping_broker(parts.queue)),
    }
    if checks["database"] != OK:
        response.status_code = 503
        return Readiness(status="unavailable", checks=checks)
    return Readiness(status="ready" if checks["broker"] == OK else "degraded", checks=checks)


def _check(ask: Callable[[], None]) -> str:
    try:
        ask()
    except RegistryError as error:
        return error.code
    return OK
