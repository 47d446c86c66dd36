"""Accepts a model that was exported or downloaded elsewhere: unpacked, checked, stored and recorded, or refused as a whole.

Nothing of it is run: weights are safetensors alone, whose files are what the listing says and whose numbers are finite.
"""

import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any

from pydantic import ValidationError

from services.gateway.access.records import Records
from services.gateway.intake.idempotency import keep_answer
from services.gateway.problems.errors import UploadRefused, at_fault
from services.gateway.schemas.checkpoint import Checkpoint
from services.gateway.views.answers import Answer, render_upload
from services.registry.db.labels import Labels
from services.registry.runs import checkpoints, runs
from services.registry.storage.storage import Storage
from services.registry.submissions.idempotency import Key
from trm import durable
from trm.config.run import RunConfig
from trm.errors import CorruptCheckpoint
from trm.interface.tensor_header import require_sound
from trm.json_text import from_json, to_json

META, EXPORT_META = "meta.json", "config.json"  # of a checkpoint, of an exported model
FORMATS = {META: "trm-checkpoint/1", EXPORT_META: "trm-export/1"}
WEIGHTS = "model.safetensors"
TENSORS = ".safetensors"
LONGEST_NAME = 64
MOST_DOCUMENT_BYTES = 4 << 20
MOST_MEMBERS = 100
HEADER_BYTES = 4096  # of one header; reading one takes time with the square of its length
MOST_OFFSET = 1 << 62
HEADERS_BYTES = 1 << 18  # of all of them: each header before another is a call deeper
PIECE_BYTES = 1 << 20
# what tarfile raises for headers that make no sense, of their numbers and of headers before headers
DAMAGED = (tarfile.TarError, EOFError, ArithmeticError, LookupError, ValueError, RecursionError)


@dataclass(frozen=True)
class UploadedModel:
    """An unpacked model: a folder as a training leaves it."""

    folder: Path
    config: RunConfig
    step: int
    parameters: int | None
    metrics: dict[str, Any]

    @property
    def bytes(self) -> int:
        """Size of all files."""
        return sum(file.stat().st_size for file in self.folder.iterdir())


def store(
    records: Records,
    storage: Storage,
    file: IO[bytes],
    labels: Labels,
    key: Key | None,
    most_bytes: int,
) -> Answer:
    """Record the model as the checkpoint of a run of its own; what to answer. Raises UploadRefused, KeyTaken..., and then keeps nothing."""
    with tempfile.TemporaryDirectory(prefix="trm-upload-") as scratch:
        with at_fault("file"):
            model = unpack(file, Path(scratch), most_bytes)
        run = runs.new_row(model.config, labels=labels, owner=records.access.owner)
        run |= {"step": model.step, "parameters": model.parameters}
        url = storage.put_folder(model.folder, f"runs/{run['id']}/uploaded")
        try:
            with records.database.transaction() as session:
                runs.insert_rows(session, [run])
                digest = durable.digest(model.folder / META)
                row = checkpoints.add_uploaded(
                    session, run["id"], step=model.step, url=url, digest=digest, size=model.bytes, metrics=model.metrics
                )
                return keep_answer(
                    session, key, row.id, lambda _: render_upload("checkpoints", row.id, Checkpoint.of(row))
                )
        except BaseException:
            storage.delete_folder(url)
            raise


def unpack(file: IO[bytes], scratch: Path, most_bytes: int) -> UploadedModel:
    """The model in a tar, in a folder below `scratch` whose meta.json lists what was checked; raises UploadRefused."""
    found, folder = scratch / "found", scratch / "model"
    found.mkdir()
    folder.mkdir()
    names = _extract(file, found, most_bytes)
    meta = next((name for name in FORMATS if name in names), None)
    if meta is None:
        raise UploadRefused(f"The tar holds neither {META} nor {EXPORT_META}: it is no model that trm has written.")
    document = _read_document(found / meta, FORMATS[meta])
    try:
        model_files = _list_files(document)
        config = RunConfig.model_validate(document["config"])
        step, metrics = _read_step(document["step"]), _read_metrics(document["metrics"])
        progress = dict(document["progress"])
    except (KeyError, TypeError, ValueError) as error:  # ValidationError is one of these
        raise UploadRefused(f"{meta} does not describe a model that this version can build: {_brief(error)}") from error
    for name, entry in model_files.items():
        _check(found, name, entry)
        (found / name).rename(folder / name)
    listing = {
        "format": FORMATS[META],
        "trm_version": str(document.get("trm_version")),
        "step": step,
        "metrics": metrics,
    }
    listing |= {"progress": progress, "files": model_files, "config": config.model_dump(mode="json")}
    (folder / META).write_text(to_json(listing, indent=1))
    parameters = document.get("parameters")  # a checkpoint does not say
    return UploadedModel(folder, config, step, parameters if isinstance(parameters, int) else None, metrics)


