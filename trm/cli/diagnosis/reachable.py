"""A service: whether it answers and lets the key in, and how its schema and clock are."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from trm.cli.service.address import Given, find_address
from trm.errors import NoService, ProfileError
from trm.interface.finding import Finding

SECONDS = 5  # for an answer
SKEW = 2  # seconds; the service tells its time in whole ones
SCHEMA = "schema_"  # begins the codes of a database that has another schema


def examine_service(given: Given) -> Iterator[Finding]:
    """What can be seen of the service that commands would speak to."""
    try:
        address = find_address(given)
    except NoService:
        yield Finding("service", "warn", "none is known", "Start one here with `trm up`, or log in to one: trm login")
        return
    except ProfileError as error:
        yield Finding("service", "fail", str(error), "trm login")
        return
    try:
        import httpx2
    except ModuleNotFoundError:
        yield Finding("service", "warn", "not asked: there is no HTTP library", "pip install 'trm-service[client]'")
        return
    place = f"{address.url} ({address.source})"
    headers = {"Authorization": f"Bearer {address.api_key}"} if address.api_key else {}
    try:
        with httpx2.Client(base_url=address.url, headers=headers, timeout=SECONDS) as http:
            ready = http.get("/readyz")
            allowed = http.get("/v1/queue")
        checks = ready.json()["checks"]
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, KeyError, TypeError) as error:
        mend = "Start it, or name another with --url, TRM_URL or --profile. The stack of a folder: trm up"
        yield Finding("service", "fail", f"{place} does not answer as a service: {error}", mend)
        return
    yield _judge_health(place, checks)
    yield _judge_schema(checks["database"])
    yield _judge_key(allowed.status_code, has_key=address.api_key is not None)
    yield _judge_clock(ready.headers.get("Date"))


def _judge_health(place: str, checks: dict[str, str]) -> Finding:
    broken = {name: state for name, state in checks.items() if state != "ok" and not state.startswith(SCHEMA)}
    if not broken:
        return Finding("service", "ok", f"{place} is ready")
    found = ", ".join(f"{name}: {state}" for name, state in broken.items())
    mend = "The runbook, docs/operations/runbook.md, has an entry for each; trm logs shows those of the stack."
    return Finding("service", "fail" if "database" in broken else "warn", f"{place}, {found}", mend)


def _judge_schema(database: str) -> Finding:
    if database == f"{SCHEMA}behind":
        return Finding("schema", "fail", "older than the service's code", "Run: python -m migrations")
    if database.startswith(SCHEMA):
        return Finding("schema", "fail", "newer than the service's code", "Run the code that made it, or newer.")
    if database != "ok":
        return Finding("schema", "warn", "not known while the database does not answer", "Mend the database first.")
    return Finding("schema", "ok", "the one that the service's code needs")


def _judge_key(status: int, *, has_key: bool) -> Finding:
    if status not in (401, 403):
        return Finding("api key", "ok", "accepted" if has_key else "none is needed")
    found = "not accepted" if has_key else "one is needed, and none is known"
    return Finding("api key", "fail", found, "trm login, with a key that an administrator has made: trm keys create")


def _judge_clock(date: str | None) -> Finding:
    if date is None:
        return Finding("clock", "ok", "the service does not tell its time")
    skew = (datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()
    if abs(skew) <= SKEW:
        return Finding("clock", "ok", "agrees with the service's")
    found = f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the service's"
    return Finding("clock", "warn", found, "Have both kept by NTP: timedatectl set-ntp true")
