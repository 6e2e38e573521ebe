"""7z headers, part by part: none is believed, none makes us clean about what was not seen."""

from __future__ import annotations

import lzma
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.inspect import Limits
from customhouse.inspect.formats.entry import Corrupt
from customhouse.inspect.formats.sevenzip_header import Bytes
from customhouse.model import SkipReason
from tests.inspect.sevens import (
    COPY,
    archive,
    attributes,
    chain,
    coder,
    files,
    header,
    names,
    number,
    pack,
    stored,
    unpack,
)
from tests.inspect.support import MARKER, clean, found, look, reasons, rules

SIZE = len(MARKER)
ONE = pack(SIZE) + unpack([COPY], [SIZE])
NAMED = files(1, names("a"))
CRC = b"\x0a\x01" + struct.pack("<L", zlib.crc32(MARKER))


def marked(streams: bytes = ONE, members: bytes = NAMED, packed: bytes = MARKER) -> bytes:
    return archive(packed, header(streams, members))


def test_what_we_build_is_ordinary() -> None:
    inspection = look(stored(("a", b"first"), ("folder/b", MARKER)), "a.7z")

    assert found(inspection) == ["a.7z!/folder/b"]
    assert rules(inspection) == {"found"}
    assert (inspection.coverage.members, inspection.coverage.complete) == (3, True)


@pytest.mark.parametrize("data", [archive(b"", b""), archive(b"", b"\1\0"), archive(b"", header(b"", files(0)))])
def test_an_archive_without_members_is_ordinary(data: bytes) -> None:
    assert clean(look(data, "a.7z"))


@pytest.mark.parametrize(
    "streams",
    [
        pack(SIZE, more=CRC) + unpack([COPY], [SIZE]),
        pack(SIZE) + unpack([COPY], [SIZE], CRC),
        ONE + b"\x08" + CRC + b"\0",
        ONE + b"\x08\x0d\x01" + CRC + b"\0",
        ONE + b"\x08\0",
        pack(SIZE) + unpack([chain(coder(b"\x03", b"\x00"), coder(b"\x00"))], [SIZE, SIZE]),
    ],
    ids=["packed-crc", "folder-crc", "stream-crc", "counted", "no-crc", "two-coders"],
)
def test_checksums_and_counts_may_stand_wherever_the_format_has_them(streams: bytes) -> None:
    inspection = look(marked(streams), "a.7z")

    assert reasons(inspection) == set()
    assert bool(found(inspection)) != (b"\x03\x01" in streams)


@pytest.mark.parametrize("more", [b"\x0a\x01" + bytes(4), b"\x0a\x00\x80" + bytes(4)])
def test_another_checksum_than_stated_is_a_finding_wherever_it_stands(more: bytes) -> None:
    in_folder = pack(SIZE) + unpack([COPY], [SIZE], more)
    in_streams = ONE + b"\x08" + more + b"\0"

    for streams in (in_folder, in_streams):
        assert rules(look(marked(streams), "a.7z")) == {"found", "bad-checksum"}


def test_streams_of_one_folder_are_cut_as_the_header_says() -> None:
    streams = pack(SIZE + 3) + unpack([COPY], [SIZE + 3]) + b"\x08\x0d\x03\x09\x02" + number(SIZE) + b"\0"
    data = marked(streams, files(3, names("a", "b", "c")), b"xy" + MARKER + b"z")

    inspection = look(data, "a.7z")

    assert found(inspection) == ["a.7z!/b"]
    assert inspection.coverage.complete
    assert inspection.coverage.bytes == SIZE + 3


def test_packed_bytes_of_no_member_are_hidden_data() -> None:
    streams = pack(SIZE) + unpack([COPY], [SIZE]) + b"\x08\x0d\x00\x09\0"

    assert rules(look(marked(streams, files(0)), "a.7z")) == {"hidden-data"}


