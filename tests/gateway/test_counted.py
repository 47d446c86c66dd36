"""A data file is counted while it is read: whatever it is made of, no more comes out than the limits allow."""

import gzip
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.intake.uploads import CountingReader, Limits, read_upload
from services.gateway.problems.errors import BodyTooLarge, UploadRefused
from trm.errors import DatasetError

MOST = Limits(total_bytes=200, lines=10, seconds=60)
CONTENT = st.lists(st.sampled_from([b"\n", b"{}", b"1,2\n", b"0" * 50, b"\x1f", b"\x8b"]), max_size=30).map(b"".join)


def read(content: bytes, pieces: int) -> bytes:
    """Everything that comes out before the limits stop it."""
    stream, out = io.BufferedReader(CountingReader(io.BytesIO(content), MOST), pieces), b""
    while piece := stream.read(pieces):
        out += piece
    return out


@given(content=CONTENT, pieces=st.integers(1, 300), packed=st.booleans())
def test_all_of_it_or_a_refusal(content: bytes, pieces: int, packed: bool) -> None:
    fits = len(content) <= 200 and content.count(b"\n") <= 10 and content.count(b"{") <= 10
    is_packed_inside = content.startswith(b"\x1f\x8b")
    try:
        out = read(gzip.compress(content) if packed else content, pieces)
    except BodyTooLarge:
        assert not fits
    except DatasetError:
        assert is_packed_inside
    else:
        assert fits
        assert out == content


@given(layers=st.integers(2, 5))
def test_every_further_layer_is_refused(layers: int) -> None:
    content = b"question,answer\n1,2\n"
    for _ in range(layers):
        content = gzip.compress(content)
    with pytest.raises(UploadRefused, match="compressed twice"):
        read_upload(io.BytesIO(content), "file", "grid", MOST)


def test_time_is_limited_too() -> None:
    content = io.BytesIO(b"question,answer\n1,2\n" * 5)
    with pytest.raises(BodyTooLarge, match="longer"):
        read_upload(content, "file", "grid", Limits(10_000, 100, 0))


def test_members_after_each_other_are_one_layer() -> None:
    parts = [b"question,answer\n", b"12,21\n", b"21,12\n"]
    puzzles = read_upload(io.BytesIO(b"".join(map(gzip.compress, parts))), "file", "grid", MOST)
    assert len(puzzles) == 2
