"""Data sets: list, look at, upload."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Response, UploadFile

from services.gateway.allocator import LARGE_BYTES, give_memory_back
from services.gateway.backends import Parts
from services.gateway.intake import ingest
from services.gateway.intake.idempotency import Idempotency, earlier_answer, find, respond
from services.gateway.intake.known_names import require_known_fields
from services.gateway.intake.uploads import Limits
from services.gateway.lookups import dataset_lookup
from services.gateway.openapi import refusals
from services.gateway.schemas.dataset import Dataset
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.db import tables
from services.registry.errors import DatasetNameTaken, KeyTaken
from services.registry.runs import datasets
from services.registry.submissions.idempotency import Answer
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
        description="`sudoku` and `maze` are checked by their rules; `grid` is any grid. `arc` is refused: see arc-1 and arc-2."
    ),
]


@router.get(
    "",
    operation_id="listDatasets",
    summary="List data sets",
    responses=refusals("request_invalid", "cursor_invalid", "database_unavailable"),
)
def list_datasets(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Dataset]:
    """The built-in data sets, at the top of the first page, then uploaded ones, newest first."""
    with parts.database.transaction() as session:
        page = datasets.page(session, cursor=cursor, limit=limit)
    uploaded = Page.of(page, Dataset.of)
    builtin = [] if cursor else [_of_builtin(name) for name in BUILTIN]
    return Page(data=[*builtin, *uploaded.data], next_cursor=uploaded.next_cursor, has_more=uploaded.has_more)


@router.get(
    "/{id_or_name}",
    operation_id="getDataset",
    summary="One data set",
    responses=refusals("dataset_not_found", "database_unavailable"),
)
def get_dataset(id_or_name: str, parts: Parts) -> Dataset:
    """A data set by its id or its name."""
    if id_or_name in BUILTIN:
        return _of_builtin(id_or_name)
    return Dataset.of(dataset_lookup.find_uploaded(parts.database, id_or_name))


@router.post(
    "",
    status_code=201,
    response_model=Dataset,
    operation_id="createDataset",
    dependencies=[Depends(require_known_fields)],
    form_limits={"max_files": 2, "max_fields": 10, "max_part_size": 1 << 14},
    summary="Upload a data set",
    responses=refusals(
        "body_malformed",
        "body_too_large",
        "request_invalid",
        "dataset_malformed",
        "dataset_name_taken",
        "idempotency_key_reused",
        "idempotency_key_in_use",
        "database_unavailable",
        "storage_unavailable",
        "storage_full",
    ),
)
def create_dataset(
    parts: Parts, context: Idempotency, file: Table, name: Name, kind: KindOf = "sudoku", test_file: TestTable = None
) -> Response:
    """Check every row and store the whole; when a row is wrong, `errors` names it and nothing is stored."""
    second = test_file.file if test_file else None
    upload = ingest.Upload(name, kind, file.file, second, Limits.of(parts.settings))
    key = context.key(name, kind, *upload.digests()) if context.given else None
    if key is not None and (earlier := find(parts.database, key)) is not None:
        return respond(earlier)
    try:
        return respond(_render_created(ingest.store(parts.database, parts.storage, upload, key, _render_created)))
    except (KeyTaken, DatasetNameTaken) as error:  # by this very request, it may be
        return respond(earlier_answer(parts.database, key, error))
    finally:
        if (file.size or 0) > LARGE_BYTES // PACKED_TIMES:
            give_memory_back()


def _render_created(row: tables.Dataset) -> Answer:
    dataset = Dataset.of(row)
    return Answer(dataset.id, 201, {"Location": f"/v1/datasets/{dataset.id}"}, dataset.model_dump_json())


def _of_builtin(name: str) -> Dataset:
    return Dataset.of_builtin(BUILTIN[name], dataset_lookup.split_sizes(name))