def _extract(file: IO[bytes], into: Path, most_bytes: int) -> set[str]:
    """The names of the files that are of use; others are passed over. Raises UploadRefused."""
    names, left = set[str](), most_bytes
    try:
        with tarfile.open(fileobj=_Headers(file), mode="r:") as archive:  # type: ignore[call-overload]  # it reads no more
            for number, member in enumerate(archive):
                if number >= MOST_MEMBERS:
                    raise UploadRefused(f"The tar has more than {MOST_MEMBERS} members.")
                name = _name_of(member)
                if name is None:
                    continue
                if name in names or not 0 <= member.size <= left:
                    raise UploadRefused(f"{name} is there twice, or makes the tar larger than {most_bytes} bytes.")
                left -= member.size
                names.add(name)
                _copy(file, member, into / name)
    except DAMAGED as error:
        raise UploadRefused(
            f"The file is no tar, or is cut short: {str(error)[:200]}. Compressed ones are not taken."
        ) from error
    return names


class _Headers:
    """The tar as its headers are read from it: a header names its own length, and is kept in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, HEADERS_BYTES
        self.tell = file.tell

    def seek(self, place: int) -> int:
        """Raises ReadError for a place that no file has."""
        if not 0 <= place < MOST_OFFSET:
            raise tarfile.ReadError("a header claims a size that no file has")
        return self._file.seek(place)

    def read(self, size: int) -> bytes:
        """Raises ReadError rather than read a long header, or many."""
        self._left -= size
        if size > HEADER_BYTES or self._left < 0:
            raise tarfile.ReadError("its headers are longer than those of a model")
        return self._file.read(size)


def _copy(file: IO[bytes], member: tarfile.TarInfo, to: Path) -> None:
    file.seek(member.offset_data)
    left = member.size
    with to.open("xb") as target:
        while left > 0:
            piece = file.read(min(left, PIECE_BYTES))
            if not piece:
                raise EOFError(f"{to.name} is not whole")
            target.write(piece)
            left -= len(piece)


def _name_of(member: tarfile.TarInfo) -> str | None:
    """The name of a member that is of use; raises UploadRefused for what no archive of a model holds."""
    path = PurePosixPath(member.name)
    if member.isdir():
        return None
    if not member.isreg() or member.issparse() or path.is_absolute() or ".." in path.parts or len(path.parts) > 2:
        raise UploadRefused(f"{member.name[:100]!r} is no plain file in one folder.")
    return path.name if path.name in FORMATS or _holds_tensors(path.name) else None


def _holds_tensors(name: str) -> bool:
    """Whether a file is called as those of a checkpoint are: by a word, such as model or ema."""
    return (
        name.endswith(TENSORS)
        and len(name) <= LONGEST_NAME
        and name.isascii()
        and name.removesuffix(TENSORS).isidentifier()
    )


def _read_document(path: Path, tag: str) -> dict[str, Any]:
    if path.stat().st_size > MOST_DOCUMENT_BYTES:
        raise UploadRefused(f"{path.name} is larger than {MOST_DOCUMENT_BYTES} bytes.")
    try:
        document = from_json(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UploadRefused(f"{path.name} is damaged: {str(error)[:200]}.") from error
    if not isinstance(document, dict) or document.get("format") != tag:
        raise UploadRefused(f"{path.name} was not written as {tag}.")
    return document


def _list_files(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The files of tensors that the model lists; raises ValueError."""
    listed = {
        name: {"bytes": int(entry["bytes"]), "sha256": str(entry["sha256"])}
        for name, entry in dict(document["files"]).items()
        if _holds_tensors(name)
    }
    if WEIGHTS not in listed:
        raise ValueError(f"it lists no {WEIGHTS}")
    return listed


def _read_step(step: object) -> int:
    if not isinstance(step, int) or not 0 <= step < 2**62:
        raise ValueError("its step is no number of updates")
    return step


def _read_metrics(metrics: object) -> dict[str, float | None]:
    if not isinstance(metrics, dict) or not all(
        value is None or isinstance(value, int | float) for value in metrics.values()
    ):
        raise ValueError("its metrics are no numbers")
    return metrics


def _check(folder: Path, name: str, entry: dict[str, Any]) -> None:
    """Raises UploadRefused when the file is not what is listed, or not sound."""
    path = folder / name
    if not path.is_file():
        raise UploadRefused(f"{name} is listed and missing: the tar is not whole.")
    if (path.stat().st_size, durable.digest(path)) != (entry["bytes"], entry["sha256"]):
        raise UploadRefused(f"{name} differs from what was written: its size or its digest is another.")
    try:
        require_sound(path)
    except CorruptCheckpoint as error:
        raise UploadRefused(str(error).replace(f"{folder}/", "")) from error


def _brief(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error)[:200]
