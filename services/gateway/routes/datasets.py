"""Data sets: list, look at, upload."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Query, Response, UploadFile

from services.gateway.allocator import LARGE_BYTES, give_memory_back
from services.gateway.backends import Parts
from services.gateway.intake import ingest
from services.gateway.intake.idempotency import Idempotency, answer_once, respond
from services.gateway.intake.known_names import require_known_fields
from services.gateway.intake.uploads import Limits
from services.gateway.lookups import dataset_contents, dataset_lookup
from services.gateway.openapi import PAGES, STORED, UPLOAD, refusals
from services.gateway.problems.errors import RequestInvalid
from services.gateway.schemas.dataset import ArcTask, Dataset, DatasetPuzzle
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.errors import DatabaseUnavailable, DatasetNameTaken, DatasetNotFound, StorageUnavailable
from services.registry.runs import datasets
from trm.errors import DatasetError
from trm.puzzles.datasets.datasets import BUILTIN
from trm.puzzles.spec import Kind

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])

PACKED_TIMES = 100  # how much smaller than its content an uploaded file may be
NAME = r"^[a-z0-9][a-z0-9._-]{0,63}$"
Name = Annotated[str, Form(pattern=NAME, description="Small letters, digits, dots, dashes and underscores.")]
Table = Annotated[
    UploadFile,
    File(
        description="CSV with columns question and answer, or puzzle and solution (source and rating optional), or JSON objects; "
        "gzip allowed. Sudokus without answers are answered by search."
    ),
]
TestTable = Annotated[
    UploadFile | None,
    File(description="Held-out puzzles; if left out, a share of `file` is held out, of at most 5,000 puzzles."),
]
KindOf = Annotated[
    Kind,
    Form(
        description="`sudoku` and `maze` are checked by their rules; `grid` is any grid, checked by `rules` where they are given. "
        "`arc` is refused: see arc-1 and arc-2."
    ),
]
RulesOf = Annotated[
    str | None,
    Form(
        description="Rules that every answer obeys, as JSON: `rows`, `columns` (true: no symbol twice) and `regions` (a letter for every "
        "cell, row by row: no symbol twice in a region); for grids also `blank`, the symbol of a cell to fill in. A Sudoku "
        "takes `regions` alone, in place of its boxes: a jigsaw.",
        examples=['{"rows": true, "columns": true}'],
    ),
]
SplitName = Literal["train", "validation", "test"]
Seed = Annotated[
    int | None, Query(ge=0, lt=2**31, description="Draw puzzles by chance; the same ones for the same seed.")
]


@router.get("", summary="List data sets", responses=refusals(*PAGES))
def list_datasets(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Dataset]:
    """The built-in data sets, at the top of the first page, then uploaded ones, newest first."""
    uploaded = Page.of(parts.records.ask(datasets.page, cursor=cursor, limit=limit), Dataset.of)
    builtin = [] if cursor else [_of_builtin(name) for name in BUILTIN]
    return Page(data=[*builtin, *uploaded.data], next_cursor=uploaded.next_cursor, has_more=uploaded.has_more)


@router.get("/{id_or_name}", summary="One data set", responses=refusals(DatasetNotFound, DatabaseUnavailable))
def get_dataset(id_or_name: str, parts: Parts) -> Dataset:
    """A data set by its id or its name."""
    if id_or_name in BUILTIN:
        return _of_builtin(id_or_name)
    return Dataset.of(parts.records.ask(datasets.get, id_or_name))


@router.get(
    "/{id_or_name}/puzzles",
    summary="Puzzles of a split",
    responses=refusals(*PAGES, DatasetNotFound, StorageUnavailable),
)
def list_dataset_puzzles(
    id_or_name: str,
    parts: Parts,
    split: SplitName = "test",
    cursor: Cursor = None,
    limit: Limit = 20,
    seed: Seed = None,
) -> Page[DatasetPuzzle]:
    """A page of puzzles in the order of the table or, with a seed, some drawn by chance. ARC has no table to read."""
    table = dataset_contents.Split(parts.records, parts.storage, id_or_name, split)
    if seed is None:
        return Page.of(table.page(cursor, limit), DatasetPuzzle.model_validate)
    if cursor is not None:
        message = "Puzzles that are drawn by chance have no next page: leave out `cursor`, or `seed`."
        raise RequestInvalid(message, "cursor")
    return Page.of(table.sample(seed, limit), DatasetPuzzle.model_validate)


@router.get("/{id_or_name}/tasks", summary="Tasks of an ARC data set", responses=refusals(*PAGES, DatasetNotFound))
def list_dataset_tasks(
    id_or_name: str, parts: Parts, split: Literal["train", "test"] = "test", cursor: Cursor = None, limit: Limit = 20
) -> Page[ArcTask]:
    """A page of its tasks by name, with their example pairs; `test` are the evaluation tasks. Other data sets have none."""
    return Page.of(dataset_contents.arc_tasks(parts.records, id_or_name, split, cursor, limit), ArcTask.of)


@router.post(
    "",
    status_code=201,
    response_model=Dataset,
    dependencies=[Depends(require_known_fields)],
    form_limits={"max_files": 2, "max_fields": 10, "max_part_size": 1 << 14},
    summary="Upload a data set",
    responses=refusals(*UPLOAD, DatasetError, DatasetNameTaken, *STORED),
)
def create_dataset(
    parts: Parts,
    context: Idempotency,
    file: Table,
    name: Name,
    kind: KindOf = "sudoku",
    rules: RulesOf = None,
    test_file: TestTable = None,
) -> Response:
    """Check every row and store the whole; when a row is wrong, `errors` names it and nothing is stored."""
    second = test_file.file if test_file else None
    upload = ingest.Upload(name, kind, file.file, second, Limits.of(parts.settings), ingest.parse_rules(rules))
    key = context.key(name, kind, rules or "", *upload.digests()) if context.given else None
    try:
        return respond(
            answer_once(parts.database, key, lambda: ingest.store(parts.records, parts.storage, upload, key))
        )
    finally:
        if (file.size or 0) > LARGE_BYTES // PACKED_TIMES:
            give_memory_back()


def _of_builtin(name: str) -> Dataset:
    return Dataset.of_builtin(BUILTIN[name], dataset_lookup.split_sizes(name))
