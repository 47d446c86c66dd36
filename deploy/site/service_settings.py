"""The reference page of a deployment's settings, from `.env.example`."""

import re
from pathlib import Path

from deploy.site.table import render_table

EXAMPLE = Path(__file__).parents[2] / ".env.example"
HEAD = """\
# Settings of the service

Written by `make reference` from `.env.example`. Each is an environment variable, or a secret file of the same name in small letters below
`/run/secrets`; docker compose reads them from `.env`. Settings of a training are [on another page](settings.md).
"""
SECTION = re.compile(r"^# (?!TRM_)(.+)$")
SETTING = re.compile(r"^(?:# )?([A-Z][A-Z_]+)=(\S*)(?:\s+# (.*))?$")


def service_settings_page() -> str:
    """The page: a table for each section of the file."""
    tables: list[tuple[str, list[tuple[str, str, str]]]] = []
    for line in EXAMPLE.read_text().splitlines()[1:]:
        if found := SETTING.match(line):
            name, default, said = found.groups(default="")
            tables[-1][1].append((f"`{name}`", default and f"`{default}`", said))
        elif title := SECTION.match(line):
            tables.append((title[1], []))
    parts = [
        f"## {title.partition('. ')[0]}\n\n{_rest(title)}{render_table(('setting', 'default', 'what'), rows)}"
        for title, rows in tables
    ]
    return "\n".join([HEAD, *parts])


def _rest(title: str) -> str:
    said = title.partition(". ")[2].replace("(docs/how-to/compose.md)", "([how](../how-to/compose.md))")
    return f"{said}.\n\n" if said else ""
