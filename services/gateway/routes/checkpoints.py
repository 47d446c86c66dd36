"""Checkpoints of all runs."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Header, Response, UploadFile

from services.gateway.backends import Parts
from services.gateway.intake import checkpoint_upload
from services.gateway.intake.idempotency import Idempotency, answer_once, respond
from services.gateway.intake.known_names import require_known_fields
from services.gateway.intake.uploads import digest_of
from services.gateway.openapi import PAGES, STORED, UPLOAD, Responses, refusals
from services.gateway.problems.errors import CheckpointFileNotFound, RangeNotSatisfiable, UploadRefused
from services.gateway.schemas.checkpoint import Checkpoint, CheckpointFiles
from services.gateway.schemas.labels import Name
from services.gateway.views import download
from services.gateway.views.download import Piece, Wanted
from services.gateway.views.pagination import Cursor, Limit, Page
from services.registry.db.labels import Labels
from services.registry.errors import CheckpointInUse, DatabaseUnavailable, StorageUnavailable
from services.registry.runs import checkpoints
from trm.errors import CheckpointNotFound

router = APIRouter(prefix="/v1/checkpoints", tags=["checkpoints"])

DOWNLOADS = (CheckpointNotFound, RangeNotSatisfiable, DatabaseUnavailable, StorageUnavailable)
BYTES = {"schema": {"type": "string", "format": "binary"}}
BINARY: Responses = {
    status: {"description": what, "content": {"application/octet-stream": BYTES}}
    for status, what in ((200, "The file."), (206, "The part of it that `Range` asks for."))
}
ARCHIVE: Responses = {
    status: {"description": what, "content": {"application/x-tar": BYTES}}
    for status, what in ((200, "A tar."), (206, "The part of it that `Range` asks for."))
}
Archive = Annotated[
    UploadFile,
    File(description="A tar, not compressed, of a folder that `trm export` has written, or of a checkpoint's archive."),
]
RunName = Annotated[Name | None, Form(description="What to call the run that it becomes.")]
Range = Annotated[
    str | None, Header(alias="Range", description="`bytes=FIRST-LAST`: only these bytes, counted from 0.")
]
IfRange = Annotated[
    str | None, Header(description="The ETag of the version that you have the rest of; of another one all is sent.")
]


@router.get("", summary="List checkpoints, newest first", responses=refusals(*PAGES))
def list_checkpoints(parts: Parts, cursor: Cursor = None, limit: Limit = 20) -> Page[Checkpoint]:
    """A page of the saved states of all runs."""
    return Page.of(parts.records.ask(checkpoints.page, cursor=cursor, limit=limit), Checkpoint.of)


@router.get("/{checkpoint_id}", summary="One checkpoint", responses=refusals(CheckpointNotFound, DatabaseUnavailable))
def get_checkpoint(checkpoint_id: str, parts: Parts) -> Checkpoint:
    """A saved state, with the metrics it was saved with."""
    return Checkpoint.of(parts.records.ask(checkpoints.get, checkpoint_id))


@router.get(
    "/{checkpoint_id}/files",
    summary="The files of a checkpoint",
    responses=refusals(CheckpointNotFound, DatabaseUnavailable, StorageUnavailable),
)
def list_checkpoint_files(checkpoint_id: str, parts: Parts) -> CheckpointFiles:
    """What `python -m trm` reads: configuration, weights and, to go on training, the state of the training.

    They are few, so that they are not in pages.
    """
    row = parts.records.ask(checkpoints.get, checkpoint_id)
    return CheckpointFiles.of(row.id, parts.storage.sizes(row.url))


@router.get(
    "/{checkpoint_id}/files/{file}",
    summary="One file of a checkpoint",
    response_class=Response,
    responses={**BINARY, **refusals(CheckpointFileNotFound, *DOWNLOADS)},
)
def download_checkpoint_file(
    checkpoint_id: str, file: str, parts: Parts, range_: Range = None, if_range: IfRange = None
) -> Response:
    """The file as it is stored; a part of it with `Range`."""
    row = parts.records.ask(checkpoints.get, checkpoint_id)
    sizes = parts.storage.sizes(row.url)
    if file not in sizes:
        raise CheckpointFileNotFound(f"{row.id} has no file {file[:100]!r}. It has: {', '.join(sorted(sizes))}.")
    return download.respond(
        parts.storage,
        row.url,
        [Piece(sizes[file], file)],
        wanted=Wanted(range_, if_range),
        tag=f'"{row.digest[:32]}-{file}"',
        name=file,
        media_type="application/octet-stream",
    )


@router.get(
    "/{checkpoint_id}/archive",
    summary="A checkpoint as a tar",
    response_class=Response,
    responses={**ARCHIVE, **refusals(*DOWNLOADS)},
)
def download_checkpoint(checkpoint_id: str, parts: Parts, range_: Range = None, if_range: IfRange = None) -> Response:
    """All files in one folder, `tar -xf` unpacks it; `python -m trm solve --model FOLDER` solves with it. `Range` resumes one
    that was broken off.
    """
    row = parts.records.ask(checkpoints.get, checkpoint_id)
    pieces = download.tar(row.id, parts.storage.sizes(row.url), row.created_at)
    return download.respond(
        parts.storage,
        row.url,
        pieces,
        wanted=Wanted(range_, if_range),
        tag=f'"{row.digest[:32]}-tar"',
        name=f"{row.id}.tar",
        media_type="application/x-tar",
    )


@router.post(
    "",
    status_code=201,
    response_model=Checkpoint,
    dependencies=[Depends(require_known_fields)],
    form_limits={"max_files": 1, "max_fields": 2, "max_part_size": 1 << 14},
    summary="Upload a model",
    responses=refusals(*UPLOAD, UploadRefused, *STORED),
)
def create_checkpoint(parts: Parts, context: Idempotency, file: Archive, name: RunName = None) -> Response:
    """Take in a model that `python -m trm export` has written, or the archive of a checkpoint, as the checkpoint of a run of its own.

    Every file must be what its listing says, every number finite; nothing in it is executed. An exported model can solve, be promoted
    to a name, and be trained on; of a whole checkpoint everything is kept.
    """
    key = context.key(name or "", digest_of(file.file)) if context.given else None
    labels, most = Labels(name=name), parts.settings.max_checkpoint_bytes
    stored = answer_once(
        parts.database,
        key,
        lambda: checkpoint_upload.store(parts.records, parts.storage, file.file, labels, key, most),
    )
    return respond(stored)


@router.delete(
    "/{checkpoint_id}",
    status_code=204,
    summary="Delete a checkpoint",
    responses=refusals(CheckpointNotFound, CheckpointInUse, DatabaseUnavailable),
)
def delete_checkpoint(checkpoint_id: str, parts: Parts) -> None:
    """It is gone at once for all who look for it; its files are deleted within minutes."""
    parts.records.ask(checkpoints.withdraw, checkpoint_id)
