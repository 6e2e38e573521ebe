"""Every field of every header at its extremes: the marker is found, or somebody says why not."""

from __future__ import annotations

import struct

import pytest

from customhouse.inspect.formats import zip_records as records
from customhouse.inspect.formats.zip_records import Record
from customhouse.model import SkipReason
from tests.inspect.mutations import SEEDS, SMALL, lost, over_budget
from tests.inspect.support import MARKER, Part, block, clean, cpio, entry, found, handmade, look, pax, reasons, rules

HEADS = (
    "zip",
    "deflate.zip",
    "zip64.zip",
    "7z",
    "cpio",
    "odc.cpio",
    "a",
    "rpm",
    "zst",
    "lz4",
    "gz",
    "xz",
    "asar",
    "v7.tar",
)
WIDTHS = (1, 2, 4, 8)


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"\x7f", b"0", b"9"])
def test_a_field_at_its_extremes_is_never_clean_without_the_marker(kind: str, fill: bytes) -> None:
    data = SEEDS[kind]
    ends = [*range(0, min(len(data), 160), 2), *range(max(160, len(data) - 90), len(data), 2)]
    for at in ends if len(data) < 700 else range(0, 560, 6):
        width = WIDTHS[at // 2 % len(WIDTHS)]
        changed = data[:at] + fill * width + data[at + width :]

        inspection = look(changed, f"a.{kind}", limits=SMALL)

        assert not lost(kind, changed, inspection) or MARKER not in changed, (at, width)
        assert over_budget(inspection) == "", (at, width)


def zip64(*numbers: int) -> bytes:
    return struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


FULL = 0xFFFFFFFF
SIZE = len(MARKER)


@pytest.mark.parametrize(
    ("central", "local", "size", "rule"),
    [
        (zip64(SIZE, SIZE), zip64(SIZE, SIZE), FULL, ""),
        (zip64(SIZE), zip64(SIZE, SIZE), FULL, "header-mismatch"),
        (b"", zip64(SIZE, SIZE), FULL, "lying-size"),
        (zip64(SIZE, SIZE), b"", FULL, "header-mismatch"),
        (zip64(SIZE + 1, SIZE), zip64(SIZE, SIZE), FULL, "header-mismatch"),
        (zip64(SIZE, SIZE, 0), zip64(SIZE, SIZE), None, ""),
        (zip64(SIZE, SIZE, 9), zip64(SIZE, SIZE), None, "header-mismatch"),
        (zip64(SIZE + 1), b"", None, "header-mismatch"),
        (zip64(SIZE, SIZE, 9, 9), zip64(SIZE, SIZE), FULL, "header-mismatch"),
    ],
)
def test_numbers_of_64_bits_stand_where_those_of_32_are_full_and_nowhere_else(
    central: bytes, local: bytes, size: int | None, rule: str
) -> None:
    part = Part(data=MARKER, extra=central, local_extra=local, size=size, packed_size=size)

    inspection = look(handmade(part), "a.zip")

    assert rules(inspection) >= ({rule} if rule else {"found"})
    assert rule or rules(inspection) == {"found"}


def end64(data: bytes, *, disks: int = 1, where: int | None = None, length: int = 44, count: int = 1) -> bytes:
    """A hand-made zip with the 64-bit form of its end record put before it."""
    place = data.rindex(b"PK\5\6")
    size, offset = struct.unpack_from("<LL", data, place + 12)
    record = struct.pack("<4sQHHLLQQQQ", b"PK\6\6", length, 45, 45, 0, 0, count, count, size, offset)
    return (
        data[:place]
        + record
        + struct.pack("<4sLQL", b"PK\6\7", 0, place if where is None else where, disks)
        + data[place:]
    )


ZIP = handmade(Part(data=MARKER))


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (end64(ZIP), ""),
        (end64(ZIP, disks=2), "header-mismatch"),
        (end64(ZIP, where=1), "header-mismatch"),
        (end64(ZIP, length=99), "header-mismatch"),
        (end64(ZIP, count=2), "header-mismatch"),
        (end64(ZIP).replace(b"PK\6\6", b"PK\6\5"), "header-mismatch"),
        (handmade(Part(data=MARKER), count=0xFFFF), "header-mismatch"),
        (ZIP[:-2] + b"\5\0", "lying-size"),
        (ZIP[:-18] + b"\1\0" + ZIP[-16:], "header-mismatch"),
        (ZIP[:-14] + b"\2\0" + ZIP[-12:], "header-mismatch"),
        (handmade(Part(data=MARKER), comment=b"PK\1\2"), "hidden-member"),
        (handmade(Part(data=MARKER), directory_size=1 << 20), "bad-directory"),
        (handmade(Part(data=MARKER), directory_offset=1 << 20), "bad-directory"),
        (ZIP.replace(b"PK\1\2", b"PK\1\3"), "bad-directory"),
    ],
)
def test_end_records_that_readers_take_differently_are_findings(data: bytes, rule: str) -> None:
    inspection = look(data, "a.zip")

    assert rule in rules(inspection) if rule else rules(inspection) == {"found"}
    assert found(inspection) or not clean(inspection)


