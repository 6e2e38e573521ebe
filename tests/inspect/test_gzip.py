"""What headers of gzip hold that nobody unpacks, in each of several members in a row."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspect.support import MARKER, Recorder, clean, deflated, found, look, rules

EXTRA, NAME, COMMENT = 4, 8, 16
FIELD = b"XX" + struct.pack("<H", len(MARKER)) + MARKER


def member(data: bytes, extra: bytes = b"", name: bytes = b"", comment: bytes = b"") -> bytes:
    flags = EXTRA * bool(extra) | NAME * bool(name) | COMMENT * bool(comment)
    head = b"\x1f\x8b\x08" + bytes([flags]) + bytes(6)
    if extra:
        head += struct.pack("<H", len(extra)) + extra
    head += b"".join(text + b"\0" for text in (name, comment) if text)
    return head + deflated(data) + struct.pack("<LL", zlib.crc32(data), len(data))


HOLDING = {
    "a comment": member(b"b", comment=MARKER),
    "a long comment": member(b"b", comment=b"x" * 5000 + MARKER),
    "an extra field": member(b"b", extra=FIELD),
    "a name longer than names are": member(b"b", name=b"n" * 300 + MARKER),
    "all of them": member(b"b", b"YY\1\0x", b"name", MARKER),
}


@pytest.mark.parametrize("holding", HOLDING)
@pytest.mark.parametrize("before", [0, 1, 2])
def test_what_the_header_of_any_member_holds_is_looked_at(holding: str, before: int) -> None:
    inspection = look(member(b"a") * before + HOLDING[holding] + member(b"c"), "a.gz")

    assert found(inspection) == [f"a.gz!/gzip-header{'s' if before else ''}"]
    assert inspection.coverage.complete


@pytest.mark.parametrize(
    "ordinary",
    [
        member(b"a", name=b"a.txt") + member(b"b", name=b"b.txt"),
        member(b"a", extra=b"BC\2\0\x1b\0") * 3,
        member(b"a") * 3,
        member(b"") + member(b"a"),
    ],
)
def test_names_and_sizes_of_blocks_are_ordinary(ordinary: bytes) -> None:
    recorder = Recorder()
    inspection = look(ordinary, "a.gz", scanners=[recorder])

    assert clean(inspection)
    assert [one.name for one in recorder.seen] == ["a"]


def test_the_header_of_a_later_member_that_readers_take_differently_is_a_finding() -> None:
    reserved = bytearray(member(b"b"))
    reserved[3] = 0x80

    assert rules(look(member(b"a") + bytes(reserved), "a.gz")) == {"header-mismatch"}
    assert "path-traversal" in rules(look(member(b"a") + member(b"b", name=b"../b"), "a.gz"))


@pytest.mark.parametrize("end", [12, 20, -12])
def test_a_header_that_breaks_off_is_never_clean(end: int) -> None:
    assert not clean(look(member(b"a") + member(b"b", comment=b"c" * 20)[:end], "a.gz"))


def test_headers_that_hold_more_than_is_looked_at_are_never_clean() -> None:
    assert not clean(look(member(b"b", comment=b"c" * 100_000) * 50, "a.gz"))


@given(st.lists(st.tuples(st.binary(max_size=50), st.binary(max_size=20), st.binary(max_size=20)), min_size=1))
def test_any_headers_leave_the_data_as_it_is(members: list[tuple[bytes, bytes, bytes]]) -> None:
    parts = [
        (data, name.replace(b"\0", b"").replace(b".", b""), comment.replace(b"\0", b""))
        for data, name, comment in members
    ]
    recorder = Recorder()

    inspection = look(
        b"".join(member(data, b"", name, comment) for data, name, comment in parts), "x.gz", scanners=[recorder]
    )

    assert inspection.coverage.bytes >= sum(len(data) for data, _, _ in parts)
    assert "path-traversal" not in rules(inspection)
