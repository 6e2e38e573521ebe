"""Every opcode of protocols 0 to 5, one by one: the bytes it takes, and what it does to the stack."""

from __future__ import annotations

import io
import pickle
import pickletools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Skip
from customhouse.scanners import pickles
from customhouse.scanners.pickles_operations import TABLE
from customhouse.scanners.pickles_plain import SMALL, Plain
from customhouse.scanners.pickles_reader import MARGIN, Reader
from customhouse.scanners.pickles_walk import Machine, Report
from tests.scanners.support import member
from tests.scanners.test_pickles import CALL, SIGNATURE, TOKENS, facts, messages, name, plain_end, text

LONG = {width: struct.pack(form, 3) + b"abc" for width, form in ((1, "<B"), (4, "<I"), (8, "<Q"))}
LIST, MARK, OBJECT = b"]", b"(", name("collections", "OrderedDict")

STREAMS: dict[str, bytes] = {
    "INT": b"I-12\n",
    "BININT": b"J\x01\x02\x03\x04",
    "BININT1": b"K\x05",
    "BININT2": b"M\x05\x06",
    "LONG": b"L-12345678901234567890123L\n",
    "LONG1": b"\x8a\x03abc",
    "LONG4": b"\x8b" + LONG[4],
    "STRING": b"S'a \\n b'\n",
    "BINSTRING": b"T" + LONG[4],
    "SHORT_BINSTRING": b"U" + LONG[1],
    "BINBYTES": b"B" + LONG[4],
    "SHORT_BINBYTES": b"C" + LONG[1],
    "BINBYTES8": b"\x8e" + LONG[8],
    "BYTEARRAY8": b"\x96" + LONG[8],
    "NEXT_BUFFER": b"\x97",
    "READONLY_BUFFER": b"\x97\x98",
    "NONE": b"N",
    "NEWTRUE": b"\x88",
    "NEWFALSE": b"\x89",
    "UNICODE": b"Va\\u0041b\n",
    "SHORT_BINUNICODE": b"\x8c" + LONG[1],
    "BINUNICODE": b"X" + LONG[4],
    "BINUNICODE8": b"\x8d" + LONG[8],
    "FLOAT": b"F-1.5e10\n",
    "BINFLOAT": b"G" + struct.pack(">d", 1.5),
    "EMPTY_LIST": b"]",
    "APPEND": b"]K\x01a",
    "APPENDS": b"](K\x01K\x02e",
    "LIST": b"(K\x01K\x02l",
    "EMPTY_TUPLE": b")",
    "TUPLE": b"(K\x01K\x02t",
    "TUPLE1": b"N\x85",
    "TUPLE2": b"NN\x86",
    "TUPLE3": b"NNN\x87",
    "EMPTY_DICT": b"}",
    "DICT": b"(K\x01K\x02d",
    "SETITEM": b"}K\x01K\x02s",
    "SETITEMS": b"}(K\x01K\x02u",
    "EMPTY_SET": b"\x8f",
    "ADDITEMS": b"\x8f(K\x01\x90",
    "FROZENSET": b"(K\x01\x91",
    "POP": b"NN0",
    "DUP": b"N20",
    "MARK": b"(1N",
    "POP_MARK": b"N(NN1",
    "GET": b"Np0\n0g0\n",
    "BINGET": b"Nq\x000h\x00",
    "LONG_BINGET": b"Nr\0\0\0\x000j\0\0\0\0",
    "PUT": b"Np0\n",
    "BINPUT": b"Nq\x00",
    "LONG_BINPUT": b"Nr\0\0\0\0",
    "MEMOIZE": b"N\x94",
    "GLOBAL": b"ccollections\nOrderedDict\n",
    "STACK_GLOBAL": OBJECT,
    "REDUCE": OBJECT + b")R",
    "BUILD": OBJECT + b")R}b",
    "INST": b"(K\x01icollections\nOrderedDict\n",
    "OBJ": b"(" + OBJECT + b"K\x01o",
    "NEWOBJ": OBJECT + b")\x81",
    "NEWOBJ_EX": OBJECT + b")}\x92",
    "PROTO": b"\x80\x05N",
    "FRAME": b"\x95\x01" + bytes(7) + b"N",
    "PERSID": b"Pname\n",
    "BINPERSID": b"NQ",
}
"""Each leaves one value on the stack. EXT1, EXT2, EXT4 and STOP have tests of their own."""
APART = {"EXT1", "EXT2", "EXT4", "STOP"}


