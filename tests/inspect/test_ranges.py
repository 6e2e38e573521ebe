from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping, Sequence

import pytest

from customhouse.errors import Transient
from customhouse.inspect import Limits, inspect_parts
from customhouse.model import Inspection, SkipReason
from customhouse.scanners import Scanner, models
from tests.inspect.support import (
    MARKER,
    MarkerScanner,
    Part,
    Recorder,
    found,
    handmade,
    reasons,
    rules,
    tarred,
    zipped,
)

SMALL = Limits(window=1 << 16, parts=1 << 20)
HUNDRED_GIB = 100 << 30


class Sparse:
    """An object of zeros but for what is put into it; remembers what was read."""

    def __init__(self, size: int, pieces: Mapping[int, bytes]) -> None:
        self.size = size
        self._pieces = pieces
        self.fetched = 0

    def read(self, start: int, length: int) -> bytes:
        out = bytearray(max(0, min(length, self.size - start)))
        for place, data in self._pieces.items():
            begin, end = max(place, start), min(place + len(data), start + len(out))
            if begin < end:
                out[begin - start : end - start] = data[begin - place : end - place]
        self.fetched += len(out)
        return bytes(out)


def seen(
    ranges: Sparse, name: str = "a.bin", scanners: Sequence[Scanner] | None = None, limits: Limits = SMALL
) -> Inspection:
    return inspect_parts(name, ranges, [MarkerScanner()] if scanners is None else scanners, limits)


def whole(data: bytes) -> Sparse:
    return Sparse(len(data), {0: data})


def torch(size: int) -> Sparse:
    """A checkpoint as torch writes it: a small pickle, then tensors that are stored."""
    first = handmade(Part(name=b"model/data.pkl", data=MARKER))
    local = first[: first.index(b"PK\1\2")]
    name, crc = b"model/data/0", 1
    head = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 45, 0, 0, 0, 33, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20)
    head += name + struct.pack("<HHQQ", 1, 16, size, size)
    fields = (b"PK\1\2", 0x32D, 45, 0, 0, 0, 33, crc, 0xFFFFFFFF, 0xFFFFFFFF, len(name), 20, 0, 0, 0, 0, len(local))
    directory = first[len(local) : -22]
    directory += struct.pack("<4sHHHHHHLLLHHHHHLL", *fields) + name + struct.pack("<HHQQ", 1, 16, size, size)
    start = len(local) + len(head) + size
    end = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, len(directory), start)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, start + len(directory), 1)
    end += struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 2, 2, len(directory), 0xFFFFFFFF, 0)
    return Sparse(start + len(directory) + len(end), {0: local + head, start: directory + end})


def test_a_model_of_a_hundred_gigabytes_is_judged_by_its_pickle() -> None:
    ranges = torch(HUNDRED_GIB)

    inspection = seen(ranges, "model.pt")

    assert found(inspection) == ["model.pt!/model/data.pkl"]
    assert inspection.kind == "torch"
    assert [(skip.member, skip.reason) for skip in inspection.coverage.skipped] == [
        ("model.pt!/model/data/0", SkipReason.LIMIT),
        ("model.pt", SkipReason.LIMIT),
    ]
    assert rules(inspection) == {"found", "size-limit"}
    assert ranges.fetched < 1 << 20


def test_what_was_read_is_said_and_never_complete() -> None:
    inspection = seen(whole(zipped(("a.txt", b"hello"))), "a.zip")

    assert not inspection.coverage.complete
    assert "bytes were read" in inspection.coverage.skipped[-1].detail
    assert inspection.digests == {}


def test_digests_are_those_of_the_store() -> None:
    inspection = inspect_parts("a", whole(b"hello"), [], SMALL, digests={"md5": "5d41402abc4b2a76b9719d911017c592"})

    assert inspection.digests == {"md5": "5d41402abc4b2a76b9719d911017c592"}
    assert inspection.size == 5


def safetensors(*, begin: int, size: int) -> Sparse:
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [begin, begin + size]}}).encode()
    return Sparse(8 + len(header) + size, {0: len(header).to_bytes(8, "little") + header})


