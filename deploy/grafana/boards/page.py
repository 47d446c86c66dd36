"""The page on the boards: every panel with its query, from the JSON that Grafana loads."""

from collections.abc import Iterator, Mapping
from typing import Any

HEAD = """\
# Dashboards

<!-- made by `make boards` from deploy/grafana/boards -->

Docker compose starts Prometheus and Grafana with four boards, in the folder TRM Service. Panels of Prometheus show the service as a whole;
those of Postgres show single runs, models, jobs and workers. They read the database as the role trm_reader, which may only select,
and only the columns that the boards need: no API keys, no secrets of webhooks, no requests. The field Console above a board is the
gateway's address, for links into [the console](../how-to/console.md).

A test has a real Prometheus read the running service while jobs of every kind are worked on, executes every query of every panel and
every rule, and checks the values; another has Grafana's own library read the boards for the version that compose names. The boards were
not rendered by Grafana.

The boards are built from short Python (`deploy/grafana/boards`); `make boards` writes their JSON and this page.
[The runbook](runbook.md) says what to do when an alert fires, [the reference](../reference/metrics.md) what each metric means.

`make load MINUTES=10` sends the mix of a day's traffic at an embedded stack of its own, and prints the latencies that clients saw beside
those that Prometheus has counted, and what the boards show.

## From a point to a request and a job

Prometheus keeps exemplars, single observations within a histogram (`--enable-feature=exemplar-storage`, as compose starts it); they are
points on the panels of how long an answer, a wait and an attempt take. A request's point has its `request_id`: the log lines of the
request have it, and its audit record, which names the job that the request made. An attempt's point has its `job_id`: the attempt's log
lines have it, and it is the id of the job's row. With [tracing](../how-to/tracing.md) on, both have the `trace_id` too, which the row
and the log lines have.
"""


def render(boards: Mapping[str, Mapping[str, Any]]) -> str:
    """The page, from the boards by the name of their file."""
    return HEAD + "".join(f"\n{part}" for name, board in boards.items() for part in _section(name, board))


def _section(name: str, board: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {board['title']}\n\n{board['description']} `{name}`, uid `{board['uid']}`.\n"
    yield "| panel | shows | unit | query |\n|---|---|---|---|\n" + "".join(_rows(board))


def _rows(board: Mapping[str, Any]) -> Iterator[str]:
    for panel in board["panels"]:
        if panel["type"] != "row":
            queries = "<br>".join(f"`{query(target)}`".replace("|", "\\|") for target in panel["targets"])
            unit = panel["fieldConfig"]["defaults"].get("unit", "")
            yield f"| {panel['title']} | {panel['description']} | {unit} | {queries} |\n"


def query(target: Mapping[str, Any]) -> str:
    """What a panel asks its source of data."""
    return str(target.get("expr") or target["rawSql"])
