"""`python -m deploy.grafana.boards`: writes the boards' JSON and the page on them."""

import json
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from deploy.grafana.boards.board import build
from deploy.grafana.boards.page import render
from deploy.grafana.boards.service import SERVICE
from deploy.grafana.boards.solving import SOLVING
from deploy.grafana.boards.training import TRAINING
from deploy.grafana.boards.workers import WORKERS

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy/grafana/dashboards"
PAGE = ROOT / "docs/operations/dashboards.md"


def make_files() -> dict[Path, str]:
    """What belongs in each file."""
    boards = {board.uid: build(board) for board in (SERVICE, TRAINING, SOLVING, WORKERS)}
    texts = {FOLDER / f"{uid}.json": JSONEncoder(indent=1).encode(board) + "\n" for uid, board in boards.items()}
    plain: dict[str, Any] = {path.name: json.loads(text) for path, text in texts.items()}
    return texts | {PAGE: render(plain)}


if __name__ == "__main__":
    for path, content in make_files().items():
        path.write_text(content)
        print(path.relative_to(ROOT))
