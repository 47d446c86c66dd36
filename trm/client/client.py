"""The client: submits jobs, and leads to everything else that the service has."""

from collections.abc import Iterator
from typing import Any, Self, Unpack

from trm.client.api import (
    ContinueRequest,
    EvaluationJobRequest,
    Job,
    Liveness,
    ProblemDescription,
    Queue,
    Readiness,
    SolveJobRequest,
    Target,
    TrainingJobRequest,
    TrainingPlan,
    Worker,
)
from trm.client.nouns.access import ApiKeys, Audit
from trm.client.nouns.checkpoints import Checkpoints
from trm.client.nouns.datasets import Datasets
from trm.client.nouns.jobs import Jobs
from trm.client.nouns.models import Models
from trm.client.nouns.presets import Presets
from trm.client.nouns.runs import Runs
from trm.client.nouns.webhooks import Webhooks
from trm.client.record import Page, id_of
from trm.client.transport import RETRY_SECONDS, Transport

TIMEOUT_SECONDS = 30.0


class Client:
    """A service's HTTP API; safe for threads, and a context manager.

    `url` is by default TRM_URL or http://127.0.0.1:8000, and `key` TRM_API_KEY or none. A request may be `timeout` seconds without an
    answer. Requests that may be sent again are, for `retry_seconds`, when the connection fails or the service is busy (429, 503, and
    502 and 504 of a proxy), not before the time that it names in Retry-After. What creates a job or a data set carries an
    idempotency key, the same in every attempt, so that it creates one.

    Every method raises ApiError when the service refuses, ServiceUnreachable when it does not answer, and UnexpectedAnswer when
    something else does.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        timeout: float = TIMEOUT_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        self._transport = Transport(url, key, timeout, retry_seconds)
        self.url = self._transport.url
        self.jobs = Jobs(self._transport)
        self.runs = Runs(self._transport)
        self.checkpoints = Checkpoints(self._transport)
        self.models = Models(self._transport)
        self.datasets = Datasets(self._transport)
        self.presets = Presets(self._transport)
        self.webhooks = Webhooks(self._transport)
        self.api_keys = ApiKeys(self._transport)
        self.audit = Audit(self._transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._transport.close()

    def train(self, *, idempotency_key: str | None = None, **request: Unpack[TrainingJobRequest]) -> Job:
        """Submit a training; `jobs.wait` waits for its end."""
        return self._transport.ask("createTrainingJob", Job, json=request, idempotency_key=idempotency_key)

    def plan_training(self, **request: Unpack[TrainingJobRequest]) -> TrainingPlan:
        """What a training would be: its configuration, size and duration. Nothing is stored or queued."""
        return self._transport.ask("createTrainingJob", TrainingPlan, json=request, params={"dry_run": True})

    def solve(self, *, wait: int = 0, idempotency_key: str | None = None, **request: Unpack[SolveJobRequest]) -> Job:
        """Submit puzzles; the answer is the finished job where that takes at most `wait` seconds."""
        return self._transport.ask("createSolveJob", Job, json=request, idempotency_key=idempotency_key, **_allow(wait))

    def continue_solve(
        self, job: Job | str, *, wait: int = 0, idempotency_key: str | None = None, **request: Unpack[ContinueRequest]
    ) -> Job:
        """Submit more steps for a solve job that has kept its carry; `wait` is as in `solve`."""
        path = {"job_id": id_of(job)}
        return self._transport.ask(
            "continueSolveJob", Job, path=path, json=request, idempotency_key=idempotency_key, **_allow(wait)
        )

    def evaluate(self, *, idempotency_key: str | None = None, **request: Unpack[EvaluationJobRequest]) -> Job:
        """Submit an evaluation of a model on puzzles with known answers."""
        return self._transport.ask("createEvaluationJob", Job, json=request, idempotency_key=idempotency_key)

    def queue(self) -> Queue:
        """How many jobs of each kind wait and run."""
        return self._transport.ask("getQueue", Queue)

    def workers(self, *, page_size: int = 100) -> Iterator[Worker]:
        """The workers by name, and what they do."""
        return self._transport.list("listWorkers", Page[Worker], page_size=page_size)

    def problem(self, code: str) -> ProblemDescription:
        """What an error's code means, and what to do."""
        return self._transport.ask("getProblem", ProblemDescription, path={"code": code})

    def index(self) -> dict[str, dict[str, str]]:
        """Links to the entry points."""
        return self._transport.ask("getIndex", dict[str, dict[str, str]])

    def liveness(self) -> Liveness:
        """Answers while the gateway runs."""
        return self._transport.ask("getLiveness", Liveness)

    def readiness(self) -> Readiness:
        """Whether requests can be served, and what is missing; `unavailable` is an answer, no error."""
        return self._transport.ask("getReadiness", Readiness, answers={503})

    def metrics(self) -> str:
        """The gateway's metrics, as Prometheus reads them."""
        return self._transport.send("getMetrics", headers={"Accept": "*/*"}).text

    def metrics_targets(self) -> list[Target]:
        """Where Prometheus finds the metrics of every process."""
        return self._transport.ask("listMetricsTargets", list[Target])


def _allow(seconds: int) -> dict[str, Any]:
    return {"headers": {"Prefer": f"wait={seconds}"}, "extra_seconds": seconds} if seconds else {}
