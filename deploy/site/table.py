"""Markdown tables, as the reference pages have them."""

from collections.abc import Iterable, Sequence


def render_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with these columns; bars and line breaks in cells are made harmless. Nothing for no rows."""
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join([f"| {' | '.join(columns)} |", "|" + "---|" * len(columns), *lines]) + "\n" if lines else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
