"""Pickles that are small and take all time or memory, and where one may be in a member."""

from __future__ import annotations

import io
import os
import pickle
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Skip, SkipReason
from customhouse.scanners import Member, pickles
from customhouse.scanners.pickles_operations import TABLE
from customhouse.scanners.pickles_places import may_hold, places
from customhouse.scanners.pickles_reader import CHUNK, Broken, Reader, inflated
from customhouse.scanners.pickles_walk import NAMES, Machine
from tests.scanners.support import member
from tests.scanners.test_pickles import CALL, DATA, Runs, facts, messages, name, numpy_file, text
from tests.scanners.test_pickles_joblib import array, dtype, tuple_of

EVIL = pickle.dumps(Runs(os.system, "id"), 4)


def reasons(data: bytes, file: str = "model.pkl") -> list[SkipReason]:
    return [fact.reason for fact in facts(data, file) if isinstance(fact, Skip)]


def names(count: int, first: int = 0) -> bytes:
    return b"".join(b"cacme\nN%d\n0" % number for number in range(first, first + count))


@pytest.mark.parametrize("count", [1, 1000])
def test_every_name_is_told_up_to_a_thousand(count: int) -> None:
    found = facts(b"\x80\x04" + names(count) + b"N.")
    assert [type(fact) for fact in found] == [Finding] * count