def walked(data: bytes) -> tuple[Report, int]:
    """What a stream does, and where it ends."""
    machine = Machine(Reader(io.BytesIO(data).read), 0, TABLE)
    report = machine.run()
    return report, machine.reader.base + machine.at


def test_every_opcode_has_a_stream_here() -> None:
    assert set(STREAMS) | APART == {opcode.name for opcode in pickletools.opcodes}
    for opcode, data in STREAMS.items():
        assert opcode in {found.name for found, _, _ in pickletools.genops(data + b".")}


@pytest.mark.parametrize("opcode", STREAMS)
def test_an_opcode_takes_its_bytes_and_leaves_its_value(opcode: str) -> None:
    data = STREAMS[opcode]
    for before, after in ((b"", b""), (b"\x80\x04", b""), (b"N0", b"0N"), (b"](", b"e"), (b"K\x07", b"\x86")):
        stream = before + data + after + b"."
        report, end = walked(stream)
        assert (report.whole, report.broken, report.problems, end) == (True, "", [], len(stream)), before
    assert walked(data + b"0N.")[0].whole
    assert walked(data + b"00N.")[0].broken


@pytest.mark.parametrize("opcode", STREAMS)
@pytest.mark.parametrize("second", ["NONE", "TUPLE2", "GLOBAL", "SHORT_BINUNICODE", "BUILD", "MEMOIZE"])
def test_two_opcodes_are_followed_as_well_as_one(opcode: str, second: str) -> None:
    stream = STREAMS[opcode] + STREAMS[second].replace(b"q\x00", b"q\x01") + b"\x86."
    report, end = walked(stream)
    assert (report.whole, end) == (True, len(stream))


@pytest.mark.parametrize("opcode", STREAMS)
def test_an_opcode_that_is_cut_is_no_whole_stream(opcode: str) -> None:
    data = STREAMS[opcode]
    for length in range(len(data)):
        report, _ = walked(data[:length])
        assert not report.whole
        assert report.broken


@pytest.mark.parametrize("opcode", STREAMS)
@pytest.mark.parametrize("file", ["model.pkl", "data"])
def test_a_call_behind_any_opcode_is_found(opcode: str, file: str) -> None:
    data = STREAMS[opcode] + b"0" + CALL
    assert "os.system" in messages(data, file)


@pytest.mark.parametrize("opcode", [b"\x82\x01", b"\x83\x01\x02", b"\x84\x01\x02\x03\x04"])
def test_an_import_by_number_is_a_finding(opcode: bytes) -> None:
    report, end = walked(opcode + b".")
    assert (report.whole, end) == (True, len(opcode) + 1)
    assert report.problems == ["imports by number from the extension registry"]


NEEDS = {
    b"0": 0,
    b"2": 1,
    b"a": 2,
    b"s": 3,
    b"b": 2,
    b"R": 2,
    b"\x81": 2,
    b"\x92": 3,
    b"\x93": 2,
    b"\x94": 1,
    b"\x85": 1,
    b"\x86": 2,
    b"\x87": 3,
    b"Q": 1,
    b"\x98": 1,
    b".": 1,
    b"q\x00": 1,
    b"p0\n": 1,
}
MARKED = (b"t", b"l", b"d", b"e", b"u", b"o", b"1", b"\x90", b"\x91", b"ios\nsystem\n")


@pytest.mark.parametrize("opcode", [opcode for opcode, needed in NEEDS.items() if needed])
def test_an_opcode_that_takes_more_than_there_is_breaks_off(opcode: bytes) -> None:
    for count in range(NEEDS[opcode]):
        report, _ = walked(b"\x80\x04" + b"N" * count + opcode + b".")
        assert report.broken


