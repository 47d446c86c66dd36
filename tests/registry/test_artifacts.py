"""The rows of checkpoints, evaluations, data sets and solutions."""

from typing import Any

import pytest

from services.registry.access.visibility import EVERYTHING
from services.registry.db.ids import new_id
from services.registry.db.labels import Labels
from services.registry.db.tables import Checkpoint, Dataset
from services.registry.errors import DatasetNameTaken, DatasetNotFound, InvalidCursor
from services.registry.jobs import completion, solutions
from services.registry.jobs.leases import Claim
from services.registry.runs import checkpoints, datasets, evaluations, runs
from tests.fresh import new_run
from tests.registry.conftest import CONFIG, SPEC, Book
from trm.config.run import RunConfig
from trm.errors import CheckpointNotFound


def _save(book: Book, claim: Claim, step: int) -> Checkpoint:
    with book.transaction() as session:
        url = f"memory://{claim.attempt}/{step}"
        return checkpoints.add(session, claim, step=step, url=url, digest="d", size=5, metrics={"exact_accuracy": 1.0})


def test_run_keeps_its_whole_configuration(book: Book) -> None:
    with book.transaction() as session:
        run_id = new_run(session, CONFIG, labels=Labels("first")).id
    with book.transaction() as session:
        run = runs.get(session, EVERYTHING, run_id)
    assert RunConfig.model_validate(run.config) == CONFIG
    assert (run.name, run.preset, run.dataset, run.total_steps, run.job_id) == (
        "first", "tiny", "sudoku-4x4", CONFIG.train.steps, None,
    )  # fmt: skip


def test_checkpoints_to_resume_from_come_furthest_first(book: Book) -> None:
    first = book.training()
    _save(book, first, 10)
    _save(book, first, 20)
    with book.transaction() as session:
        completion.release(session, first)
    second = book.claim(first.job_id)
    newest = _save(book, second, 20)
    with book.transaction() as session:
        order = checkpoints.furthest_first(session, EVERYTHING, first.training_run)
        assert checkpoints.newest(session, EVERYTHING, first.training_run).id == newest.id
        assert len(checkpoints.page(session, EVERYTHING, run_id=first.training_run).items) == 3
        assert checkpoints.page(session, EVERYTHING, run_id="run_other").items == []
        assert checkpoints.get(session, EVERYTHING, newest.id).url == "memory://2/20"
    assert [(row.step, row.attempt) for row in order] == [(20, 2), (20, 1), (10, 1)]


def test_same_checkpoint_twice_is_one_row(book: Book) -> None:
    claim = book.training()
    assert _save(book, claim, 10).id == _save(book, claim, 10).id


def test_missing_checkpoints_are_named_so(book: Book) -> None:
    run_id = book.training().training_run
    with book.transaction() as session:
        with pytest.raises(CheckpointNotFound, match="ckpt_no"):
            checkpoints.get(session, EVERYTHING, "ckpt_no")
        with pytest.raises(CheckpointNotFound, match="no checkpoint yet"):
            checkpoints.newest(session, EVERYTHING, run_id)


def test_evaluation_sets_the_runs_accuracy(book: Book) -> None:
    claim = book.training()
    event: dict[str, Any] = {
        "step": 50, "split": "test", "n": 4, "seconds": 1.5, "exact_accuracy": 0.25,
        "cell_accuracy": 0.75, "verified": None,
        "mean_supervision_steps": 3.0, "halt_accuracy": None, "halted": [1.0], "halt_probability": [0.5],
        "step_exact_accuracy": [None],
    }  # fmt: skip
    with book.transaction() as session:
        evaluations.add(session, claim, event)
    with book.transaction() as session:
        completion.release(session, claim)
    second = book.claim(claim.job_id)
    with book.transaction() as session:
        evaluations.add(session, second, event | {"exact_accuracy": 0.5})
        evaluations.add(session, second, event | {"step": 100, "exact_accuracy": 1.0})
    with book.transaction() as session:
        rows = evaluations.page(session, EVERYTHING, claim.training_run).items
        assert runs.get(session, EVERYTHING, claim.training_run).exact_accuracy == 1.0
    assert [(row.step, row.attempt, row.exact_accuracy) for row in rows] == [(50, 2, 0.5), (100, 2, 1.0)]


def _upload(book: Book, name: str) -> Dataset:
    with book.transaction() as session:
        splits = {"train": 10, "test": 2}
        return datasets.add(
            session,
            EVERYTHING,
            new_id("ds"),
            name=name,
            spec=SPEC,
            splits=splits,
            overlap=0,
            url="memory://d",
            sha256="s",
        )


def test_data_set_is_found_by_id_and_by_name(book: Book) -> None:
    dataset = _upload(book, "mine")
    with book.transaction() as session:
        assert datasets.get(session, EVERYTHING, "mine").id == dataset.id
        assert datasets.get(session, EVERYTHING, dataset.id).splits == {"train": 10, "test": 2}
        assert [row.id for row in datasets.page(session, EVERYTHING).items] == [dataset.id]
        datasets.require_free_name(session, EVERYTHING, "another")
    for missing in ("yours", "min\0"):
        with pytest.raises(DatasetNotFound), book.transaction() as session:
            datasets.get(session, EVERYTHING, missing)


def test_name_belongs_to_one_data_set(book: Book) -> None:
    _upload(book, "mine")
    with pytest.raises(DatasetNameTaken):
        _upload(book, "mine")
    with pytest.raises(DatasetNameTaken), book.transaction() as session:
        datasets.require_free_name(session, EVERYTHING, "mine")


def _answers(book: Book, claim: Claim, count: int, answer: str = "1234") -> None:
    rows = [
        {
            "index": index, "question": "1...", "answer": answer, "verified": None, "halt_probability": 0.5, "steps": 3, "total_steps": 6,
            "reason": "halted", "chosen_by": "votes", "chain": 1, "votes": 2, "chains": 2,
            "trace": [{"step": 1, "answer": "1111"}] if index == 0 else None,
        }
        for index in range(count)
    ]  # fmt: skip
    with book.transaction() as session:
        solutions.add(session, claim, rows)


def test_answers_come_in_the_order_of_the_puzzles(book: Book) -> None:
    claim = book.claim(book.solve().id)
    _answers(book, claim, 5)
    seen, cursor = [], None
    with book.transaction() as session:
        while True:
            page = solutions.page(session, EVERYTHING, claim.job_id, cursor=cursor, limit=2)
            seen += page.items
            if not page.has_more:
                break
            cursor = page.next_cursor
        with pytest.raises(InvalidCursor):
            solutions.page(session, EVERYTHING, "job_other", cursor=cursor)
    assert [row.index for row in seen] == [0, 1, 2, 3, 4]
    assert seen[0].trace == [{"step": 1, "answer": "1111"}]
    assert seen[1].trace is None


def test_later_attempts_answers_replace_earlier_ones(book: Book) -> None:
    claim = book.claim(book.solve().id)
    _answers(book, claim, 2, answer="old")
    _answers(book, claim, 3, answer="new")
    with book.transaction() as session:
        assert [row.answer for row in solutions.page(session, EVERYTHING, claim.job_id).items] == ["new"] * 3