@pytest.mark.parametrize("streams", [1, 3])
def test_a_flood_of_names_is_a_skip_beside_the_first_of_them(streams: int) -> None:
    """In one stream, or in several of one member."""
    data = b"".join(b"\x80\x04" + names(500 + 600 // streams, 2000 * at) + b"N." for at in range(streams))
    found = facts(data)
    assert [type(fact) for fact in found] == [Finding] * 1000 + [Skip]
    assert reasons(data) == [SkipReason.LIMIT]


def test_a_stream_of_more_names_than_are_told_apart_is_followed_no_further() -> None:
    data = b"\x80\x04" + names(NAMES) + b"N."
    report = Machine(Reader(io.BytesIO(data).read), 0, TABLE).run()
    assert (report.whole, len(report.names)) == (True, NAMES)
    more = Machine(Reader(io.BytesIO(b"\x80\x04" + names(NAMES + 1) + b"N.").read), 0, TABLE).run()
    assert (more.whole, more.limited, len(more.names)) == (False, True, NAMES)
    assert Machine(Reader(io.BytesIO(b"\x80\x04" + names(3) * NAMES + b"N.").read), 0, TABLE).run().whole


@pytest.mark.parametrize("extent", [1, 2**31 - 1])
@pytest.mark.parametrize("dimensions", [65, 200_000])
def test_an_array_of_more_dimensions_than_there_are_is_a_skip(extent: int, dimensions: int) -> None:
    """Multiplying them would take for ever."""
    data = array(dtype("f8"), tuple_of(*[extent] * dimensions)) + bytes(8) + b"."
    assert [fact.detail for fact in facts(data) if isinstance(fact, Skip)] == [
        "pickle has an array of more dimensions than NumPy knows"
    ]


def test_an_array_of_as_many_dimensions_as_there_may_be_is_read() -> None:
    assert facts(array(dtype("f8"), tuple_of(*[1] * 64)) + bytes(8) + b".") == []
    assert facts(array(dtype("f8"), b")") + bytes(8) + b".") == []


def test_an_array_that_is_longer_than_the_file_is_a_skip_at_once() -> None:
    for extents in ((2**31 - 1,), (2**31 - 1,) * 60):
        assert reasons(array(dtype("f8"), tuple_of(*extents)) + bytes(100) + b".") == [SkipReason.CORRUPT]


@pytest.mark.parametrize(
    "header", [b"(" * 60_000, b"-" * 60_000, b"[" * 300 + b"]" * 300, b"{'descr': " * 5000, b"9" * 60_000]
)
def test_headers_that_take_long_to_parse_are_few(header: bytes) -> None:
    one = b"\x93NUMPY\x01\0" + struct.pack("<H", len(header)) + header
    assert reasons(one * 4000, "a.npy") == [SkipReason.LIMIT]


def test_many_arrays_in_a_file_are_read() -> None:
    plain = numpy_file("'<f8'", bytes(8))
    assert facts(plain * 5000, "a.npy") == []
    assert "posix.system" in messages(plain * 5000 + numpy_file("'|O'", EVIL), "a.npy")


@pytest.mark.parametrize("block", [512, 1024, 8192, 1 << 15, 1 << 20])
def test_a_block_of_the_users_before_an_hdf5_file_hides_no_pickle(block: int) -> None:
    data = bytes(block) + b"\x89HDF\r\n\x1a\n" + bytes(100) + EVIL + bytes(100)
    for file in ("weights.h5", "data", "notes.txt"):
        assert "posix.system" in messages(data, file)


def test_a_pickle_that_is_an_hdf5_file_too_is_judged_as_both() -> None:
    padding = b"B" + struct.pack("<I", 600) + bytes(512 - 7) + b"\x89HDF\r\n\x1a\n" + bytes(87) + b"0"
    data = b"\x80\x04" + padding + CALL
    assert data[512:516] == b"\x89HDF"
    assert "os.system" in messages(data, "data")


@pytest.mark.parametrize("head", [b"PK\n0", b"PKx\n0", b"P\n0", b"Pid\n0"])
def test_what_begins_like_a_zip_is_a_pickle_where_it_is_none(head: bytes) -> None:
    """A persistent name may begin so; whoever loads that says what it means."""
    assert "os.system" in messages(head + CALL, "data")


def test_a_zip_is_no_pickle() -> None:
    assert facts(b"PK\x03\x04" + CALL, "data") == []


@pytest.mark.parametrize("before", [1, 64, 500, 4000])
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_pickle_behind_a_prefix_is_found_where_a_name_says_model(before: int, protocol: int) -> None:
    data = b"\0" * before + pickle.dumps(Runs(os.system, "id"), protocol)
    for file in ("model.bin", "model.pkl", "a/b/model.PT", "x.ckpt", "x.sav"):
        assert "posix.system" in messages(data, file)
    assert facts(data, "picture.png") == []


@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("head", [b"", b"ZF" + b"0x1f".ljust(19), b"ZF" + b"0xffffffff".ljust(19)])
def test_a_compressed_pickle_is_one_at_every_level(level: int, head: bytes) -> None:
    for file in ("model.pkl", "data"):
        assert "posix.system" in messages(head + zlib.compress(EVIL, level), file)
        assert facts(head + zlib.compress(pickle.dumps(DATA), level), file) == []


@pytest.mark.parametrize("cut", [10, 20])
def test_a_compressed_pickle_that_is_cut_hides_no_call(cut: int) -> None:
    packed = zlib.compress(EVIL + os.urandom(1000))
    assert "posix.system" in messages(packed[:-cut], "model.pkl")


def read(data: bytes, chunk: int, *, skip: bool = False) -> Reader:
    file = io.BytesIO(data)
    return Reader(file.read, chunk, (lambda count: len(data) >= file.seek(count, io.SEEK_CUR)) if skip else None)


@given(st.binary(max_size=300), st.integers(1, 64), st.data())
def test_a_reader_gives_every_byte_in_its_place(data: bytes, chunk: int, draw: st.DataObject) -> None:
    """Whatever is skipped, and however little is in memory."""
    for skip in (True, False):
        reader, at = read(data, chunk, skip=skip), 0
        while at < len(data):
            step = draw.draw(st.integers(1, max(1, len(data) - at)))
            at += step
            index = reader.advance(at - reader.base)
            assert reader.base + index == at
            assert data[at:].startswith(reader.data[index : index + 1])


@given(
    st.lists(st.binary(max_size=40).map(lambda line: line.replace(b"\n", b"")), min_size=1, max_size=8),
    st.integers(1, 30),
)
def test_a_reader_gives_lines_as_they_are(lines: list[bytes], chunk: int) -> None:
    reader, at = read(b"\n".join(lines), chunk), 0
    for line in lines:
        found, at = reader.line(at)
        assert found == line


@pytest.mark.parametrize("skip", [True, False])
def test_a_reader_stops_where_there_is_nothing(*, skip: bool) -> None:
    with pytest.raises(Broken, match="breaks off"):
        read(b"x" * 100, 10, skip=skip).advance(101)
    assert read(b"x" * 100, 10, skip=skip).advance(100) == 0


def test_a_line_without_end_is_no_reason_to_read_everything() -> None:
    endless = iter(lambda: b"x" * CHUNK, b"")
    with pytest.raises(Broken, match="endless line"):
        Reader(lambda _size: next(endless)).line(0)


@given(st.binary(max_size=5000), st.integers(0, 9))
def test_what_is_inflated_is_what_was_compressed(data: bytes, level: int) -> None:
    more = inflated(io.BytesIO(zlib.compress(data, level) + b"behind"), 1 << 20)
    assert b"".join(iter(lambda: more(1), b"")) == data


def test_what_inflates_beyond_its_bound_or_not_at_all_is_broken() -> None:
    for packed, most in (
        (zlib.compress(bytes(1 << 20)), 1 << 19),
        (b"x\x9cgarbage", 1 << 20),
        (b"x\x9c\xff\xff\xff", 1),
    ):
        more = inflated(io.BytesIO(packed), most)
        with pytest.raises(Broken, match="inflate"):
            list(iter(lambda: more(1), b""))  # noqa: B023 -- used up at once


@pytest.mark.parametrize(
    ("data", "file", "kind", "held"),
    [
        (b"\x80\x04N.", "data", "unknown", True),
        (b"(lp0\n.", "data", "unknown", True),
        (b"x\x9c\0", "data", "unknown", True),
        (b"x\x01\0", "data", "unknown", True),
        (b"ZF0x10", "data", "unknown", True),
        (b"\x93NUMPY\x01\0", "data", "unknown", True),
        (b"\x89HDF\r\n\x1a\n", "data", "unknown", True),
        (b"\0\0", "model.pkl", "unknown", True),
        (b"\0\0", "MODEL.JOBLIB", "unknown", True),
        (b"\0\0", "data", "pickle", True),
        (b"\x7fELF", "program", "elf", False),
        (b"", "data", "unknown", False),
        (b"{}", "a.json", "json", False),
        (b"x", "data", "unknown", False),
        (b"xy", "data", "unknown", False),
    ],
)
def test_only_what_may_hold_a_pickle_is_looked_at(data: bytes, file: str, kind: str, *, held: bool) -> None:
    one = member(data, file, kind)
    assert may_hold(one) is held
    assert pickles.build({}).wants(one) is held


@given(
    st.binary(max_size=400),
    st.sampled_from(["a.npy", "a.h5", "model.pkl", "data"]),
    st.sampled_from([b"", b"x\x9c", b"ZF0x", b"\0"]),
)
def test_places_are_in_the_member_and_in_order(data: bytes, file: str, head: bytes) -> None:
    one = member(head + data, file)
    starts = [place.start for place in places(one) if place.start is not None]
    assert starts == sorted(starts)
    assert all(0 <= start <= len(one.data) for start in starts)


def test_a_member_that_comes_as_a_stream_is_told_like_a_whole_one() -> None:
    filler = pickle.dumps([f"text {number}" for number in range(150_000)], 4)
    for data in (filler + EVIL, filler + filler, b"\x80\x04" + name("acme", "Net") + b"0" + filler[2:], EVIL + filler):
        whole = facts(data)
        one = Member(
            "artifact!/model.pkl", "model.pkl", "unknown", len(data), data[:100], last=False, stream=io.BytesIO(data)
        )
        assert list(pickles.build({}).scan(one)) == whole


def test_a_text_that_is_long_is_no_name() -> None:
    """What a name is made of has to be known; what is as long is computed, and a finding as such."""
    long = "a" * 200
    data = b"\x80\x04X" + struct.pack("<I", len(long)) + long.encode() + text("b") + b"\x93."
    assert "computes" in messages(data)