@pytest.mark.parametrize("size", [0, 1, SIZE - 1])
def test_packed_bytes_behind_those_that_are_unpacked_are_hidden_data(size: int) -> None:
    inspection = look(marked(pack(SIZE) + unpack([COPY], [size])), "a.7z")

    assert rules(inspection) == {"hidden-data"}


def test_bytes_behind_the_end_of_a_compressed_stream_are_hidden_data_where_they_are_many() -> None:
    assert rules(look(coded(b"\x21", b"\x10", LZMA2 + MARKER * 100), "a.7z")) == {"found", "hidden-data"}


BROKEN = {
    "another checksum": archive(MARKER, header(ONE, NAMED), crc=1),
    "beyond the end": archive(MARKER, header(ONE, NAMED), size=999),
    "kind": archive(MARKER, b"\x05\0"),
    "unknown part": archive(MARKER, b"\x01\x44\0"),
    "streams": marked(b"\x44"),
    "pack": marked(b"\x06\0\x01\x44" + b"\0"),
    "no folders": marked(pack(SIZE) + b"\x07\x44"),
    "folders elsewhere": marked(pack(SIZE) + b"\x07\x0b\x01\x01"),
    "no sizes": marked(pack(SIZE) + b"\x07\x0b\x01\0" + COPY + b"\x44"),
    "behind sizes": marked(pack(SIZE) + b"\x07\x0b\x01\0" + COPY + b"\x0c" + number(SIZE) + b"\x44"),
    "no coders": marked(pack(SIZE) + unpack([b"\0"], [])),
    "too many coders": marked(pack(SIZE) + unpack([b"\x21" + b"\x01\0" * 33], [])),
    "parts": marked(ONE + b"\x08\x44\0"),
    "sizes of parts": marked(ONE + b"\x08\x0d\x02\x09\x7f\0"),
    "sizes of parts untold": marked(ONE + b"\x08\x0d\x02\0"),
    "parts beyond counting": marked(ONE + b"\x08\x0d" + number(1 << 20) + b"\0"),
    "names elsewhere": marked(ONE, files(1, b"\x11\x05\x01a\0\0\0")),
    "fewer names": marked(ONE, files(1, b"\x11\x01\0")),
    "more names": marked(ONE, files(1, names("a", "b"))),
    "open name": marked(ONE, files(1, b"\x11\x03\0a\0")),
    "attributes elsewhere": marked(ONE, files(1, names("a"), b"\x15\x02\x01\x01")),
    "short attributes": marked(ONE, files(1, names("a"), b"\x15\x03\x01\0\0")),
    "short bits": marked(ONE, files(9, b"\x0e\x01\xff")),
    "property beyond the end": marked(ONE, b"\x05\x01\x11\x7f"),
    "many files": marked(ONE, b"\x05" + number(1 << 30)),
    "many streams": marked(b"\x06\0" + number(1 << 30)),
    "many folders": marked(b"\x07\x0b" + number(1 << 30)),
    "breaks off": archive(MARKER, header(ONE, NAMED)[:-3]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_header_that_is_malformed_is_corrupt(case: str) -> None:
    inspection = look(BROKEN[case], "a.7z")

    assert reasons(inspection) == {SkipReason.CORRUPT}
    assert rules(inspection) <= {"lying-size", "name-mismatch"}
    assert not inspection.coverage.complete


def packed_header(times: int, inner: bytes) -> bytes:
    """A header that is packed so many times, by a coder that changes nothing; streams lie one after the other."""
    stream, packed = inner, MARKER
    for _ in range(times):
        place = len(packed)
        packed += stream
        stream = b"\x17" + pack(len(stream), start=place) + unpack([COPY], [len(stream)]) + b"\0"
    return archive(packed, stream)


@pytest.mark.parametrize(("times", "opened"), [(1, True), (2, True), (3, False), (9, False)])
def test_a_header_may_be_packed_twice_as_no_writer_does_more(times: int, *, opened: bool) -> None:
    inspection = look(packed_header(times, header(ONE, NAMED)), "a.7z")

    assert bool(found(inspection)) == opened
    assert inspection.coverage.complete == opened


def test_a_packed_header_larger_than_allowed_is_a_limit() -> None:
    stream = b"\x17" + pack(3) + unpack([COPY], [5000]) + b"\0"

    assert reasons(look(archive(b"abc", stream), "a.7z", limits=Limits(directory=4999))) == {SkipReason.LIMIT}
    assert reasons(look(archive(b"abc", stream), "a.7z", limits=Limits(directory=5000))) == {SkipReason.CORRUPT}


@pytest.mark.parametrize(("most", "fits"), [(len(header(ONE, NAMED)), True), (len(header(ONE, NAMED)) - 1, False)])
def test_a_header_may_be_as_large_as_the_limit(most: int, *, fits: bool) -> None:
    inspection = look(marked(), "a.7z", limits=Limits(directory=most))

    assert bool(found(inspection)) == fits
    assert reasons(inspection) == (set() if fits else {SkipReason.LIMIT})


@pytest.mark.parametrize(
    "streams", [pack(SIZE, 1) + unpack([COPY], [SIZE]), pack(SIZE) + unpack([COPY] * 2, [SIZE] * 2)]
)
def test_a_packed_header_of_several_streams_is_corrupt(streams: bytes) -> None:
    data = archive(MARKER, b"\x17" + streams + b"\0")

    assert reasons(look(data, "a.7z")) == {SkipReason.CORRUPT}


LZMA1 = lzma.compress(MARKER, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA1, "preset": 0}])
LZMA2 = lzma.compress(MARKER, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "preset": 0}])


