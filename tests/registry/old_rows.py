"""Rows of every age: what each revision of the schema can hold, and how to compare a database before and after a move."""

import json
from collections import Counter
from typing import Any

from sqlalchemy import Column, Connection, DateTime, MetaData, Table, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.exc import IntegrityError

MOMENT = "2026-01-02T03:04:05.678901+00:00"
TOKEN = "0b5a9a52-2a0f-4b43-9f0e-5d3b8c0d4a11"
CONFIG = {
    "preset": "hrm",
    "dataset": "sudoku-4x4",
    "model": {"mixer": "mlp", "hidden_size": 64},
    "train": {"steps": 10},
}
SOLVE = {"model": "ckpt_a", "puzzles": ["1..."], "effort": {"max_steps": 8}, "trace": False}
CURVE = {"halted": [0.1, None], "halt_probability": [0.25, None], "step_exact_accuracy": [1.0, None]}
TRAIN = {"kind": "train", "request": {"config": CONFIG, "dataset": {}}, "run_id": "run_a", "max_attempts": 3}
ENDED = {"finished_at": MOMENT}

Rows = dict[str, list[dict[str, Any]]]
ROWS: dict[str, Rows] = {  # by the first revision that can hold them
    "0001": {
        "datasets": [
            {"id": "ds_a", "name": "mine", "kind": "sudoku", "spec": {}, "splits": {"train": 1}, "url": "u", "sha256": "s"},
            {"id": "ds_b", "owner": "alice", "name": "mine", "kind": "sudoku", "spec": {}, "splits": {}, "overlap": 1, "report": {},
             "url": "u", "sha256": "s"},
        ],
        "runs": [{"id": "run_a", "preset": "hrm", "dataset": "mine", "config": CONFIG, "total_steps": 10, "exact_accuracy": 1 / 3}],
        "checkpoints": [
            {"id": "ckpt_a", "run_id": "run_a", "attempt": 1, "step": 5, "url": "u", "digest": "d", "bytes": 1 << 40, "metrics": {}},
            {"id": "ckpt_retired", "run_id": "run_a", "attempt": 1, "step": 1, "url": "u", "digest": "d", "bytes": 1,
             "metrics": {}, "retired_at": MOMENT},
        ],
        "run_evaluations": [
            {"run_id": "run_a", "step": 5, "split": "test", "attempt": 1, "n": 9, "seconds": 0.1, "exact_accuracy": 0.1,
             "cell_accuracy": 0.2, "mean_supervision_steps": 2.5, **CURVE},
            {"run_id": "run_a", "step": 6, "split": "test", "attempt": 1, "n": 0, "seconds": 0.1, "mean_supervision_steps": 2.5, **CURVE},
        ],
        "run_metrics": [
            {"run_id": "run_a", "step": 5, "attempt": 1, "seconds": 0.1, "loss": 0.1 + 0.2, "lm_loss": 0.1, "halt_loss": 0.2,
             "learning_rate": 1e-4, "puzzles_finished": 8, "puzzles_per_second": 80.0, "slots": [8, 0], **CURVE}
        ],
        "jobs": [
            {"id": "job_queued", **TRAIN},
            {"id": "job_running", **TRAIN, "status": "running", "attempt": 1, "lease_token": TOKEN, "lease_expires_at": MOMENT},
            {"id": "job_paused", **TRAIN, "status": "paused", "pause_requested_at": MOMENT, "priority": 7, "timeout_seconds": 60},
            {"id": "job_waiting", **TRAIN, "ttl_seconds": 60, "expires_at": MOMENT},
            {"id": "job_done", **TRAIN, "status": "succeeded", **ENDED, "result": {"step": 10}},
            {"id": "job_failed", **TRAIN, "status": "failed", **ENDED, "error_code": "trainer_died", "error_message": "It died."},
            {"id": "job_cancelled", **TRAIN, "status": "cancelled", **ENDED, "cancel_requested_at": MOMENT},
            {"id": "job_hers", "owner": "alice", **TRAIN},
            {"id": "job_retried", **TRAIN, "earlier_failures": 2},
            {"id": "job_solved", "kind": "solve", "status": "succeeded", **ENDED, "request": SOLVE, "model_id": "ckpt_a",
             "max_attempts": 3},
            {"id": "job_shipped", "kind": "solve", "request": {}, "pretrained": "sudoku-6x6", "max_attempts": 3},
        ],
        "job_attempts": [
            {"job_id": "job_running", "attempt": 1, "worker": "w"},
            {"job_id": "job_failed", "attempt": 1, "worker": "w", "ended_at": MOMENT, "outcome": "failed", "error_code": "trainer_died"},
            {"job_id": "job_retried", "attempt": 1, "worker": "w", "ended_at": MOMENT, "outcome": "lost", "uncounted": "progress"},
        ],
        "job_events": [{"job_id": "job_done", "seq": 1, "type": "done", "data": {"status": "succeeded"}}],
        "solutions": [
            {"job_id": "job_solved", "index": 0, "question": "1...", "answer": "1234", "verified": None, "halt_probability": 0.9,
             "steps": 3, "reason": "halted", "chosen_by": "votes", "total_steps": 9, "chain": 1, "votes": 2, "chains": 3,
             "trace": [{"step": 1}]}
        ],
        "idempotency_keys": [
            {"owner": owner, "route": "r", "key": "k", "fingerprint": "f", "subject": "job_hers", "status": 202, "headers": {},
             "body": "{}"}
            for owner in ("alice", "local")
        ],
        "removed_jobs": [{"kind": "solve", "status": "succeeded", "count": 7}],
    },
    "0003": {
        "jobs": [
            {"id": "job_examined", "kind": "evaluate", "request": {}, "pretrained": "sudoku-6x6", "max_attempts": 3, "tags": ["a"]}
        ],
        "job_attempts": [{"job_id": "job_examined", "attempt": 1, "worker": "w"}],
        "job_events": [{"job_id": "job_examined", "seq": 1, "type": "evaluating", "data": {}}],
    },
    "0005": {"jobs": [{"id": "job_choosy", **TRAIN, "requires": {"device": "cuda", "labels": ["a"], "devices": 2}}]},
}  # fmt: skip
ORDER = ("datasets", "runs", "checkpoints", "run_evaluations", "run_metrics", "jobs", "job_attempts", "job_events")

