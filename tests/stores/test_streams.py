"""Chunks, blocks, ranges and parts: whatever arrives, nothing is lost, doubled or taken for whole when it is short."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Denied, Transient
from customhouse.model import Location, Stat
from customhouse.stores.s3_parts import Multipart, copied, uploaded
from customhouse.stores.streams import CHUNK, StreamBody, blocks, byte_range, pieces, span

CHUNKS = st.lists(st.binary(max_size=20), max_size=6)
STAT = Stat(Location("s3://b", "k", "1"), 0, 0.0)


@given(CHUNKS)
def test_a_body_gives_what_its_stream_gives(chunks: list[bytes]) -> None:
    data = b"".join(chunks)
    assert b"".join(StreamBody(STAT, chunks, len(data))) == data


@given(CHUNKS, st.integers(-5, 5).filter(bool))
def test_a_stream_of_another_length_is_never_taken_for_the_whole(chunks: list[bytes], off: int) -> None:
    expected = sum(map(len, chunks)) + off
    with pytest.raises(Transient, match=f"ended after {expected - off} of {expected} bytes"):
        list(StreamBody(STAT, chunks, expected))


def test_an_error_in_the_middle_is_translated_and_the_connection_is_freed() -> None:
    def broken() -> Iterator[bytes]:
        yield b"first"
        raise OSError

    @contextmanager
    def translated() -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Denied("translated") from error

    closed: list[bool] = []
    seen: list[bytes] = []

    def read() -> None:
        with StreamBody(STAT, broken(), 9, translated=translated, close=lambda: closed.append(True)) as body:
            seen.extend(body)

    with pytest.raises(Denied, match="translated"):
        read()
    assert (seen, closed) == ([b"first"], [True])


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_no_chunk_is_larger_than_a_mebibyte(size: int) -> None:
    found = list(pieces(bytes(size)))
    assert sum(map(len, found)) == size
    assert max(map(len, found)) <= CHUNK


class Slow(io.RawIOBase):
    """A raw file that gives as few bytes as it likes."""

    def __init__(self, chunks: list[bytes]) -> None:
        self._left = [chunk for chunk in chunks if chunk]

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            return b""
        chunk = self._left.pop(0)
        if rest := chunk[size:]:
            self._left.insert(0, rest)
        return chunk[:size]


@given(CHUNKS, st.integers(1, 7))
def test_blocks_are_all_of_one_size_but_for_the_last(chunks: list[bytes], size: int) -> None:
    found = list(blocks(Slow(chunks), size))  # type: ignore[arg-type] # only its read is used
    assert b"".join(found) == b"".join(chunks)
    assert all(len(block) == size for block in found[:-1])
    assert all(found)


@given(st.binary(max_size=30), st.integers(0, 40), st.none() | st.integers(1, 40))
def test_a_range_promises_what_it_asks_for(data: bytes, start: int, length: int | None) -> None:
    wanted = data[start:] if length is None else data[start : start + length]
    assert span(len(data), start, length) == len(wanted)
    header = byte_range(start, length)
    if header is None:
        assert wanted == data
        return
    first, _, last = header.removeprefix("bytes=").partition("-")
    assert data[int(first) : int(last) + 1 if last else None] == wanted


@dataclass
class Service:
    """The multipart calls of S3, over bytes that are there; `refusing` names the call that fails."""

    data: bytes = b""
    refusing: str = ""
    parts: dict[int, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    made: bytes | None = None
    asked: dict[str, Any] = field(default_factory=dict)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name == self.refusing:
            raise OSError(name)

    def create_multipart_upload(self, **asked: Any) -> Mapping[str, Any]:
        self._called("create")
        self.asked = asked
        return {"UploadId": "u"}

    def upload_part(self, *, PartNumber: int, Body: bytes, **_: Any) -> Mapping[str, Any]:  # noqa: N803 -- S3's names
        self._called("part")
        self.parts[PartNumber] = Body
        return {"ETag": f"e{PartNumber}", "ChecksumCRC32": "c", "Other": "x"}

    def upload_part_copy(self, *, PartNumber: int, CopySourceRange: str, **_: Any) -> Mapping[str, Any]:  # noqa: N803 -- S3's names
        self._called("part")
        first, _, last = CopySourceRange.removeprefix("bytes=").partition("-")
        assert int(last) < len(self.data)
        self.parts[PartNumber] = self.data[int(first) : int(last) + 1]
        return {"CopyPartResult": {"ETag": f"e{PartNumber}"}}

    def complete_multipart_upload(self, *, MultipartUpload: Mapping[str, Any], **_: Any) -> dict[str, Any]:  # noqa: N803 -- S3's names
        self._called("complete")
        numbers = [part["PartNumber"] for part in MultipartUpload["Parts"]]
        assert numbers == list(range(1, len(self.parts) + 1))
        assert all(part["ETag"] == f"e{part['PartNumber']}" for part in MultipartUpload["Parts"])
        assert not any("Other" in part for part in MultipartUpload["Parts"])
        self.made = b"".join(self.parts[number] for number in numbers)
        return {"ETag": "done"}

    def abort_multipart_upload(self, *, UploadId: str, **_: Any) -> None:  # noqa: N803 -- S3's names
        assert UploadId == "u"
        self._called("abort")


def multipart(service: Service) -> Multipart:
    return Multipart(service, {"Bucket": "b", "Key": "k"}, {"IfNoneMatch": "*"})


@given(st.lists(st.binary(min_size=1, max_size=5), min_size=1, max_size=8))
def test_an_upload_in_parts_is_the_whole_in_its_order(parts: list[bytes]) -> None:
    service = Service()
    assert uploaded(multipart(service), parts[0], iter(parts[1:])) == {"ETag": "done"}
    assert (service.made, service.calls[-1]) == (b"".join(parts), "complete")


@given(st.binary(min_size=1, max_size=60), st.integers(1, 20))
def test_a_copy_in_parts_takes_every_byte_once(data: bytes, part_size: int) -> None:
    service = Service(data)
    copied(multipart(service), {"ContentType": "a/b", "ETag": "e"}, {"CopySource": "s"}, len(data), part_size)
    assert service.made == data
    assert all(len(service.parts[number]) == part_size for number in range(1, len(service.parts)))
    assert service.asked == {"Bucket": "b", "Key": "k", "ContentType": "a/b"}


def test_a_copy_has_no_more_parts_than_s3_takes() -> None:
    service = Service(bytes(30_001))
    copied(multipart(service), {}, {"CopySource": "s"}, 30_001, 1)
    assert len(service.parts) <= 10_000
    assert service.made == bytes(30_001)


@pytest.mark.parametrize("refusing", ["part", "complete"])
def test_an_upload_that_fails_leaves_no_parts_to_be_paid_for(refusing: str) -> None:
    service = Service(refusing=refusing)
    with pytest.raises(OSError, match=refusing):
        uploaded(multipart(service), b"one", iter([b"two"]))
    assert (service.calls[-1], service.made) == ("abort", None)


def test_an_upload_that_never_began_is_not_aborted() -> None:
    service = Service(refusing="create")
    with pytest.raises(OSError, match="create"):
        uploaded(multipart(service), b"one", iter([]))
    assert service.calls == ["create"]