def coded(method: bytes, properties: bytes, packed: bytes, size: int = SIZE) -> bytes:
    return marked(pack(len(packed)) + unpack([chain(coder(method, properties))], [size]), packed=packed)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (coded(b"\x03\x01\x01", b"\x5d\0\0\4\0", LZMA1), None),
        (coded(b"\x21", b"\x10", LZMA2), None),
        (coded(b"\x21", b"\x28", LZMA2), None),
        (coded(b"\x21", b"\x29", LZMA2), SkipReason.CORRUPT),
        (coded(b"\x21", b"", LZMA2), SkipReason.CORRUPT),
        (coded(b"\x03\x01\x01", b"\x5d\0\0\4", LZMA1), SkipReason.CORRUPT),
        (coded(b"\x03\x01\x01", b"\xe1\0\0\4\0", LZMA1), SkipReason.CORRUPT),
        (coded(b"\x03\x01\x01", b"\x5d\0\0\4\0", LZMA1[:9]), SkipReason.CORRUPT),
        (coded(b"\x21", b"\x10", LZMA2[:9]), SkipReason.CORRUPT),
        (coded(b"\x21", b"\x10", b"\x77" * 30), SkipReason.CORRUPT),
        (coded(b"\x04\x01\x08", b"", b"\xff" * 30), SkipReason.CORRUPT),
        (coded(b"\x04\x02\x02", b"", b"\xff" * 30), SkipReason.CORRUPT),
        (coded(b"\x77", b"", MARKER), SkipReason.UNSUPPORTED),
        (coded(b"\x06\xf1\x07\x01", b"\x13\0", MARKER), SkipReason.ENCRYPTED),
    ],
)
def test_a_coder_is_undone_or_said(data: bytes, reason: SkipReason | None) -> None:
    inspection = look(data, "a.7z")

    assert reasons(inspection) == ({reason} if reason else set())
    assert bool(found(inspection)) == (reason is None) or reason is SkipReason.CORRUPT


