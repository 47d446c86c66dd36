"""Where Prometheus can read metrics."""

from services.gateway.schemas.base import Response, examples


class Target(Response):
    """One process, in the form of Prometheus' HTTP service discovery."""

    model_config = examples({"targets": ["172.18.0.7:9100"], "labels": {"role": "train", "worker": "3f1c:7"}})

    targets: list[str]
    labels: dict[str, str]
