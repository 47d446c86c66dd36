"""`python -m tests.chaos show|page|readme`: what is made from chaos.json."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tests.chaos.report import HEAD, SHORT_HEAD, Report, markdown

BEGIN, END = "<!-- made by `make reliability` from chaos.json -->", "<!-- end -->"
PAGE = """# Reliability

`make chaos` starts the whole service as real processes (Postgres, broker, gateway, workers, reaper), breaks one thing at a time while
jobs run, mends it, and then checks the same promises every time: every accepted job ends exactly once; every request with an
`Idempotency-Key` made one job; no worker has written anything without the lease; curves have no gaps and no step twice; every checkpoint
verifies; nothing temporary is left on the disk; no message waits; Prometheus counts what the database counts; no part ended of itself.
*Survived* means that all of this held, and that every job which the fault was not meant to end has succeeded. Postgres keeps its data
without waiting for the disk here, since processes die and the machine does not; leases last 3 s.

{sentences}

{table}

`make soak MINUTES=30 SEED=7` breaks things at random for as long as you like; the seed gives the same faults in the same order.
`make test` includes a short one. `make reliability` writes this page and the README's table again from the last `chaos.json`.
"""
Found = Annotated[Path, typer.Argument(help="What `make chaos` has written.")]
cli = typer.Typer(add_completion=False)


@cli.command()
def show(found: Found = Path("chaos.json")) -> None:
    """Print the table."""
    report, table = Report.read(found), Table(*HEAD, box=None, header_style="bold")
    for row in report.rows():
        table.add_row(*row, style=None if row[2] == row[3] else "red")
    console = Console(width=140)
    console.print(table)
    console.print("\n".join(report.sentences()))


@cli.command()
def page(found: Found = Path("chaos.json")) -> None:
    """Print the page of the documents."""
    report = Report.read(found)
    print(PAGE.format(sentences="\n".join(report.sentences()), table=markdown(HEAD, report.rows())), end="")


@cli.command()
def readme(found: Found = Path("chaos.json"), path: Path = Path("README.md")) -> None:
    """Put the short table between the marks in the README."""
    report, text = Report.read(found), path.read_text()
    before, rest = text.split(BEGIN)
    made = "\n".join((BEGIN, "", markdown(SHORT_HEAD, report.groups()), "", *report.sentences(), END))
    path.write_text(before + made + rest.split(END, 1)[1])


if __name__ == "__main__":
    cli()