def said(data: bytes, *, aligned: bool = False) -> list[str]:
    rules: list[str] = []
    records.extras(data, lambda rule, _message: rules.append(rule), aligned=aligned)
    return rules


def field(key: int, data: bytes) -> bytes:
    return struct.pack("<HH", key, len(data)) + data


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", []),
        (field(0xCAFE, b""), []),
        (field(0xCAFE, b"x") * 2, []),
        (field(1, b"x") * 2, ["duplicate-extra"]),
        (field(0x6375, b"x") * 3, ["duplicate-extra"] * 2),
        (field(0xCAFE, b"x" * 508), []),
        (field(0xCAFE, b"x" * 509), ["hidden-data"]),
        (field(0xCAFE, bytes(2000)), []),
        (b"\xfe\xca\2\0x", ["bad-extra"]),
        (b"abc", ["bad-extra"]),
        (b"\0", ["bad-extra"]),
    ],
)
def test_extra_fields_are_read_one_by_one(data: bytes, expected: list[str]) -> None:
    assert said(data) == expected
    assert said(data, aligned=True) == ([] if data == b"\0" else expected)


@pytest.mark.parametrize(("system", "mode"), [(3, 0o100644), (19, 0o100644), (0, 0), (10, 0)])
def test_only_an_archive_of_unix_has_modes(system: int, mode: int) -> None:
    record = Record(b"a", 0, 0, 0, 0, 0, 0, system << 8 | 20, 0o100644 << 16)

    assert record.mode == mode


def test_a_zip_without_its_directory_shows_its_members_as_a_streaming_reader_would() -> None:
    data = handmade(Part(name=b"a"), Part(name=b"b", data=MARKER))
    inspection = look(data[: data.index(b"PK\1\2")], "a.zip")

    assert found(inspection) == ["a.zip!/b"]
    assert rules(inspection) == {"found", "bad-directory"}
    assert reasons(inspection) == {SkipReason.CORRUPT}


