"""Keys at the door: who is let in, what for, and what is written down."""

import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import event

from services.gateway.access import permissions
from services.gateway.app import create_app
from services.gateway.backends import Backends
from services.gateway.middleware.authentication import is_on, prepare
from services.registry.access.scopes import Scope
from services.registry.db.database import Database
from services.registry.errors import AuthExposed
from services.registry.settings import Settings
from tests.gateway.conftest import HERE
from tests.gateway.keys import guarded, header
from tests.openapi import PATHS

TRAINING = {"preset": "sudoku-6x6"}
KEY = {"owner": "bob", "name": "laptop", "scopes": ["train"]}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with guarded(settings) as client:
        yield client


@pytest.fixture
def admin(database: Database) -> dict[str, str]:
    return header(database, "root", Scope.ADMIN)


def audited(client: TestClient, admin: dict[str, str], count: int) -> list[dict[str, Any]]:
    """The log, once it has so many records: they are written behind the requests' backs."""
    for _ in range(200):
        records: list[dict[str, Any]] = client.get("/v1/audit", headers=admin).json()["data"]
        if len(records) >= count:
            return records
        time.sleep(0.02)
    pytest.fail(f"{len(records)} records, not {count}")


@pytest.mark.parametrize(
    "presented",
    [None, "", "Bearer", "Bearer ", "Bearer x", "Basic dHJtOng=", f"Bearer trm_{'0' * 32}_{'0' * 64}", "Bearer trm_admin_"],
)  # fmt: skip
def test_without_a_valid_key_nothing_is_answered(client: TestClient, presented: str | None) -> None:
    headers = {} if presented is None else {"Authorization": presented}
    for method, path in (("GET", "/v1/jobs"), ("POST", "/v1/training-jobs"), ("GET", "/v1/nothing"), ("PATCH", "/v1")):
        response = client.request(method, path, headers=headers)
        assert (response.status_code, response.json()["code"]) == (401, "unauthenticated")
        assert response.headers["www-authenticate"] == 'Bearer realm="trm"'


@pytest.mark.parametrize("name", ["", " ", "\t", "\u00a0"])
def test_a_key_has_a_name_that_can_be_read(client: TestClient, admin: dict[str, str], name: str) -> None:
    response = client.post("/v1/api-keys", json=KEY | {"name": name}, headers=admin)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/name")


@pytest.mark.parametrize("path", ["/", "/livez", "/readyz", "/metrics", "/openapi.json", "/v1/problems/scope_missing"])
def test_health_and_documentation_need_no_key(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 200


def test_a_key_opens_and_withdrawing_it_closes(client: TestClient, admin: dict[str, str]) -> None:
    response = client.post("/v1/api-keys", json=KEY, headers=admin)
    made = response.json()
    assert response.status_code == 201
    assert response.headers["cache-control"] == "no-store"
    bob = {"Authorization": f"Bearer {made['key']}"}
    assert client.post("/v1/training-jobs", json=TRAINING, headers=bob).status_code == 202
    listed = client.get("/v1/api-keys", headers=admin).json()["data"]
    assert {key["owner"] for key in listed} == {"root", "bob"}
    assert made["key"].rsplit("_", 1)[1] not in client.get("/v1/api-keys", headers=admin).text
    assert client.delete(response.headers["location"], headers=admin).json()["revoked_at"]
    assert client.get("/v1/jobs", headers=bob).status_code == 401


def test_a_key_does_only_what_it_is_for(client: TestClient, database: Database) -> None:
    solver = header(database, "alice", Scope.SOLVE)
    response = client.post("/v1/training-jobs", json=TRAINING, headers=solver)
    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
    assert "train" in response.json()["detail"]
    assert client.get("/v1/jobs", headers=solver).status_code == 200
    for path in ("/v1/api-keys", "/v1/audit"):
        assert client.get(path, headers=solver).status_code == 403
    solving = client.post("/v1/solve-jobs", json={"model": "sudoku-6x6", "puzzle": "." * 36}, headers=solver)
    assert solving.status_code == 202  # every caller may use models that ship


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/v1/jobs", {"train", "solve"}),
        ("POST", "/v1/training-jobs", {"train"}),
        ("POST", "/v1/datasets", {"train"}),
        ("POST", "/v1/runs/run_1/fork", {"train"}),
        ("POST", "/v1/solve-jobs", {"solve"}),
        ("POST", "/v1/jobs/job_1/cancel", {"train", "solve"}),
        ("DELETE", "/v1/webhooks/whe_1", {"train", "solve"}),
        ("GET", "/v1/api-keys", set()),
        ("GET", "/v1/audit/x", set()),
        ("GET", "/v1/audit\n", set()),
        ("GET", "/v1/models", {"train", "solve"}),
        ("POST", "/v1/models", {"train"}),
        ("GET", "/v1/whatever-comes", set()),
        ("POST", "/v1/whatever-comes", set()),
        ("POST", "/v1/jobsx", set()),
    ],
)
def test_the_table_of_permissions(method: str, path: str, scopes: set[str]) -> None:
    allowed = {scope.value for scope in Scope if permissions.allows({scope}, permissions.list_scopes(method, path))}
    assert allowed == scopes | {"admin"}
    assert permissions.is_guarded(path)


