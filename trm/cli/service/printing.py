"""What commands print: tables that fit the terminal for people, the API's own resources as JSON for programs."""

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from trm.json_text import to_json

if TYPE_CHECKING:
    from trm.client.record import Record

GAP, READABLE = 2, 8  # characters: between two columns, and of a column that is cut
UNLIMITED = 1_000  # columns of text that goes into a file or a pipe, where nothing need fit
STATUS_STYLES = {
    "queued": "cyan", "running": "blue", "paused": "yellow", "succeeded": "green", "failed": "bold red", "cancelled": "dim",
}  # fmt: skip
AGES = ((86_400, "d"), (3_600, "h"), (60, "min"), (0, "s"))  # seconds
R = TypeVar("R", bound="Record")
Column = Callable[[R], object]


def print_json(document: object) -> None:
    """One document, on one line: several make newline-delimited JSON."""
    print(to_json(document), flush=True)


def tell(sentence: object, document: object, *, as_json: bool) -> None:
    """A result: a sentence for people, a document for programs."""
    print(to_json(document) if as_json else sentence, flush=True)


def console() -> Console:
    """Standard output; as wide as the terminal, or as the text where it is none."""
    out = Console(highlight=False)
    return out if out.is_terminal or "COLUMNS" in os.environ else Console(highlight=False, width=UNLIMITED)


def notices() -> Console:
    """Standard error, for what is no result: progress, hints, errors."""
    return Console(stderr=True, highlight=False)


def show_list(records: Iterable[R], columns: Mapping[str, Column[R]], nothing: str, *, as_json: bool) -> None:
    """Records of the service: as it sent them for programs, as a table for people."""
    if as_json:
        print_json({"data": [record.to_dict() for record in records]})
    else:
        show_table(records, columns, nothing)


def show_table(rows: Iterable[Any], columns: Mapping[str, Column[Any]], nothing: str) -> None:
    """A row for each, and as many columns as the terminal has room for; `nothing` is said where there is no row."""
    lines = [[cell(column(row)) for column in columns.values()] for row in rows]
    if not lines:
        notices().print(nothing)
        return
    widths = [max(len(name), *map(len, values)) for name, values in zip(columns, zip(*lines, strict=True), strict=True)]
    shown = _count_fitting(widths, console().width)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for place, name in enumerate([*columns][:shown]):
        table.add_column(name, no_wrap=True, min_width=widths[place] if place < shown - 1 else None)
    for line in lines:
        table.add_row(*line[:shown])
    print_table(table)


def _count_fitting(widths: list[int], room: int) -> int:
    """How many of the first columns fit; the last may be cut, to no less than READABLE characters."""
    for count, width in enumerate(widths):
        if min(width, READABLE) > room:
            return max(count, 1)
        room -= width + GAP
    return len(widths)


def show_fields(fields: Mapping[str, object]) -> None:
    """Names and values below each other; what is unknown is left out."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in fields.items():
        if value not in (None, "", [], {}):
            table.add_row(name, cell(value))
    print_table(table)


def print_table(table: Table) -> None:
    """Print it without the blanks that fill up its lines."""
    out = console()
    with out.capture() as drawn:
        out.print(table)
    print("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def cell(value: object) -> Text:
    """A value as tables show it."""
    match value:
        case None:
            return Text("-", style="dim")
        case Text():
            return value
        case datetime():
            return Text(f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S}")
        case bool():
            return Text("yes" if value else "no")
        case int():
            return Text(f"{value:,}")
        case float():
            return Text(f"{value:.4g}")
        case list() | tuple():
            return Text(", ".join(map(str, value)))
        case dict():
            return Text(", ".join(f"{name}={part}" for name, part in value.items()))
    return Text(str(value))


def age(moment: datetime | None) -> str | None:
    """How long ago that was, in its largest unit."""
    if moment is None:
        return None
    seconds = max(0, int((datetime.now(UTC) - moment).total_seconds()))
    unit, letter = next((unit, letter) for unit, letter in AGES if seconds >= unit)
    return f"{seconds // max(unit, 1)} {letter}"


def status(name: str) -> Text:
    """A job's status in its colour."""
    return Text(name, style=STATUS_STYLES.get(name, ""))


def percent(share: float | None) -> Text:
    """A share of one."""
    return cell(None) if share is None else Text(f"{share:.2%}")


def size(count: float) -> str:
    """Bytes for people."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{count:,.0f} B"


def progress_bar() -> Progress:
    """A bar on stderr with what is being done; drawn on terminals only."""
    err = notices()
    share = TextColumn("{task.percentage:>3.0f} %")
    columns = TextColumn("{task.description}"), BarColumn(), share, TimeRemainingColumn()
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
