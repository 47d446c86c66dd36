"""Metrics of this process, for Prometheus."""

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.gateway.backends import Parts
from services.gateway.openapi import Responses, refusals
from services.gateway.schemas.target import Target
from services.registry.jobs import presence

router = APIRouter(tags=["operation"])

TEXT: Responses = {
    200: {"description": "Prometheus text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get(
    "/metrics",
    operation_id="getMetrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={**TEXT, **refusals()},
)
def read_metrics(parts: Parts) -> Response:
    """What this process has served; the workers and the reaper have ports of their own."""
    return Response(generate_latest(parts.collectors), media_type=CONTENT_TYPE_LATEST)


@router.get(
    "/metrics/targets",
    operation_id="listMetricsTargets",
    summary="Where the workers' metrics are, for Prometheus",
    responses=refusals("database_unavailable"),
)
def list_targets(parts: Parts) -> list[Target]:
    """Every worker and reaper that runs, or that disappeared within the last hour; for `http_sd_configs`."""
    with parts.database.transaction() as session:
        return [Target.of(row) for row in presence.list_watched(session)]
