"""The service as any HTTP client sees it: plain JSON, without the typed client, which is itself under test."""

import json
import time
from collections.abc import Iterator
from typing import Any, Self

import httpx2

Json = dict[str, Any]
FINAL = ("succeeded", "failed", "cancelled")


class Refused(Exception):
    """What the service answers that is no success, or a job that has not succeeded."""


class Client:
    """Calls the API, with a key if given one; a refusal becomes a Refused that quotes the problem."""

    def __init__(self, api: str, key: str | None = None) -> None:
        self.api, self.key = api, key
        presented = {} if key is None else {"Authorization": f"Bearer {key}"}
        self.http = httpx2.Client(base_url=api, headers=presented, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def is_let_in(self) -> bool:
        """Whether the API answers without another key."""
        return self.http.get("/v1/presets").status_code != httpx2.codes.UNAUTHORIZED

    def get(self, path: str, **params: str | int) -> Json:
        """The JSON at a path."""
        return self._require_success(self.http.get(path, params=params))

    def post(self, path: str, body: Json, **headers: str) -> Json:
        """The JSON that answers a body."""
        return self._require_success(self.http.post(path, json=body, headers=headers))

    def poll(self, job: Json, every: float = 0.5) -> Iterator[Json]:
        """The job again and again until it has ended; the last one has a final status."""
        while job["status"] not in FINAL:
            yield job
            time.sleep(every)
            job = self.get(f"/v1/jobs/{job['id']}")
        yield job

    def wait_until_finished(self, job: Json, every: float = 0.5) -> Json:
        """The job once it has succeeded; raises Refused when it has not."""
        *_, job = self.poll(job, every)
        if job["status"] != "succeeded":
            raise Refused(f"The {job['kind']} job {job['id']} {job['status']}: {job['error']}")
        return job

    def events(self, job: Json) -> Iterator[tuple[str, Json]]:
        """Type and data of the job's events as they happen, until the last."""
        with self.http.stream("GET", f"/v1/jobs/{job['id']}/events", headers={"Accept": "text/event-stream"}) as stream:
            kind = ""
            for line in stream.iter_lines():
                if line.startswith("event:"):
                    kind = line.removeprefix("event:").strip()
                elif line.startswith("data:"):
                    yield kind, json.loads(line.removeprefix("data:"))

    @staticmethod
    def _require_success(response: httpx2.Response) -> Json:
        body: Json = response.json()
        if response.is_error:
            raise Refused(f"{response.request.method} {response.request.url.path}: {body.get('detail', body)}")
        return body
