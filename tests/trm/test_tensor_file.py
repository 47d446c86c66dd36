"""Headers of safetensors files, as strangers could write them: a named error or tensors, and never anything else."""

import errno
import json
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trm.checkpoints import tensor_file
from trm.errors import CorruptCheckpoint, ForeignCheckpoint
from trm.interface import tensor_header
from trm.interop.files import read_tensors

pytestmark = pytest.mark.long

many = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LIKE_PATHS = [
    "../x",
    "/x",
    "a/",
    "a//b",
    "a/./b",
    "./a",
    "a/.b",
    "a\\b",
    "..",
    ".",
    ".hidden",
    "a..b",
    "",
    "a\0b",
    "a\n",
    "x" * 513,
]
NAMES = st.sampled_from([*LIKE_PATHS, "a.weight", "a/b", "C:x", "__metadata__", "ü"]) | st.text()
NUMBERS = st.integers(-(2**70), 2**70) | st.integers(0, 40)
TENSOR: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {},
    optional={
        "dtype": st.sampled_from(["F32", "BF16", "I64", "BOOL", "F8_E4M3", "X", ""]) | st.none(),
        "shape": st.lists(NUMBERS, max_size=4) | st.none() | st.text(max_size=3),
        "data_offsets": st.lists(NUMBERS, min_size=2, max_size=2) | st.lists(NUMBERS, max_size=3) | st.none(),
    },
)
HEADERS = st.dictionaries(NAMES, TENSOR | st.none() | st.integers() | st.text(max_size=5), max_size=4)


def file_of(header: bytes, data: bytes, length: int | None = None) -> bytes:
    return (len(header) if length is None else length).to_bytes(8, "little") + header + data


def check(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for read in (tensor_file.read, read_tensors):
        with suppress(CorruptCheckpoint, ForeignCheckpoint):
            assert all(".." not in name and "\\" not in name and name[0] not in "/." for name in read(path))


@many
@given(header=HEADERS, data=st.binary(max_size=64), length=st.none() | st.integers(0, 2**64 - 1))
def test_any_header(tmp_path: Path, header: dict[str, Any], data: bytes, length: int | None) -> None:
    check(tmp_path / "x", file_of(json.dumps(header).encode(), data, length))


@many
@given(content=st.binary(max_size=200))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    check(tmp_path / "x", content)
    check(tmp_path / "x", file_of(content, b""))


@many
@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_real_file_with_one_byte_changed(tmp_path: Path, place: int, value: int) -> None:
    content = bytearray(safetensors.torch.save({"a.weight": torch.ones(2, 3), "b": torch.zeros(4, dtype=torch.int64)}))
    content[place % len(content)] = value
    check(tmp_path / "x", bytes(content))


@pytest.mark.parametrize("name", LIKE_PATHS)
def test_names_like_paths_are_refused(tmp_path: Path, name: str) -> None:
    header = json.dumps({name: {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
    (tmp_path / "x").write_bytes(file_of(header, bytes(4)))
    with pytest.raises(CorruptCheckpoint, match="no model gives"):
        tensor_header.read_header(tmp_path / "x")


def test_a_header_that_claims_too_much_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(file_of(b"{}", b"", 2**63))
    with pytest.raises(CorruptCheckpoint, match="claims"):
        tensor_header.read_header(tmp_path / "x")
    (tmp_path / "x").write_bytes(file_of(b" " * (tensor_header.MOST_HEADER_BYTES + 1), b""))
    with pytest.raises(CorruptCheckpoint, match="claims"):
        tensor_header.read_header(tmp_path / "x")


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CorruptCheckpoint, match="cannot be read"):
        tensor_file.read(tmp_path / "nothing")


def test_a_real_file_is_read(tmp_path: Path) -> None:
    names = ("blocks.0.w", "carry/y", "optimizer/muon.0/blocks.0.w")  # as models and trainings have them
    safetensors.torch.save_file({n: torch.ones(2, 3) for n in names}, tmp_path / "x", metadata={"format": "pt"})
    assert {name: tensor.sum() for name, tensor in tensor_file.read(tmp_path / "x").items()} == dict.fromkeys(names, 6)


def test_a_full_disk_is_told_as_the_system_tells_it(tmp_path: Path) -> None:
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))  # the nearest to a full disk that needs no other disk
    try:
        with pytest.raises(OSError) as raised:  # noqa: PT011  its number is looked at
            tensor_file.write(tmp_path / "x", {"a": torch.ones(1000)})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, ignored)
    assert raised.value.errno == errno.EFBIG


def test_other_errors_of_the_library_stay(tmp_path: Path) -> None:
    shared = torch.ones(4)
    with pytest.raises(RuntimeError, match="share memory"):
        tensor_file.write(tmp_path / "x", {"a": shared, "b": shared})


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    tensors = {"a": torch.arange(6.0).view(2, 3).t(), "b": torch.ones(2, dtype=torch.bfloat16), "c": torch.tensor(True)}
    tensor_file.write(tmp_path / "x", tensors)
    again = tensor_file.read(tmp_path / "x")
    assert all(torch.equal(tensor, again[name]) for name, tensor in tensors.items())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
def test_numbers_that_are_not_finite_are_found_without_torch(tmp_path: Path, dtype: torch.dtype) -> None:
    for worst in (float("inf"), float("-inf"), float("nan")):
        tensors = {"a": torch.arange(6, dtype=torch.int64), "b": torch.linspace(-3, 3, 7, dtype=dtype)}
        tensor_file.write(tmp_path / "x", tensors)
        tensor_header.require_sound(tmp_path / "x")
        tensors["b"][4] = worst
        tensor_file.write(tmp_path / "x", tensors)
        with pytest.raises(CorruptCheckpoint, match=r"The tensor b in .* infinite or not a number"):
            tensor_header.require_sound(tmp_path / "x")


@many
@given(header=HEADERS, data=st.binary(max_size=64))
def test_any_header_is_judged_without_torch(tmp_path: Path, header: dict[str, Any], data: bytes) -> None:
    """What is sound is read: nothing passes that the library would refuse for its types, shapes or places."""
    (tmp_path / "x").write_bytes(file_of(json.dumps(header).encode(), data))
    with suppress(CorruptCheckpoint):
        tensor_header.require_sound(tmp_path / "x")
