"""JSON is made in one place, which has no numbers that are not finite: other readers take no NaN."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.registry.logging import _make_renderers

ROOT = Path(__file__).parents[2]
PRODUCTION = ("trm", "services", "workers", "migrations")
MAY_WRITE = {
    "trm/json_text.py": "the place",
    "trm/puzzles/reading/boards.py": "quotes in a message what a cell holds, NaN too",
}


def writers() -> Iterator[str]:
    for package in PRODUCTION:
        for path in (ROOT / package).rglob("*.py"):
            if any(writes_json(node) for node in ast.walk(ast.parse(path.read_text()))):
                yield path.relative_to(ROOT).as_posix()


def writes_json(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="json"), attr="dumps" | "dump"):
            return True
        case ast.ImportFrom(module="json", names=names):
            return any(alias.name in ("dumps", "dump") for alias in names)
    return False


def test_json_is_written_in_one_place() -> None:
    assert set(writers()) == MAY_WRITE.keys()


@pytest.mark.parametrize("program", ["import json; json.dumps(1)", "from json import dumps", "json.dump(x, f)"])
def test_every_way_of_writing_it_is_seen(program: str) -> None:
    assert any(map(writes_json, ast.walk(ast.parse(program))))


def test_log_lines_are_json_for_every_reader() -> None:
    *_, render = _make_renderers("json")
    line = render(None, "info", {"event": "trained", "loss": float("nan"), "folder": Path("a")})
    assert line == '{"event": "trained", "loss": null, "folder": "PosixPath(\'a\')"}'
