"""The boards as Grafana mounts them, and its macros in SQL."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "deploy/grafana/dashboards"
BOARDS: dict[str, dict[str, Any]] = {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}
PANELS: list[dict[str, Any]] = [
    panel for board in BOARDS.values() for panel in board["panels"] if panel["type"] != "row"
]
TARGETS: list[tuple[dict[str, Any], dict[str, Any]]] = [(panel, one) for panel in PANELS for one in panel["targets"]]
VARIABLES: dict[str, dict[str, Any]] = {
    one["name"]: one for board in BOARDS.values() for one in board["templating"]["list"] if one["type"] == "query"
}
MACRO = re.compile(r"\$([_a-zA-Z0-9]+)\(([^)]*)\)")  # as Grafana's Postgres plugin finds them
INTERVAL = 1  # seconds


def expand(query: str, since: float, until: float, chosen: Mapping[str, Sequence[str]]) -> str:
    """The SQL that Grafana's Postgres plugin sends: macros by its documentation, a variable's values quoted and listed."""
    for name, values in chosen.items():
        query = re.sub(rf"\${name}\b", ",".join("'" + value.replace("'", "''") + "'" for value in values), query)

    def macro(found: re.Match[str]) -> str:
        name, arguments = found[1], [argument.strip() for argument in found[2].split(",")]
        if name == "__timeFilter":
            return f"{arguments[0]} BETWEEN to_timestamp({since}) AND to_timestamp({until})"
        assert name == "__timeGroupAlias", name
        return f'floor(extract(epoch from {arguments[0]})/{INTERVAL})*{INTERVAL} AS "time"'

    expanded = MACRO.sub(macro, query)
    assert "$" not in expanded, expanded
    return expanded
