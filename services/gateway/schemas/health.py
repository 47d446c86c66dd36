"""Health: liveness and readiness."""

from typing import Literal

from services.gateway.schemas.base import Response


class Liveness(Response):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Readiness(Response):
    """Whether requests can be served; without a broker, new jobs wait for it."""

    status: Literal["ready", "degraded", "unavailable"]
    checks: dict[str, str]