@pytest.mark.parametrize(("most", "fits"), [(5000, True), (4999, False)])
def test_a_dictionary_counts_no_further_than_the_bytes_that_come_out(most: int, *, fits: bool) -> None:
    packed = lzma.compress(b"x" * 5000, lzma.FORMAT_RAW, filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 1 << 20}])
    data = coded(b"\x21", b"\x28", packed, 5000)

    inspection = look(data, "a.7z", limits=Limits(dictionary=most))

    assert reasons(inspection) == (set() if fits else {SkipReason.LIMIT})


@pytest.mark.parametrize("name", ["ARM", "ARMT", "PPC", "SPARC"])
def test_code_of_other_processors_without_jumps_comes_out_as_it_was(name: str) -> None:
    method = {"ARM": b"\5\1", "ARMT": b"\7\1", "PPC": b"\2\5", "SPARC": b"\x08\5"}[name]
    data = marked(pack(SIZE) + unpack([chain(coder(b"\x03\x03" + method), coder(b"\0"))], [SIZE, SIZE]))

    assert found(look(data, "a.7z")) == ["a.7z!/a"]


@pytest.mark.parametrize("distance", [1, 2, 4, 256])
def test_differences_are_added_up(distance: int) -> None:
    data = bytes((MARKER[at] - (MARKER[at - distance] if at >= distance else 0)) & 0xFF for at in range(SIZE))

    assert found(look(coded(b"\x03", bytes([distance - 1]), data), "a.7z"))


BCJ2 = b"\x04\x14\x03\x03\x01\x1b\x04\x01\x01\0\x01\0\x01\0" + b"\0\1\1\2\2\3" + b"\3\4\5\6"


@pytest.mark.parametrize(
    "folder",
    [BCJ2, b"\x01\x11\0\x02\x01" + b"\0\1", b"\x02\x01\0\x01\0\x05\x01"],
    ids=["bcj2", "two-inputs", "nowhere"],
)
def test_coders_that_are_no_chain_are_not_undone_and_said(folder: bytes) -> None:
    outputs = 4 if folder is BCJ2 else 1 if folder[0] == 1 else 2
    packed = {1: 2, 2: 1, 4: 4}[folder[0]]
    streams = pack(*[SIZE] * packed) + unpack([folder], [SIZE] * outputs)

    inspection = look(marked(streams, packed=MARKER * packed), "a.7z")

    assert inspection.coverage.skipped
    assert not inspection.coverage.complete


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (marked(pack(SIZE) + unpack([COPY] * 2, [SIZE] * 2), files(2, names("a", "b"))), "lying-size"),
        (marked(ONE, files(2, names("a", "b"))), "lying-size"),
        (marked(pack(SIZE + 999) + unpack([COPY], [SIZE + 999])), "lying-size"),
        (marked(pack(SIZE) + unpack([COPY], [SIZE + 5])), "lying-size"),
        (marked(ONE, files(0)), "hidden-member"),
        (marked(members=files(1, names("../a"))), "path-traversal"),
        (marked(members=files(1, names(""))), "empty-name"),
        (marked(members=files(1, names("a\ud800"))), "bad-utf8"),
        (marked(members=files(1, names("a"), attributes(0o020644 << 16 | 0x8000))), "device-node"),
        (marked(members=files(1, names("a"), attributes(0o104755 << 16 | 0x8000))), "setuid"),
        (
            marked(packed=b"/etc/passwd".ljust(SIZE), members=files(1, names("a"), attributes(0xA1FF8000))),
            "link-escape",
        ),
        (archive(MARKER, header(ONE, NAMED), behind=b"more"), "trailing-data"),
        (archive(b"hidden" + MARKER, header(pack(SIZE, start=6) + unpack([COPY], [SIZE]), NAMED)), "hidden-data"),
        (archive(MARKER[:5], header(ONE, NAMED)), "overlap"),
        (stored(("a", b"1"), ("a", b"2")), "duplicate-name"),
    ],
)
def test_what_readers_could_disagree_about_is_a_finding(data: bytes, rule: str) -> None:
    inspection = look(data, "a.7z")

    assert rule in rules(inspection)
    assert not clean(inspection)


