"""`trm doctor`: what is wrong with this machine, its software and its service, and how to mend it."""

from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import entry_points

import typer
from rich.table import Table
from rich.text import Text

from trm.cli.diagnosis import machine, reachable, software
from trm.cli.exit_codes import ExitCode
from trm.cli.options import ApiKey, AsJson, ProfileName, Url
from trm.cli.service.address import Given
from trm.cli.service.printing import print_table
from trm.interface.finding import Finding
from trm.json_text import to_json

GROUP = "trm.checks"  # of entry points: what another distribution examines
STYLES = {"ok": "green", "warn": "yellow", "fail": "bold red"}


def doctor(url: Url = None, api_key: ApiKey = None, profile: ProfileName = None, as_json: AsJson = False) -> None:
    """Examine this machine, what is installed and the service, and say how to mend what is wrong.

    Exits 1 when something fails; what is only worse than it could be is a warning.
    """
    findings = [*examine(Given(url, api_key, profile))]
    verdicts = [finding.verdict for finding in findings]
    if as_json:
        print(to_json({"failed": verdicts.count("fail"), "checks": [asdict(finding) for finding in findings]}))
    else:
        _show(findings)
    if "fail" in verdicts:
        raise typer.Exit(ExitCode.FAILED)


def examine(given: Given) -> Iterator[Finding]:
    """Every finding: of the machine, of the software, of other distributions, of the service."""
    yield software.examine_python()
    yield software.examine_versions()
    yield software.examine_torch()
    yield software.examine_compiler()
    yield machine.examine_processor()
    yield machine.examine_gpu()
    yield machine.examine_disk()
    for entry_point in entry_points(group=GROUP):
        yield from entry_point.load()()
    yield from reachable.examine_service(given)


def _show(findings: list[Finding]) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        told = Text(finding.found)
        if finding.mend is not None:
            told.append(f"\n→ {finding.mend}", style="italic")
        table.add_row(Text(finding.verdict, style=STYLES[finding.verdict]), finding.check, told)
    print_table(table)
