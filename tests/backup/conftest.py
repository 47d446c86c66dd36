"""A service with something in every table and real files, and ways to look at all of it."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from services.backup import restore as restoring
from services.registry.db import dump
from services.registry.db.database import Database
from services.registry.db.ids import new_id
from services.registry.db.tables import Job
from services.registry.jobs import job_events
from services.registry.jobs.solutions import SolutionRow
from services.registry.jobs.solutions import add as add_solutions
from services.registry.runs import checkpoints, datasets, evaluations, run_metrics
from services.registry.states import JobKind, JobStatus
from services.registry.storage import artifacts
from services.registry.storage.storage import Storage
from services.registry.submissions import idempotency
from tests.fresh import new_job, new_run
from tests.registry.conftest import CONFIG, SPEC, Book, book, step_event

__all__ = ["book", "step_event"]
TABLES = {
    "jobs", "job_attempts", "job_events", "runs", "run_metrics", "run_evaluations", "checkpoints", "datasets", "solutions",
    "idempotency_keys",
}  # fmt: skip
Everything = tuple[dict[str, list[str]], dict[str, bytes]]


def rows_of(database: Database) -> dict[str, list[str]]:
    """All rows of all tables, as text."""
    with database.transaction() as session:
        return {
            table: list(session.scalars(text(f'SELECT t::text FROM "{table}" t ORDER BY 1')))
            for table in dump.columns(session)
        }


def files_below(folder: Path) -> dict[str, bytes]:
    """All files, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def restore(database: Database, storage: Storage, backup: Path, *, replace: bool = False) -> restoring.Restored:
    """As the operator does it: no other client is connected, not even this test."""
    database.close()
    return restoring.restore(database, storage, backup, replace=replace)


@dataclass
class Service:
    """A database and a storage."""

    book: Book
    storage: Storage
    scratch: Path

    @property
    def database(self) -> Database:
        return self.book.database

    @property
    def files(self) -> Path:
        return Path(self.storage.root)

    def everything(self) -> Everything:
        return rows_of(self.database), files_below(self.files)

    def checkpoint(self, claim: Any, step: int) -> str:  # noqa: ANN401
        """The id of a stored checkpoint."""
        folder = self.scratch / f"{claim.job_id}-{step}"
        folder.mkdir(parents=True)
        weights = f"{claim.job_id} {step}".encode() * 1000
        (folder / "model.safetensors").write_bytes(weights)
        files = {"model.safetensors": {"bytes": len(weights), "sha256": hashlib.sha256(weights).hexdigest()}}
        meta = json.dumps({"files": files}).encode()
        (folder / "meta.json").write_bytes(meta)
        url = self.storage.put_folder(folder, f"runs/{claim.training_run}/attempt_{claim.attempt}/step_{step:08d}")
        digest = hashlib.sha256(meta).hexdigest()
        with self.book.transaction() as session:
            return checkpoints.add(session, claim, step=step, url=url, digest=digest, size=1, metrics={}).id

    def dataset(self) -> str:
        """The URL of a stored data set."""
        dataset_id = new_id("ds")
        folder = self.scratch / dataset_id
        folder.mkdir(parents=True)
        (folder / "train.csv").write_text("question,answer\n1...,1234\n")
        (folder / "dataset.json").write_text("{}")
        url = self.storage.put_folder(folder, f"datasets/{dataset_id}")
        digest, splits = artifacts.digest_of(folder), {"train": 1}
        with self.book.transaction() as session:
            datasets.add(session, dataset_id, name="mine", spec=SPEC, splits=splits, overlap=0, url=url, sha256=digest)
        return url


@pytest.fixture
def service(book: Book, tmp_path: Path, step_event: Callable[..., dict[str, Any]]) -> Service:
    """Jobs in every state but running, and something in every table."""
    made = Service(book, Storage((tmp_path / "artifacts").as_uri()), tmp_path / "scratch")
    for status in set(JobStatus) - {JobStatus.RUNNING}:
        book.job_in(status)
    claim = book.training()
    model = made.checkpoint(claim, 10)
    made.checkpoint(claim, 20)
    url = made.dataset()
    evaluated = {
        "step": 10, "split": "validation", "n": 5, "seconds": 0.1, "exact_accuracy": 1 / 3, "cell_accuracy": 0.5,
        "verified": None, "mean_supervision_steps": 2.0, "halt_accuracy": None, "halted": [0.1, None],
        "halt_probability": [0.1, None], "step_exact_accuracy": [0.25, None],
    }  # fmt: skip
    with book.transaction() as session:
        run_metrics.add(session, claim, [step_event(step, loss=0.1 + 0.2) for step in (5, 10)])
        evaluations.add(session, claim, evaluated)
        job_events.append(session, claim, [("checkpoint", {"said": "a\tb\\n\n'\u00fc\u4e00"})])
        child = new_run(session, CONFIG, parent=model)
        request = {"config": {}, "dataset": {"name": "mine", "url": url}}
        new_job(session, JobKind.TRAIN, request, run_id=child.id)
        key = idempotency.Key("anonymous", "POST /v1/solve-jobs", "key", "fingerprint")
        idempotency.require(session, key, "job_a")
        idempotency.keep(session, key, idempotency.Answer("job_a", 202, {"Location": "/v1"}, "{}"))
        solved = new_job(session, JobKind.SOLVE, {"puzzles": ["1..."]}, model_id=model)
    solving = book.claim(solved.id)
    row = SolutionRow(
        index=0, question="1...", answer="1234", verified=True, halt_probability=0.75, steps=3, total_steps=3,
        reason="halted", chosen_by="only", chain=0, votes=1, chains=1, trace=[{"step": 1}],
    )  # fmt: skip
    with book.transaction() as session:
        add_solutions(session, solving, [row])
    book.finish(solving)
    book.finish(claim)
    assert {table for table, rows in rows_of(book.database).items() if rows} >= TABLES
    return made


@pytest.fixture
def empty(empty_database_url: str) -> Iterator[Database]:
    """A database without any table."""
    database = Database(empty_database_url)
    yield database
    database.close()


def status_of(database: Database, job_id: str) -> JobStatus:
    with database.transaction() as session:
        return session.get_one(Job, job_id).status
