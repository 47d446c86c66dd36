"""One deployment from its first start: secrets, confinement, work over HTTP, monitoring, crashes of every part, `down` and `up`.

The tests run in this order and share the deployment.
"""

import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.api import Client
from tests.compose.deployment import Deployment, finish, read_holdings, submit_solve, submit_training, tell
from tests.conftest import wait_until
from tests.contract.test_compose import LASTING, ONCE, SERVICES

SECRETS = {  # a file -> the services that can read it
    "postgres_password": {"db", "broker"},  # one user of both images
    "redis.conf": {"db", "broker"},
    "grafana_password": {"grafana"},
    "trm_reader_password": {"grafana", "gateway", "worker-train", "worker-solve", "reaper"},
    "trm_admin_secret": {"gateway", "worker-train", "worker-solve", "reaper"},
    "trm_database_url": {"gateway", "worker-train", "worker-solve", "reaper"},
    "made/database_password": set[str](),
}


@pytest.fixture(scope="module", autouse=True)
def _up(deployment: Deployment) -> None:
    deployment.up()


@pytest.fixture
def client(deployment: Deployment) -> Iterator[Client]:
    with deployment.admin() as client:
        yield client


def test_every_part_comes_up_with_nothing_set(deployment: Deployment) -> None:
    parts = deployment.parts()
    assert set(parts) == SERVICES
    for name in ONCE:
        assert (parts[name]["State"]["Status"], parts[name]["State"]["ExitCode"]) == ("exited", 0)
    assert {parts[name]["State"]["Health"]["Status"] for name in LASTING} == {"healthy"}


def test_secrets_are_made_once_and_open_every_door(deployment: Deployment, client: Client) -> None:
    told = deployment.secrets()
    assert set(told) == {"API, admin's key", "Grafana, admin", "Postgres, trm", "Postgres, trm_reader", "Broker"}
    assert len({*told.values()}) == len(told)
    assert min(map(len, told.values())) >= 64
    assert client.is_let_in()
    deployment.compose("up", "-d", "init")
    wait_until(lambda: deployment.parts()["init"]["State"]["Status"] == "exited")
    assert deployment.secrets() == told


def test_nothing_is_open_without_its_secret(deployment: Deployment, client: Client) -> None:
    assert httpx2.get(f"{client.api}/v1/jobs").status_code == httpx2.codes.UNAUTHORIZED
    for guess in ("trm", "postgres", ""):
        deployment.run_in("db", "psql", f"postgresql://trm:{guess}@db/trm", "-wc", "select 1", fails=True)
    right = deployment.secrets()["Postgres, trm"]
    assert deployment.run_in("db", "psql", f"postgresql://trm:{right}@db/trm", "-Atc", "select 1").strip() == "1"
    assert "NOAUTH" in deployment.run_in("broker", "redis-cli", "ping")


@pytest.mark.parametrize("file", SECRETS)
def test_a_secret_is_readable_where_it_is_needed_alone(deployment: Deployment, file: str) -> None:
    for service in LASTING - {"prometheus"}:  # that one has no secrets at all
        deployment.run_in(service, "cat", f"/run/secrets/{file}", fails=service not in SECRETS[file])


@pytest.mark.parametrize("service", sorted(LASTING))
def test_a_part_has_no_rights(deployment: Deployment, service: str) -> None:
    part = deployment.parts()[service]
    assert part["HostConfig"]["ReadonlyRootfs"]
    assert part["HostConfig"]["Memory"] > 0
    capabilities = dict(
        line.split(":\t") for line in deployment.run_in(service, "cat", "/proc/1/status").splitlines() if ":\t" in line
    )
    assert int(capabilities["CapEff"], 16) == int(capabilities["CapBnd"], 16) == 0
    assert capabilities["NoNewPrivs"] == "1"
    assert capabilities["Uid"].split()[0] != "0"
    deployment.run_in(service, "sh", "-c", "echo x > /usr/x", fails=True)


def test_the_gateway_has_no_torch_and_the_worker_none_of_cuda(deployment: Deployment) -> None:
    found = "import importlib.util; print(importlib.util.find_spec('torch'))"
    assert deployment.run_python("gateway", found) == "None"
    version = "import torch; print(torch.__version__, torch.version.cuda)"
    assert deployment.run_python("worker-train", version) == "2.13.0+cpu None"
    packages = deployment.run_in("worker-train", "ls", "/venv/lib/python3.11/site-packages").split()
    assert [name for name in packages if name.startswith(("nvidia", "triton"))] == []


def test_a_worker_builds_kernels_and_loads_them(deployment: Deployment) -> None:
    build = "echo 'extern \"C\" int answer() { return 42; }' | g++ -shared -fPIC -xc++ - -o /tmp/kernel.so"
    deployment.run_in("worker-train", "sh", "-c", build)
    assert deployment.run_python("worker-train", "import ctypes; print(ctypes.CDLL('/tmp/kernel.so').answer())") == "42"