@pytest.mark.parametrize("path", ["/v1/audit", "/v1/api-keys"])
@pytest.mark.parametrize("ending", ["%0A", "/", "%2F", "%0D%0A", ";", "%00", "?", "#", "%20"])
def test_no_spelling_of_a_path_opens_it_to_others(
    client: TestClient, database: Database, admin: dict[str, str], path: str, ending: str
) -> None:
    alice = header(database, "alice")
    assert client.get(path + ending, headers=alice).status_code in (403, 404)
    assert client.get(path, headers=admin).json()["data"] is not None


@pytest.mark.parametrize("verb", ["cancel", "pause", "resume", "retry"])
def test_jobs_are_moved_with_the_scope_of_their_kind(client: TestClient, database: Database, verb: str) -> None:
    trainer, solver = header(database, "alice", Scope.TRAIN), header(database, "alice", Scope.SOLVE)
    job = client.post("/v1/training-jobs", json=TRAINING, headers=trainer).json()
    before = {"resume": "pause", "retry": "cancel"}.get(verb)
    if before:
        assert client.post(f"/v1/jobs/{job['id']}/{before}", headers=trainer).status_code == 202
    was = client.get(f"/v1/jobs/{job['id']}", headers=trainer).json()
    response = client.post(f"/v1/jobs/{job['id']}/{verb}", headers={**solver, "Idempotency-Key": "once"})
    assert (response.status_code, response.json()["code"]) == (403, "scope_missing")
    assert client.get(f"/v1/jobs/{job['id']}", headers=solver).json() == was
    again = client.post(f"/v1/jobs/{job['id']}/{verb}", headers={**trainer, "Idempotency-Key": "once"})
    assert (again.status_code, again.headers.get("idempotency-replayed")) == (202, None)


def test_a_key_is_looked_up_once_for_many_requests(client: TestClient, database: Database) -> None:
    alice = header(database, "alice")
    looked_up = []
    backends: Backends = client.app.state.backends  # type: ignore[attr-defined]
    event.listen(
        backends.database.engine,
        "before_cursor_execute",
        lambda _c, _k, statement, *_: looked_up.append(statement) if "api_keys" in statement else None,
    )
    assert {client.get("/v1/presets", headers=alice).status_code for _ in range(20)} == {200}
    assert len(looked_up) == 2  # the key, and that it was used


@pytest.mark.parametrize("scope", list(Scope))
def test_the_document_names_the_scopes_that_are_asked_for(client: TestClient, database: Database, scope: Scope) -> None:
    key = header(database, "alice", scope)
    for path, item in PATHS.items():
        for method, operation in item.items():
            accepted = operation.get("security", [{"apiKey": []}])
            allowed = {"apiKey": []} in accepted or {"apiKey": [scope.value]} in accepted
            target = re.sub(r"\{.*?\}", "0", path)
            answer = client.request(method, target, headers=key)
            refused = answer.status_code == 403 and answer.json()["code"] == "scope_missing"
            assert refused is not allowed, (method, path)