def test_bytes_behind_and_between_are_scanned() -> None:
    between = header(pack(1, start=SIZE) + unpack([COPY], [1]), NAMED)

    assert found(look(archive(MARKER + b"x", between), "a.7z")) == ["a.7z!/hidden-data-32"]
    assert found(look(archive(b"x", header(pack(1) + unpack([COPY], [1]), NAMED), MARKER), "a.7z")) == [
        "a.7z!/trailing-data"
    ]


EMPTY = b"\x0e\x01\xe0"
"""Three members without bytes."""


@pytest.mark.parametrize(
    ("properties", "kinds"),
    [((EMPTY,), 3), ((EMPTY, b"\x0f\x01\xe0"), 0), ((EMPTY, b"\x0f\x01\x40"), 2), ((EMPTY, b"\x10\x01\x20"), 3)],
)
def test_members_without_bytes_are_folders_or_empty_files(properties: tuple[bytes, ...], kinds: int) -> None:
    folders = ["a", "b", "c"]
    members = files(3, *properties, names(*folders))

    inspection = look(archive(b"", b"\x01" + members + b"\0"), "a.7z")

    assert inspection.coverage.complete
    assert inspection.coverage.members == 4
    again = archive(b"", b"\x01" + files(3, *properties, names("a", "a", "a")) + b"\0")
    assert ("duplicate-name" in rules(look(again, "a.7z"))) == (kinds < 3)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x00", 0),
        (b"\x7f", 127),
        (b"\x80\x80", 128),
        (b"\xbf\xff", (1 << 14) - 1),
        (b"\xc0\x00\x40", 1 << 14),
        (b"\xf0\x78\x56\x34\x12", 0x12345678),
        (b"\xfe" + b"\xff" * 7, (1 << 56) - 1),
        (b"\xff" + b"\xff" * 8, (1 << 64) - 1),
    ],
)
def test_numbers_take_one_to_nine_bytes(data: bytes, value: int) -> None:
    reader = Bytes(data + b"behind")

    assert reader.number() == value
    assert reader.left == 6


@given(st.binary(max_size=9))
def test_a_number_is_read_or_breaks_off(data: bytes) -> None:
    reader = Bytes(data)
    needed = next((at for at in range(8) if not data[0] & 0x80 >> at), 8) + 1 if data else 1

    if len(data) < needed:
        with pytest.raises(Corrupt):
            reader.number()
    else:
        assert 0 <= reader.number() < 1 << 64
        assert reader.left == len(data) - needed


@pytest.mark.parametrize(("count", "bits"), [(0, []), (1, [True]), (9, [True, False] * 4 + [True])])
def test_bits_are_read_from_the_highest(count: int, bits: list[bool]) -> None:
    assert Bytes(b"\xaa\x80").bits(count) == bits
    assert Bytes(b"\0\xaa\x80").optional_bits(count) == bits
    assert Bytes(b"\1").optional_bits(count) == [True] * count


@settings(max_examples=150)
@given(st.binary(max_size=80))
def test_any_header_is_read_or_said(noise: bytes) -> None:
    inspection = look(archive(MARKER, b"\x01" + noise), "a.7z")

    assert found(inspection) or not clean(inspection)
    assert SkipReason.ENGINE not in reasons(inspection)


@pytest.mark.parametrize("value", [0, 1, 0x7F, 0x80, 0xFF])
def test_each_byte_of_a_header_at_its_extremes_is_never_clean_without_the_marker(value: int) -> None:
    whole = header(ONE, NAMED)
    for at in range(len(whole)):
        changed = whole[:at] + bytes([value]) + whole[at + 1 :]
        inspection = look(archive(MARKER, changed), "a.7z")

        assert found(inspection) or not clean(inspection), (at, value)
        assert SkipReason.ENGINE not in reasons(inspection), (at, value)