TRAILER = bytes(1024)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (entry(b"a", b"x", size_field=b"\x80" + bytes(10) + b"\1"), "lying-size"),
        (entry(b"a", b"x", size_field=b"\xff" * 12), "lying-size"),
        (entry(b"a", b"x", size_field=b"+0000000001\0"), "lying-size"),
        (entry(b"a", b"x", size_field=b"0000000001_\0"), "lying-size"),
        (pax(b"x", b"size=x") + entry(b"a", b"x"), "bad-pax"),
        (pax(b"x", b"size=" + b"9" * 21) + entry(b"a", b"x"), "bad-pax"),
        (pax(b"x", b"size=2") + entry(b"a", b"x"), "lying-size"),
        (pax(b"x", b"path=a\0b") + entry(b"a", b"x"), "nul-name"),
        (pax(b"x", b"path=\xff") + entry(b"a", b"x"), "bad-utf8"),
        (pax(b"x", b"hdrcharset=BINARY") + entry(b"a", b"x"), "pax-charset"),
        (pax(b"x", b"comment=1", b"comment=2") + entry(b"a", b"x"), "pax-order"),
        (pax(b"g", b"path=b") + entry(b"a", b"x"), "pax-global"),
        (pax(b"g", b"GNU.sparse.size=b") + entry(b"a", b"x"), "pax-global"),
        (pax(b"x", b"comment=1") + pax(b"g", b"comment=1") + entry(b"a", b"x"), "pax-order"),
        (pax(b"x", b"comment=1"), "pax-order"),
        (entry(b"PaxHeader", b"x comment=1\n", flag=b"x") + entry(b"a", b"x"), "bad-pax"),
        (entry(b"PaxHeader", b"99 comment=1\n", flag=b"x") + entry(b"a", b"x"), "bad-pax"),
        (entry(b"PaxHeader", b"11 comment\n", flag=b"x") + entry(b"a", b"x"), "bad-pax"),
        (entry(b"L", b"n" * 101 + b"\0x", flag=b"L") + entry(b"n" * 100, b"x"), "nul-name"),
        (entry(b"L", b"n" * 101, flag=b"L") * 2 + entry(b"n" * 100, b"x"), "pax-order"),
        (entry(b"L", b"n" * 101, flag=b"L") + entry(b"other", b"x"), "header-mismatch"),
        (entry(b"a", b"x", flag=b"7"), "special-with-data"),
        (entry(b"a", b"x", flag=b"D"), "special-with-data"),
        (entry(b"a", b"x", flag=b"Z"), "unknown-type"),
        (entry(b"a/", b"x"), "name-mismatch"),
        (block(b".", flag=b"5"), "name-mismatch"),
        (pax(b"x", b"GNU.sparse.map=0,1,2", b"GNU.sparse.size=1") + entry(b"a", b"x"), "sparse-lie"),
        (pax(b"x", b"GNU.sparse.map=0,x", b"GNU.sparse.size=1") + entry(b"a", b"x"), "sparse-lie"),
        (pax(b"x", b"GNU.sparse.size=1") + entry(b"a", b"x"), "sparse-lie"),
        (pax(b"x", b"GNU.sparse.major=1", b"GNU.sparse.realsize=1") + entry(b"a", b"x"), "sparse-lie"),
        (pax(b"x", b"GNU.sparse.major=1", b"GNU.sparse.realsize=1") + entry(b"a", b"9\n0\n"), "sparse-lie"),
    ],
)
def test_what_a_header_of_tar_says_to_some_readers_only_is_a_finding(data: bytes, rule: str) -> None:
    inspection = look(entry(b"first", b"1") + data + TRAILER, "a.tar")

    assert rule in rules(inspection)
    assert not clean(inspection)


def test_a_sparse_map_before_the_data_is_read() -> None:
    text = b"1\n512\n%d\n" % len(MARKER)
    records = (
        b"GNU.sparse.major=1",
        b"GNU.sparse.minor=0",
        b"GNU.sparse.name=a",
        b"GNU.sparse.realsize=%d" % (512 + SIZE),
    )
    inspection = look(
        pax(b"x", *records) + entry(b"GNUSparseFile.0/a", text.ljust(512, b"\0") + MARKER) + TRAILER, "a.tar"
    )

    assert found(inspection) == ["a.tar!/a"]
    assert rules(inspection) == {"found", "sparse"}


@pytest.mark.parametrize(
    "data",
    [
        b"!<arch>\n" + b"a/".ljust(58) + b"`\n",
        b"!<arch>\n" + b"a/".ljust(48) + b"x".ljust(10) + b"`\n",
        b"!<arch>\n" + b"a/".ljust(48) + b"-1".ljust(10) + b"`\n",
        b"!<arch>\n" + b"a/".ljust(48) + b"1".ljust(10) + b"``x",
        b"!<arch>\n" + b"#1/99999".ljust(48) + b"1".ljust(10) + b"`\nx",
        b"!<arch>\n" + b"//".ljust(48) + b"99999999".ljust(10) + b"`\nx",
        b"!<arch>\n" + b"a/".ljust(48) + b"5".ljust(10) + b"`\nx",
    ],
)
def test_a_malformed_header_of_ar_is_corrupt(data: bytes) -> None:
    assert reasons(look(data, "l.a")) == {SkipReason.CORRUPT}


@pytest.mark.parametrize(("name_size", "reason"), [(0, SkipReason.CORRUPT), ((1 << 16) + 1, SkipReason.CORRUPT)])
def test_a_name_of_cpio_of_no_or_excessive_length_is_corrupt(name_size: int, reason: SkipReason) -> None:
    data = bytearray(cpio((b"a", MARKER, 0o100644)))
    data[94:102] = b"%08X" % name_size

    assert reasons(look(bytes(data), "a.cpio")) == {reason}