def test_the_console_is_at_the_root(client: Client) -> None:
    page = httpx2.get(client.api, headers={"Accept": "text/html"}, follow_redirects=True)
    assert page.headers["content-type"].startswith("text/html")
    assert "<script" in page.text


def test_shipped_models_solve(client: Client) -> None:
    for model in ("sudoku", "sudoku-6x6"):
        [job] = finish(client, [submit_solve(client, model)])
        [solution] = client.get(f"/v1/jobs/{job['id']}/solutions")["data"]
        assert solution["verified"], solution
        tell(f"{model} solved its puzzle in {job['result']['seconds']:.1f} s")


def test_a_model_is_trained_and_solves(client: Client) -> None:
    started = time.monotonic()
    [job] = finish(client, [submit_training(client)])
    tell(f"trained in {time.monotonic() - started:.1f} s")
    finish(client, [submit_solve(client, job["run_id"])])


def test_everything_is_scraped(deployment: Deployment) -> None:
    prometheus = deployment.url("prometheus", 9090)

    def targets() -> list[tuple[str, str]]:
        found = httpx2.get(f"{prometheus}/api/v1/targets").json()["data"]["activeTargets"]
        return sorted((target["labels"]["job"], target["health"]) for target in found)

    wait_until(lambda: targets() == [("gateway", "up"), *[("workers", "up")] * 3], 60)

    def value(query: str) -> float:
        found = httpx2.get(f"{prometheus}/api/v1/query", params={"query": query}).json()["data"]["result"]
        return float(found[0]["value"][1]) if found else 0

    wait_until(lambda: value('sum(trm_jobs_finished_total{outcome="succeeded"})') >= 4, 60)
    rules = httpx2.get(f"{prometheus}/api/v1/rules").json()["data"]["groups"]
    assert sum(len(group["rules"]) for group in rules) > 10


def test_the_boards_are_mounted(deployment: Deployment) -> None:
    grafana = deployment.url("grafana", 3000)
    health = httpx2.get(f"{grafana}/api/health")
    assert health.status_code == httpx2.codes.OK, health.text
    mounted = deployment.run_in("grafana", "ls", "/var/lib/grafana/dashboards").split()
    tell(f"Grafana has {len(mounted)} boards mounted")
    assert mounted
    if health.json().get("database") == "ok":  # a real Grafana, not something that stands in for it
        assert httpx2.get(f"{grafana}/api/search", auth=("admin", "admin")).status_code == httpx2.codes.UNAUTHORIZED
        found = httpx2.get(f"{grafana}/api/search", auth=("admin", deployment.secrets()["Grafana, admin"]))
        assert len([board for board in found.json() if board["type"] == "dash-db"]) == len(mounted)


@pytest.fixture(scope="module")
def steps(deployment: Deployment) -> int:
    """Steps of a training that takes about 15 s on this machine, by the curve of the newest run."""
    with deployment.admin() as client:
        first, *_, last = client.get(f"/v1/runs/{client.get('/v1/runs', limit=1)['data'][0]['id']}/metrics")["data"]
    pace: float = (last["seconds"] - first["seconds"]) / (last["step"] - first["step"])
    return max(30, min(2_000, round(15 / pace)))


@pytest.mark.parametrize("service", sorted(LASTING))
def test_every_job_finishes_although_a_part_is_killed(
    deployment: Deployment, client: Client, service: str, steps: int
) -> None:
    restarts = deployment.parts()[service]["RestartCount"]
    training = submit_training(client, steps)
    wait_until(lambda: client.get(f"/v1/jobs/{training['id']}")["progress"]["step"] > 0, 120)
    before = [submit_solve(client) for _ in range(3)]
    started = time.monotonic()
    deployment.kill(service)
    during = [submit_solve(client) for _ in range(3)]
    deployment.wait_for_restart(service, restarts)
    back = time.monotonic() - started
    training, *_ = finish(client, [training, *before, *during])
    took = f"healthy after {back:.1f} s, all 7 jobs done after {time.monotonic() - started:.1f} s"
    tell(f"kill -9 {service}: {took}, training in attempt {training['attempt']}")


def test_no_log_but_that_of_init_holds_a_secret(deployment: Deployment) -> None:
    told = deployment.secrets().values()
    logs = deployment.compose("logs", *sorted(SERVICES - {"init"}))
    assert [secret[:3] for secret in told if secret.removeprefix("trm_admin_") in logs] == []


def test_nothing_is_lost_by_down_and_up(deployment: Deployment) -> None:
    with deployment.admin() as client:
        before, secrets = read_holdings(client), deployment.secrets()
    deployment.down()
    assert deployment.compose("ps", "-aq") == ""
    deployment.up()
    assert deployment.secrets() == secrets
    with deployment.admin() as client:
        assert read_holdings(client) == before
        finish(client, [submit_solve(client, before["runs"][0])])
    tell(f"{len(before['jobs'])} jobs and {len(before['runs'])} runs are as they were")
