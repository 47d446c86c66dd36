"""Accepts an uploaded data set: read, checked, stored and recorded, or rejected as a whole."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy.orm import Session

from services.gateway.access.records import Records
from services.gateway.intake.idempotency import keep_answer
from services.gateway.intake.uploads import Limits, digest_of, read_upload
from services.gateway.problems.errors import RequestInvalid
from services.gateway.schemas.dataset import Dataset
from services.gateway.views.answers import Answer, render_upload
from services.registry.db.ids import new_id
from services.registry.errors import DatasetNameTaken
from services.registry.runs import datasets
from services.registry.storage import artifacts
from services.registry.storage.storage import Storage
from services.registry.submissions.idempotency import Key
from trm.config.presets import recommend
from trm.errors import DatasetError
from trm.puzzles.datasets.audit import Audit, audit
from trm.puzzles.datasets.datasets import BUILTIN, save_dataset
from trm.puzzles.equivalence import QUICKLY
from trm.puzzles.puzzle_set import PuzzleSet, holdout
from trm.puzzles.spec import DeclaredRules, Kind
from trm.puzzles.tables import read_rules

HELD_OUT_FROM = 5_000  # telling equivalent puzzles apart takes milliseconds each, and the request waits
ARC_ELSEWHERE = (
    "ARC tasks cannot be uploaded: they are not tables of questions and answers. Train on the built-in data sets arc-1 and arc-2, "
    "or on tasks of your own with the library: `python -m trm train --preset arc-1 --data FOLDER`."
)
SEARCH_SECONDS = 2.0  # of each split, for second answers: the request waits


@dataclass(frozen=True)
class Upload:
    """A request to upload a data set."""

    name: str
    kind: Kind
    file: IO[bytes]
    test_file: IO[bytes] | None
    limits: Limits
    rules: DeclaredRules | None = None

    def digests(self) -> list[str]:
        """SHA-256 of the uploaded files."""
        return [digest_of(file) for file in (self.file, self.test_file) if file is not None]


def store(records: Records, storage: Storage, upload: Upload, key: Key | None) -> Answer:
    """Record the data set; what to answer. Raises RequestInvalid, PartsRefused, DatasetNameTaken, KeyTaken..., and then keeps nothing."""
    if upload.kind == "arc":
        raise RequestInvalid(ARC_ELSEWHERE, "kind")
    if upload.name in BUILTIN:
        raise DatasetNameTaken(f"{upload.name!r} is a built-in data set. Choose another name.", "name")
    records.ask(datasets.require_free_name, upload.name)
    splits = _read(upload, upload.limits)
    dataset_id = new_id("ds")
    with tempfile.TemporaryDirectory(prefix="trm-upload-") as scratch:
        folder = Path(scratch, dataset_id)
        save_dataset(folder, upload.name, splits)
        url = storage.put_folder(folder, f"datasets/{dataset_id}")
        try:
            stored = {"name": upload.name, "url": url, "sha256": artifacts.digest_of(folder)}
            columns = stored | _examine(splits)

            def add(session: Session) -> Answer:
                row = datasets.add(session, records.access, dataset_id, **columns)
                return render_upload("datasets", dataset_id, Dataset.of(row))

            with records.database.transaction() as session:
                return keep_answer(session, key, dataset_id, add)
        except BaseException:
            storage.delete_folder(url)
            raise


def parse_rules(rules: str | None) -> DeclaredRules | None:
    """The rules of a form field; raises RequestInvalid."""
    if not rules:
        return None
    try:
        return read_rules(rules)
    except DatasetError as error:
        raise RequestInvalid(str(error), "rules") from error


def _read(upload: Upload, limits: Limits) -> dict[str, PuzzleSet]:
    train = read_upload(upload.file, "file", upload.kind, limits, rules=upload.rules)
    if upload.test_file is None:
        if len(train) > HELD_OUT_FROM:
            raise RequestInvalid(
                f"Send test_file too: a share is held out of at most {HELD_OUT_FROM} puzzles, and these are {len(train)}.",
                "test_file",
            )
        train, test = holdout(train)
    else:
        test = read_upload(upload.test_file, "test_file", upload.kind, limits, spec=train.spec)
    return {"train": train, "test": test}


def _examine(splits: Mapping[str, PuzzleSet]) -> dict[str, Any]:
    """The columns that follow from the puzzles."""
    found = audit(splits["train"], splits["test"], most=QUICKLY, seconds=SEARCH_SECONDS)
    return {
        "spec": splits["train"].spec,
        "splits": {split: len(puzzles) for split, puzzles in splits.items()},
        "overlap": len(found.shared),
        "report": _report(found, splits),
    }


def _report(found: Audit, splits: Mapping[str, PuzzleSet]) -> dict[str, Any]:
    remarks = [f"{split}: {remark}" for split, puzzles in splits.items() for remark in puzzles.remarks]
    return {
        "clean": found.clean,
        "findings": [*found.sentences(), *dict.fromkeys(remarks)],
        "splits": {
            part.name: {
                "searched": part.searched,
                "ambiguous": len(part.ambiguous),
                "repeated": len(part.repeated),
                "equivalent": len(part.equivalent),
                "unused_symbols": list(part.unused),
            }
            for part in (found.train, found.test)
        },
        "presets": list(recommend(found.spec)),
    }
