"""Writes the reference of all problem codes as Markdown."""

from services.gateway.problems.catalogue import ANSWERS, COMMANDS, OUTCOMES, Entry

HEAD = """\
# Problem codes

Every error is `application/problem+json` (RFC 9457). Programs should look at `code`, which never changes once
released; `detail` says what was wrong with this very request, and `errors` points at the parts at fault: a JSON
`pointer` into the body, the name of a `parameter`, or the `row` of an uploaded file. `request_id` finds the request in
the service's log.
Each `type` is a link: `GET /v1/problems/{code}` answers with the row below.

This page is made by `python -m services.gateway errors`.
"""
ANSWERS_HEAD = """\
## Answers to requests

| code | status | meaning | what to do |
|---|---|---|---|
"""
OUTCOMES_HEAD = """\
## Outcomes of jobs

These never answer a request: they are the `error.code` of a failed job, or of one of its attempts.

| code | meaning | what to do |
|---|---|---|
"""
COMMANDS_HEAD = """\
## Ends of commands

A command prints them in brackets behind its message, and so does a process that cannot start.

| code | meaning | what to do |
|---|---|---|
"""


def errors_page() -> str:
    """The reference page of all problem codes."""
    parts = ((ANSWERS_HEAD, ANSWERS), (OUTCOMES_HEAD, OUTCOMES), (COMMANDS_HEAD, COMMANDS))
    return "\n".join([HEAD, *(head + "".join(map(_write_row, entries)) for head, entries in parts)])


def _write_row(entry: Entry) -> str:
    status = [] if entry.status is None else [str(entry.status)]
    return f"| {' | '.join([f'`{entry.code}`', *status, f'{entry.title}.', entry.advice])} |\n"
