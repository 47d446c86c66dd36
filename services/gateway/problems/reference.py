"""Writes the reference of all problem codes as Markdown."""

from collections.abc import Iterable

from services.gateway.problems.catalogue import CATALOGUE, Entry

HEAD = """\
# Problem codes

Every error is `application/problem+json` (RFC 9457). Programs should look at `code`, which never changes once
released; `detail` says what was wrong with this very request, and `errors` points at the parts at fault: a JSON
`pointer` into the body, the name of a `parameter`, or the `row` of an uploaded file. `request_id` finds the request in
the service's log.
Each `type` is a link: `GET /v1/problems/{code}` answers with the row below.

This page is made by `python -m services.gateway errors`.
"""
ANSWERS = """\
## Answers to requests

| code | status | meaning | what to do |
|---|---|---|---|
"""
OUTCOMES = """\
## Outcomes of jobs

These never answer a request: they are the `error.code` of a failed job, or of one of its attempts.

| code | meaning | what to do |
|---|---|---|
"""


def errors_page() -> str:
    """The reference page of all problem codes."""
    entries = CATALOGUE.values()
    answers = [entry for entry in entries if entry.status is not None]
    outcomes = [entry for entry in entries if entry.status is None]
    return f"{HEAD}\n{ANSWERS}{_rows(answers)}\n{OUTCOMES}{_rows(outcomes)}"


def _rows(entries: Iterable[Entry]) -> str:
    return "".join(f"| {' | '.join(_cells(entry))} |\n" for entry in entries)


def _cells(entry: Entry) -> list[str]:
    status = [] if entry.status is None else [str(entry.status)]
    return [f"`{entry.code}`", *status, f"{entry.title}.", entry.advice]
