"""Containers that two readers read differently: ar and deb, cpio, gzip, xz; what they hide is seen all the same."""

from __future__ import annotations

import gzip
import lzma
import struct
import zlib

import pytest

from customhouse.model import SkipReason
from tests.inspect.packages import CONTROL
from tests.inspect.support import MARKER, ar, clean, cpio, deflated, found, look, reasons, rules, tarred

BINARY = (b"debian-binary", b"2.0\n")
CONTROL_TAR = (b"control.tar", tarred(("./control", CONTROL)))
DATA_TAR = (b"data.tar", tarred(("./usr/a", b"a")))
OTHER_DATA = (b"data.tar.gz", gzip.compress(tarred(("./usr/b", MARKER))))
SIGNATURE = (b"_gpgorigin", b"-----BEGIN PGP SIGNATURE-----\n")


@pytest.mark.parametrize(
    ("members", "rule"),
    [
        ((BINARY, CONTROL_TAR, DATA_TAR, OTHER_DATA), "two-parts"),
        ((BINARY, CONTROL_TAR, DATA_TAR, DATA_TAR), "two-parts"),
        ((BINARY, CONTROL_TAR, (b"control.tar.gz", gzip.compress(CONTROL_TAR[1])), DATA_TAR), "two-parts"),
        ((BINARY, DATA_TAR, CONTROL_TAR), "part-order"),
        ((CONTROL_TAR, DATA_TAR, BINARY), "part-order"),
        ((BINARY, CONTROL_TAR), "missing-part"),
        ((BINARY, DATA_TAR), "missing-part"),
        ((BINARY, CONTROL_TAR, DATA_TAR, (b"extra", b"x")), "hidden-member"),
        ((BINARY, (b"extra", b"x"), CONTROL_TAR, DATA_TAR), "hidden-member"),
        ((BINARY, BINARY, CONTROL_TAR, DATA_TAR), "part-order"),
    ],
)
def test_a_debian_package_that_its_readers_see_differently_is_a_finding(
    members: tuple[tuple[bytes, bytes], ...], rule: str
) -> None:
    assert rule in rules(look(ar(*members), "p.deb"))


@pytest.mark.parametrize(
    "members",
    [
        (BINARY, CONTROL_TAR, DATA_TAR),
        (BINARY, CONTROL_TAR, DATA_TAR, SIGNATURE),
        (BINARY, SIGNATURE, CONTROL_TAR, DATA_TAR),
        tuple((name + b"/", data) for name, data in (BINARY, CONTROL_TAR, DATA_TAR)),
    ],
)
def test_an_ordinary_debian_package_is_clean(members: tuple[tuple[bytes, bytes], ...]) -> None:
    assert clean(look(ar(*members), "p.deb"))


def test_both_of_two_data_parts_are_seen() -> None:
    inspection = look(ar(BINARY, CONTROL_TAR, DATA_TAR, OTHER_DATA), "p.deb")

    assert found(inspection) == ["p.deb!/data.tar.gz!/./usr/b"]


def test_two_tables_of_names_are_a_finding() -> None:
    tables = ((b"//", b"long/\n"), (b"/0", b"x"), (b"//", b"evil/\n"), (b"/0", b"y"))

    assert "duplicate-name" in rules(look(ar(*tables), "l.a"))


CPIO = cpio((b"a", b"hi", 0o100644))


@pytest.mark.parametrize(
    "data",
    [
        CPIO.replace(b"a\0", b"ab"),
        CPIO.replace(b"07070100000001", b"070701      +1"),
        CPIO.replace(b"00000002", b"0000_002"),
        CPIO.replace(b"00000002", b"0x000002"),
    ],
)
def test_a_cpio_with_other_than_digits_or_an_open_name_is_corrupt(data: bytes) -> None:
    assert data != CPIO
    assert reasons(look(data)) == {SkipReason.CORRUPT}


def test_a_checksum_of_cpio_is_checked() -> None:
    summed = CPIO.replace(b"070701", b"070702")
    place = summed.index(b"a\0")
    right = summed[: place - 8] + b"%08X" % sum(b"hi") + summed[place:]

    assert rules(look(summed)) == {"bad-checksum"}
    assert clean(look(right))


def test_a_trailer_with_bytes_of_its_own_hides_nothing() -> None:
    place = CPIO.index(b"TRAILER!!!") - 110 + 54
    inspection = look(CPIO[:place] + b"%08X" % len(MARKER) + CPIO[place + 8 :] + MARKER)

    assert {"special-with-data", "trailing-data", "found"} <= rules(inspection)


def zipped(flags: int, fields: bytes = b"") -> bytes:
    """A gzip file with these flags and the fields that they ask for."""
    sums = struct.pack("<LL", zlib.crc32(b"hello"), 5)
    return b"\x1f\x8b\x08" + bytes([flags]) + bytes(4) + b"\0\3" + fields + deflated(b"hello") + sums


@pytest.mark.parametrize(
    "data",
    [
        zipped(4, struct.pack("<H", len(MARKER)) + MARKER),
        zipped(16, MARKER + b"\0"),
        zipped(24, b"a\0" + MARKER + b"\0"),
    ],
)
def test_what_the_header_of_a_gzip_holds_is_scanned(data: bytes) -> None:
    inspection = look(data, "a.gz")

    assert found(inspection) == ["a.gz!/gzip-header"]
    assert inspection.coverage.complete


@pytest.mark.parametrize("data", [zipped(0), zipped(8, b"name.txt\0"), zipped(4, b"\6\0BC\2\0\1\0")])
def test_ordinary_headers_of_gzip_are_no_members(data: bytes) -> None:
    inspection = look(data, "a.gz")

    assert clean(inspection)
    assert inspection.coverage.members == 2


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (zipped(0x20), "header-mismatch"),
        (zipped(8, b"../evil\0"), "path-traversal"),
        (zipped(8, b"..\\evil\0"), "path-traversal"),
        (zipped(16, b"x" * (200 << 10)), "lying-size"),
    ],
)
def test_headers_of_gzip_that_readers_take_differently_are_findings(data: bytes, rule: str) -> None:
    assert rule in rules(look(data, "a.gz"))


def test_streams_of_xz_with_padding_between_are_one_file() -> None:
    data = lzma.compress(b"first") + bytes(8) + lzma.compress(MARKER)

    assert found(look(data, "a.xz")) == ["a.xz!/a"]
    assert look(data, "a.xz").coverage.complete
    assert "trailing-data" in rules(look(data.replace(bytes(8), bytes(7), 1), "a.xz"))