@pytest.mark.parametrize(("begin", "wrong"), [(0, set()), (5, {"safetensors-header"})])
def test_a_header_of_safetensors_is_judged_by_the_scanner_that_seeks(begin: int, wrong: set[str]) -> None:
    ranges = safetensors(begin=begin, size=HUNDRED_GIB)

    inspection = seen(ranges, "model.safetensors", [models.build({})], Limits())

    assert inspection.kind == "safetensors"
    assert rules(inspection) == wrong
    assert reasons(inspection) == {SkipReason.LIMIT}
    assert ranges.fetched < 10 << 20


def test_a_scanner_that_reads_more_than_is_allowed_is_a_limit() -> None:
    inspection = seen(Sparse(8 << 20, {0: b"GGUF"}), "a.gguf", [MarkerScanner("stream")], Limits(parts=6 << 20))

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert any(skip.detail.startswith("scanner marker:") for skip in inspection.coverage.skipped)


@pytest.mark.parametrize("footer", [100, 300_000])
def test_the_footer_of_a_table_is_read_whole(footer: int) -> None:
    size = 1 << 33
    tail = MARKER.ljust(footer, b"x") + footer.to_bytes(4, "little") + b"PAR1"

    inspection = seen(Sparse(size, {0: b"PAR1", size - len(tail): tail}), "a.parquet", limits=Limits())

    assert inspection.kind == "parquet"
    assert found(inspection) == ["a.parquet"]


def test_a_footer_that_says_it_is_the_whole_file_is_not_read_whole() -> None:
    ranges = Sparse(1 << 33, {0: b"PAR1", (1 << 33) - 8: b"\xff\xff\xff\x7fPAR1"})

    seen(ranges, "a.parquet", limits=Limits())

    assert ranges.fetched < 10 << 20


@pytest.mark.parametrize("place", [0, (1 << 33) - len(MARKER)])
def test_both_ends_of_anything_are_scanned(place: int) -> None:
    recorder = Recorder()

    inspection = seen(Sparse(1 << 33, {place: MARKER}), scanners=[MarkerScanner(), recorder], limits=Limits())

    assert found(inspection) == ["a.bin"]
    assert {(member.whole, member.last) for member in recorder.seen} == {(False, False), (False, True)}


def test_a_tar_is_read_from_the_front_as_far_as_is_allowed() -> None:
    data = tarred(("first", MARKER), ("big", bytes(3 << 20)), ("last", MARKER))

    inspection = seen(whole(data), "a.tar")

    assert found(inspection) == ["a.tar!/first"]
    assert reasons(inspection) == {SkipReason.LIMIT}
    assert "parts-limit" in rules(inspection)


def test_a_member_that_is_not_opened_hides_nothing_behind_it() -> None:
    big = bytes(1 << 17)
    descriptor = b"PK\7\x08" + struct.pack("<LLL", zlib.crc32(big), len(big), len(big))
    data = handmade(Part(name=b"big", data=big, flags=8, descriptor=descriptor), Part(name=b"small", data=MARKER))

    inspection = seen(whole(data), "a.zip")

    assert rules(inspection) == {"found", "size-limit"}


def test_a_zip_behind_something_large_is_said() -> None:
    tail = zipped(("x", MARKER))
    size = 1 << 33

    inspection = seen(Sparse(size, {0: b"GIF89a", size - len(tail): tail}), "a.gif", limits=Limits())

    assert SkipReason.UNSUPPORTED in reasons(inspection)


def test_an_error_of_the_store_goes_up() -> None:
    class Broken(Sparse):
        def read(self, start: int, length: int) -> bytes:
            raise Transient(f"{length} bytes at {start} cannot be read")

    with pytest.raises(Transient):
        seen(Broken(100, {}))


def test_what_is_there_twice_is_fetched_once_a_block() -> None:
    ranges = whole(zipped(*((f"{at}", b"x" * 100) for at in range(300)), method=0))

    inspection = seen(ranges, "a.zip")

    assert inspection.coverage.members == 301
    assert ranges.fetched < 8 * ranges.size