# What a migration says in other words, by (revision, table): these columns of rows that were there may change on the way up.
RETOLD: dict[tuple[str, str], set[str]] = {}
# What the schema before cannot hold: rows that a downgrade removes, and columns that it changes.
LOST: dict[tuple[str, str], set[str]] = {
    ("0003", table): {"job_examined"} for table in ("jobs", "job_attempts", "job_events")
}
TOLD_OTHERWISE: dict[tuple[str, str], set[str]] = {}

State = dict[str, list[dict[str, Any]]]


def tables(connection: Connection) -> dict[str, Table]:
    """The tables as they are now."""
    metadata = MetaData()
    metadata.reflect(connection)
    return {name: table for name, table in metadata.tables.items() if name != "alembic_version"}


def put_in(connection: Connection, revision: str, before: set[str]) -> None:
    """The rows that a revision is the first to hold; for each table that is new and has none, one made up from its columns."""
    now, rows = tables(connection), ROWS.get(revision, {})
    for name in sorted(rows, key=lambda name: (ORDER.index(name) if name in ORDER else len(ORDER), name)):
        for row in rows[name]:
            connection.execute(insert(now[name]).values(row))
    waiting = [now[name] for name in sorted(now.keys() - before - rows.keys())]
    for _ in range(len(waiting)):  # a table after those that it refers to
        waiting = [table for table in waiting if not _made_up(connection, table)]
    assert waiting == [], f"add rows to ROWS for {[table.name for table in waiting]}"


def _made_up(connection: Connection, table: Table) -> bool:
    """Whether a row with all columns is taken, or else one with those that must be."""
    needed = [column for column in table.columns if not column.nullable and column.server_default is None]
    for wanted in (list(table.columns), needed):
        try:
            with connection.begin_nested():
                values = {column.name: _value(connection, column) for column in wanted}
                connection.execute(insert(table).values(values))
        except (IntegrityError, LookupError):
            continue
        return True
    return False


def _value(connection: Connection, column: Column[Any]) -> Any:  # noqa: ANN401
    for key in column.foreign_keys:
        found = connection.execute(select(key.column).limit(1)).scalar_one_or_none()
        if found is None:
            raise LookupError(column)
        return found
    kind = column.type
    if isinstance(kind, DateTime):
        return MOMENT
    if isinstance(kind, ARRAY):
        return []
    if isinstance(kind, JSONB):
        return {"made": "up"}
    return f"made up {column.name}" if kind.python_type is str else kind.python_type(1)


def state_of(connection: Connection) -> State:
    """All rows of all tables."""
    return {
        name: [dict(row) for row in connection.execute(select(table)).mappings()]
        for name, table in tables(connection).items()
    }


def missing(before: State, after: State, *, but: dict[str, set[str]]) -> list[str]:
    """Rows that were there before and have no equal after, by the columns that both have; `but` names some to leave out."""
    gone = []
    for name in before.keys() & after.keys():
        if not before[name]:
            continue
        there = {column for row in after[name] for column in row} or set(before[name][0])
        common = (set(before[name][0]) & there) - but.get(name, set())
        left = Counter(_words(row, common) for row in before[name])
        left.subtract(Counter(_words(row, common) for row in after[name]))
        gone += [f"{name}: {row}" for row, count in left.items() if count > 0]
    return gone


def holdable(state: State, revision: str) -> State:
    """The rows that the schema before a revision can hold too."""
    return {
        name: [row for row in rows if not LOST.get((revision, name), set()) & {row.get("id"), row.get("job_id")}]
        for name, rows in state.items()
    }


def _words(row: dict[str, Any], columns: set[str]) -> str:
    return json.dumps({name: row[name] for name in sorted(columns)}, default=str)
