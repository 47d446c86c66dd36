"""Tables of a run's numbers: a list of one entry for each supervision step becomes a column for each."""

import csv
from collections.abc import Iterable, Mapping
from typing import Any, TextIO


def flatten(row: Mapping[str, Any]) -> dict[str, Any]:
    """The row with `halted: [0.1, 0.4]` as `halted_1: 0.1, halted_2: 0.4`; what is nested otherwise is left out."""
    flat: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, list):
            flat |= {f"{name}_{index}": entry for index, entry in enumerate(value, 1)}
        elif not isinstance(value, Mapping):
            flat[name] = value
    return flat


def write_csv(file: TextIO, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write flattened rows with a header; what is not known is an empty cell. Writes nothing where there is no row."""
    flat = [flatten(row) for row in rows]
    names = dict.fromkeys(name for row in flat for name in row)
    if flat:
        writer = csv.DictWriter(file, list(names), lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)