def test_what_was_done_is_written_down(client: TestClient, database: Database, admin: dict[str, str]) -> None:
    alice = header(database, "alice", Scope.TRAIN)
    job = client.post("/v1/training-jobs", json=TRAINING, headers={**alice, "X-Request-ID": "mine"}).json()
    client.post(f"/v1/jobs/{job['id']}/cancel", headers=alice)
    client.post("/v1/solve-jobs", json={}, headers=alice)
    client.post("/v1/api-keys", json=KEY, headers=admin)
    client.post("/v1/training-jobs?dry_run=true", json=TRAINING, headers=alice)  # changes nothing
    client.post("/v1/training-jobs", json=TRAINING)  # a stranger leaves no record
    records = audited(client, admin, 4)
    told = {(r["owner"], r["action"], r["outcome"]) for r in records}
    assert told == {
        ("alice", "createTrainingJob", "202"),
        ("alice", "cancelJob", "202"),
        ("alice", "POST /v1/solve-jobs", "403"),
        ("root", "createApiKey", "201"),
    }
    first = next(r for r in records if r["action"] == "createTrainingJob")
    assert (first["object"], first["request_id"]) == (job["id"], "mine")
    assert client.get("/v1/audit?owner=alice", headers=admin).json()["data"][0]["owner"] == "alice"
    assert re.fullmatch("key_[0-9a-f]{32}", first["caller"])


@pytest.mark.parametrize(
    ("auth", "host", "on"),
    [
        ("auto", "127.0.0.1", False),
        ("auto", "localhost", False),
        ("auto", "::1", False),
        ("auto", "0.0.0.0", True),
        ("auto", "gateway", True),
        ("on", "127.0.0.1", True),
        ("off", "127.0.0.1", False),
    ],
)
def test_keys_are_asked_for_wherever_others_could_come_in(auth: str, host: str, on: bool) -> None:
    assert is_on(Settings(auth=auth, gateway_host=host)) is on  # type: ignore[arg-type]


def test_off_where_others_could_come_in_does_not_start(settings: Settings) -> None:
    exposed = settings.model_copy(update={"auth": "off", "gateway_host": "0.0.0.0"})
    with pytest.raises(AuthExposed, match="TRM_AUTH_OFF_EXPOSED"):
        create_app(exposed)
    forced = exposed.model_copy(update={"auth_off_exposed": True})
    assert not is_on(forced)


FOREIGN = [
    {"Host": "rebound.example.org"},
    {"Host": "[::1"},
    {"Host": "127.0.0.1.example.org:8000"},
    {"Origin": "https://example.org"},
    {"Origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_an_open_door_is_closed_to_web_pages(settings: Settings, headers: dict[str, str]) -> None:
    with TestClient(create_app(settings), base_url=HERE) as client:
        response = client.post("/v1/training-jobs", json=TRAINING, headers=headers)
        assert (response.status_code, response.json()["code"]) == (403, "foreign_page")
        assert client.get("/v1/jobs", headers=headers).status_code == 403
        assert client.get("/v1/jobs").json()["data"] == []


@pytest.mark.parametrize(
    "headers", [{"Host": "[::1]:8000"}, {"Host": "127.0.0.1"}, {"Origin": "http://localhost:3"}], ids=str
)
def test_pages_of_this_machine_come_in(settings: Settings, headers: dict[str, str]) -> None:
    with TestClient(create_app(settings), base_url=HERE) as client:
        assert client.get("/v1/jobs", headers=headers).status_code == 200


def test_who_has_a_key_may_come_from_anywhere(client: TestClient, database: Database) -> None:
    headers = header(database, "alice") | FOREIGN[0] | FOREIGN[3]
    assert client.get("/v1/jobs", headers=headers).status_code == 200


def test_an_open_door_is_logged(settings: Settings, database: Database, capsys: pytest.CaptureFixture[str]) -> None:
    prepare(settings, database)
    assert "auth.off" in capsys.readouterr().out
    prepare(settings.model_copy(update={"auth": "on"}), database)
    assert "auth.no_key" in capsys.readouterr().out


def test_the_admins_secret_opens_everything(settings: Settings, database: Database) -> None:
    secret = "0123456789abcdef" * 4
    prepare(settings.model_copy(update={"auth": "on", "admin_secret": secret}), database)
    with guarded(settings) as client:
        assert client.get("/v1/audit", headers={"Authorization": f"Bearer trm_admin_{secret}"}).status_code == 200


def test_without_a_database_a_key_cannot_be_checked(without_database: TestClient, settings: Settings) -> None:
    down = without_database.app.state.backends.settings  # type: ignore[attr-defined]
    with guarded(down) as client:
        response = client.get("/v1/presets", headers={"Authorization": f"Bearer trm_admin_{'0' * 64}"})
        assert response.json()["code"] == "database_unavailable"