@pytest.mark.parametrize("opcode", MARKED)
def test_an_opcode_that_needs_a_mark_breaks_off_without_one(opcode: bytes) -> None:
    report, _ = walked(b"\x80\x04]N" + opcode + b".")
    assert report.broken


def test_no_opcode_is_left_unknown_and_no_other_byte_is_one() -> None:
    known = {opcode.code.encode("latin-1")[0] for opcode in pickletools.opcodes}
    unknown = TABLE[0xFF]
    inlined = {code for code in known if TABLE[code] is unknown}
    assert {code for code in range(256) if TABLE[code] is not unknown} | inlined == known
    for code in sorted(set(range(256)) - known):
        assert walked(b"\x80\x04" + bytes([code]) + b"N.")[0].broken == "has an unknown opcode"


@given(st.lists(st.sampled_from(sorted(STREAMS)), min_size=1, max_size=12), st.integers(MARGIN + 1, 2 * MARGIN))
def test_however_little_is_read_at_a_time_the_walk_is_the_same(chosen: list[str], chunk: int) -> None:
    stream = b"".join(STREAMS[opcode] + b"0" for opcode in chosen) * 200 + b"N."
    machine = Machine(Reader(io.BytesIO(stream).read, chunk), 0, TABLE, repeats=False)
    report, (whole, end) = machine.run(), walked(stream)
    assert (report.whole, report.broken, sorted(report.names)) == (whole.whole, whole.broken, sorted(whole.names))
    assert not whole.whole or machine.reader.base + machine.at == end


@pytest.mark.parametrize("opcode", ["T", "X", "B", "\x8d", "\x8e"])
@pytest.mark.parametrize("size", [0, 1, 255, 256, 1000, 70_000])
def test_plain_strings_of_every_size_are_stepped_over(opcode: str, size: int) -> None:
    width = 8 if opcode in "\x8d\x8e" else 4
    value = opcode.encode("latin-1") + size.to_bytes(width, "little") + b"c" * size
    data = b"\x80\x04(" + value * 3 + b"t."
    assert plain_end(data) == len(data)
    assert plain_end(data[:-1] + CALL) is None


@pytest.mark.parametrize(
    "opcode",
    [
        b"R",
        b"b",
        b"\x81",
        b"\x92",
        b"\x93",
        b"cos\nsystem\n",
        b"(ios\nx\n",
        b"o",
        b"P1\n",
        b"Q",
        b"\x82\x01",
        b"2",
        b"\x97",
    ],
)
@pytest.mark.parametrize("place", [0, 1, 50])
def test_what_acts_is_never_plain(opcode: bytes, place: int) -> None:
    values = [b"K\x01", b"(", b"t", b"]", b"X\x01\0\0\0a", b"M\x01\x02"] * 10
    data = b"".join([*values[:place], opcode, *values[place:]])
    assert plain_end(b"\x80\x04" + data + b".") is None


@pytest.mark.parametrize("frames", [1, 2, 10])
def test_plain_data_in_frames_is_plain_where_no_opcode_leaves_its_frame(frames: int) -> None:
    inside = b"K\x01X\x03\0\0\0abc\x86"
    frame = b"\x95" + struct.pack("<Q", len(inside)) + inside
    assert plain_end(b"\x80\x04" + frame * frames + b".") == 2 + len(frame) * frames + 1
    for size in (len(inside) - 1, len(inside) + 1, 3):
        odd = b"\x95" + struct.pack("<Q", size) + inside
        stream = b"\x80\x04" + frame * frames + odd + b"\x95\x01" + bytes(7) + b"."
        assert plain_end(stream) is None or not walked(stream)[0].problems


