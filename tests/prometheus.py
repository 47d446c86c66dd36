"""A real Prometheus that reads a running service with the configuration that docker compose mounts, only more often."""

import json
import math
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.conftest import free_port, wait_until

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "deploy/prometheus"
UNPACKED = ROOT / ".prometheus/usr/bin"  # `make .prometheus/installed` unpacks Debian's package there
HOST = "127.0.0.1"
READY_SECONDS = 30
Series = tuple[dict[str, str], list[float]]  # labels, and the finite values in their order


def binary(name: str) -> Path | None:
    """`prometheus` or `promtool`: the unpacked one, else PATH's; None where there is neither."""
    unpacked = UNPACKED / name
    found = str(unpacked) if unpacked.exists() else shutil.which(name)
    return None if found is None else Path(found)


def require_binary(name: str) -> Path:
    """The binary; without one the test is skipped, with what to do as the reason."""
    found = binary(name)
    if found is None:
        pytest.skip(f"no {name}: `make .prometheus/installed` could not unpack Debian's package, and none is on PATH")
    return found


@dataclass(frozen=True)
class Prometheus:
    """A running server, asked over HTTP."""

    url: str
    since: float  # Unix time

    def ask(self, path: str, **params: Any) -> Any:  # noqa: ANN401
        """The data at a path of the API; fails the test with the server's own words when it refuses."""
        answer = httpx2.get(f"{self.url}/api/v1/{path}", params=params, timeout=30)
        body = answer.json()
        assert body["status"] == "success", f"{params}: {body}"
        return body["data"]

    def over_time(self, expression: str, window: str) -> list[Series]:
        """As Grafana asks for lines: the values at every second since the start; those that are not finite are left out."""
        query = expression.replace("$__rate_interval", window)
        found = self.ask("query_range", query=query, start=self.since, end=time.time(), step=1)
        values = ((one["metric"], [float(value) for _, value in one["values"]]) for one in found["result"])
        return [(labels, [v for v in numbers if math.isfinite(v)]) for labels, numbers in values]

    def now(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """The value of an expression by labels."""
        found = self.ask("query", query=expression)
        return [(one["metric"], float(one["value"][1])) for one in found["result"]]

    def targets(self) -> dict[str, str]:
        """The health of every process that is read, by its address."""
        return {one["labels"]["instance"]: one["health"] for one in self.ask("targets")["activeTargets"]}


@contextmanager
def running_prometheus(program: Path, api: str, folder: Path, seconds: float = 1.0) -> Iterator[Prometheus]:
    """Prometheus with our configuration and rules for a gateway at `api`, which it reads every so many seconds."""
    config = (CONFIG / "prometheus.yml").read_text().replace("gateway:8000", urlsplit(api).netloc)
    parsed = yaml.safe_load(config)
    parsed["global"] = dict.fromkeys(parsed["global"], f"{round(1000 * seconds)}ms")
    for job in parsed["scrape_configs"]:
        for discovery in job.get("http_sd_configs", ()):
            discovery["refresh_interval"] = "1s"
    (folder / "prometheus.yml").write_text(json.dumps(parsed))  # JSON is YAML
    (folder / "rules.yml").write_bytes((CONFIG / "rules.yml").read_bytes())
    url = f"http://{HOST}:{free_port(HOST)}"
    command: list[str | Path] = [
        program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address={urlsplit(url).netloc}", "--enable-feature=exemplar-storage", "--log.level=warn",
    ]  # fmt: skip
    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            server = Prometheus(url, time.time())
            wait_until(lambda: _is_ready(process, url, folder), READY_SECONDS)
            yield server
        finally:
            process.terminate()
            process.wait(READY_SECONDS)


def _is_ready(process: "subprocess.Popen[bytes]", url: str, folder: Path) -> bool:
    assert process.poll() is None, (folder / "prometheus.log").read_text()
    try:
        return httpx2.get(f"{url}/-/ready", timeout=2).status_code == httpx2.codes.OK
    except httpx2.TransportError:
        return False


def read_exemplars(text: str, metric: str) -> list[dict[str, str]]:
    """The exemplars' labels of a histogram, from what a process exports in the OpenMetrics format."""
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = (sample for family in families for sample in family.samples)
    return [dict(one.exemplar.labels) for one in samples if one.name == metric and one.exemplar is not None]
