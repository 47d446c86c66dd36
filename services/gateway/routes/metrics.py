"""Metrics of this process, for Prometheus."""

from typing import Annotated

from fastapi import APIRouter, Header, Response
from prometheus_client.exposition import choose_encoder

from services.gateway.backends import Parts
from services.gateway.openapi import Responses, refusals
from services.gateway.schemas.target import Target
from services.registry.errors import DatabaseUnavailable
from services.registry.jobs import presence

router = APIRouter(tags=["operation"])

TEXT: Responses = {
    200: {
        "description": "Prometheus text format, or OpenMetrics where `Accept` asks for it: that has exemplars.",
        "content": {"text/plain": {"schema": {"type": "string"}}},
    }
}


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response, responses={**TEXT, **refusals()})
def get_metrics(parts: Parts, accept: Annotated[str, Header(include_in_schema=False)] = "") -> Response:
    """What this process has served; the workers and the reaper have ports of their own."""
    try:
        encode, content_type = choose_encoder(accept)
    except TypeError:  # a version that is no number
        encode, content_type = choose_encoder("")
    return Response(encode(parts.collectors), media_type=content_type)


@router.get(
    "/metrics/targets",
    summary="Where the workers' metrics are, for Prometheus",
    responses=refusals(DatabaseUnavailable),
)
def list_metrics_targets(parts: Parts) -> list[Target]:
    """Every worker and reaper that runs, or that disappeared within the last hour.

    For `http_sd_configs`, which takes all at once, so that they are not in pages.
    """
    with parts.database.transaction() as session:
        rows = presence.list_watched(session)
    return [Target(targets=[row.metrics], labels={"role": row.role, "worker": row.name}) for row in rows]