def test_plain_data_that_is_longer_than_is_followed_is_told_by_nobody() -> None:
    data = b"\x80\x04" + b"N0" * SMALL + b"N."
    assert Plain(Reader(io.BytesIO(data).read), len(data) * 2).end() is not None
    assert Plain(Reader(io.BytesIO(data).read), len(data) // 2).end() is None


@given(st.lists(st.sampled_from(TOKENS), max_size=30).map(b"".join))
def test_what_is_plain_imports_and_calls_nothing_and_ends_where_the_walk_ends(soup: bytes) -> None:
    data = soup + b"N."
    end = plain_end(data)
    if end is not None:
        report, stop = walked(data)
        assert (report.names, report.calls) == ({}, 0)
        assert not report.whole or stop == end


@pytest.mark.parametrize(
    "written",
    [
        b"Vos\nVsystem\n\x93",
        b"V\\u006fs\nVsystem\n\x93",
        b"S'os'\nS'system'\n\x93",
        b'S"os"\nS"system"\n\x93',
        b"S'\\x6fs'\nS'\\163ystem'\n\x93",
        b"U\x02osU\x06system\x93",
        b"T\x02\0\0\0osT\x06\0\0\0system\x93",
        b"X\x02\0\0\0osX\x06\0\0\0system\x93",
        b"\x8d\x02" + bytes(7) + b"os\x8d\x06" + bytes(7) + b"system\x93",
        b"\x8c\x02os\x8c\x06system\x93",
        b"cos\nsystem\n",
    ],
)
@pytest.mark.parametrize("before", [b"", b"]\x940", b"\x80\x03"])
def test_a_name_in_an_hdf5_file_is_found_however_it_is_written(written: bytes, before: bytes) -> None:
    """PyTables loads every attribute that ends in a full stop."""
    data = SIGNATURE + bytes(200) + before + written + b"(S'id'\ntR." + bytes(100)
    assert "system" in messages(data, "weights.h5")


def test_texts_of_an_hdf5_file_that_begin_like_names_use_up_no_patience() -> None:
    texts = b"".join(b"Version\nSomething\nU\x05value\x8c\x03abcX\x04\0\0\0name%d\n" % number for number in range(3000))
    assert facts(SIGNATURE + texts, "weights.h5") == []
    loud = b"".join(b"\x8c\x50 this is a sentence and no name at all %d " % number for number in range(20_000))
    assert list(pickles.build({"operations": 20_000}).scan(member(SIGNATURE + loud, "w.h5"))) == []


@pytest.mark.parametrize("operations", [100, 1000, 5000])
def test_how_many_opcodes_are_followed_is_the_users(operations: int) -> None:
    scanner = pickles.build({"operations": operations})
    stream = b"\x80\x04" + name("collections", "OrderedDict") + b"0"
    fits, more = (stream + b"\x88\x890" * count + b"0" * count + b"N." for count in (operations // 8, operations))
    assert list(scanner.scan(member(fits, "a.pkl"))) == []
    assert [type(fact) for fact in scanner.scan(member(more, "a.pkl"))] == [Skip]


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_streams_in_a_row_are_each_judged(count: int) -> None:
    good = pickle.dumps({"a": [1, 2]}, 4)
    for place in range(count):
        streams = [good] * count
        streams[place] = b"\x80\x04" + name("acme", f"Net{place}") + b")R."
        assert messages(b"".join(streams)) == f"pickle imports acme.Net{place}"
    assert facts(good * count) == []


@pytest.mark.parametrize("between", [b"\0", b"\n", b"\xff\xff"])
def test_what_is_no_opcode_ends_a_row_of_streams(between: bytes) -> None:
    """Who goes on there has an offset of his own; a prefix is looked behind where a name says model."""
    data = pickle.dumps([1], 4) + between + pickle.dumps([2], 4)
    assert facts(data) == []
    assert "os.system" in messages(pickle.dumps([1], 4) + between + b"\x80\x04" + CALL)


def test_findings_say_which_member_and_which_rule() -> None:
    [found] = facts(b"\x80\x04" + name("acme", "Net") + b".")
    assert isinstance(found, Finding)
    assert (found.scanner, found.rule, found.member) == ("pickles", "pickle-name-not-allowed", "artifact!/model.pkl")
    [called] = facts(b"\x80\x04" + text("os") + text("system") + b"\x93.")
    assert isinstance(called, Finding)
    assert (called.rule, called.message) == ("pickle-runs-code", "pickle imports os.system")
