from __future__ import annotations

import struct
import zlib

import pytest

from customhouse.inspect import Limits
from customhouse.inspect.appended import Watch, unopened
from tests.inspect.support import MARKER, clean, found, look, rules, tarred, zipped

PROGRAM = b"MZ" + b"\x90" * 400
SEVEN = b"7z\xbc\xaf\x27\x1c\x00\x04"
START = struct.pack("<QQI", 10, 20, 30)
SEVENZIP = SEVEN + zlib.crc32(START).to_bytes(4, "little") + START
RAR5_HEADER = b"\x0a" + b"\x01\x05\x06\x00\x00\x00\x00\x00\x00\x00"
RAR5 = b"Rar!\x1a\x07\x01\x00" + zlib.crc32(RAR5_HEADER).to_bytes(4, "little") + RAR5_HEADER
RAR4 = b"Rar!\x1a\x07\x00\xcf\x90\x73\x00\x00\x0d\x00"
CAB = b"MSCF\0\0\0\0" + (100).to_bytes(4, "little") + b"\0" * 12 + b"\x03\x01"
DMG = b"\x11" * 3000 + (b"koly\x00\x00\x00\x04" + b"\0" * 504)


@pytest.mark.parametrize(
    ("archive", "name"),
    [(SEVENZIP, "7z"), (RAR5, "rar"), (RAR4, "rar"), (CAB, "cab")],
    ids=["7z", "rar5", "rar4", "cab"],
)
def test_archive_behind_a_program_is_a_skip_so_never_clean(archive: bytes, name: str) -> None:
    coverage = look(PROGRAM + archive + b"\0" * 100, "setup.exe").coverage
    assert not coverage.complete
    assert [(skip.reason.value, skip.detail.split()[1]) for skip in coverage.skipped] == [("unsupported", name)]


def test_archiver_that_knows_the_signatures_is_no_archive() -> None:
    constants = SEVEN + b"\0" * 60 + b"Rar!\x1a\x07\x01\x00" + b"\0" * 60 + b"MSCF\0\0\0\0" + b"\0" * 60
    assert look(PROGRAM + constants, "archiver.exe").coverage.complete


def test_signature_in_what_is_no_program_says_nothing() -> None:
    assert unopened("data", b"x" + SEVENZIP) == ""


def test_disk_image_is_a_skip() -> None:
    coverage = look(DMG, "app.dmg").coverage
    assert [skip.detail for skip in coverage.skipped] == ["a disk image (dmg) is not opened"]


@pytest.mark.parametrize("front", [b"\x01\x02\x03", PROGRAM])
def test_zip_behind_what_is_too_large_to_look_behind_is_a_skip(front: bytes) -> None:
    small = Limits(window=1 << 16)
    data = front + b"\x01" * (1 << 18) + zipped(("inner", MARKER * 20))
    coverage = look(data, "big.bin", limits=small).coverage
    assert [skip.detail.split(":")[0] for skip in coverage.skipped] == ["the zip at its end is not opened"]


def test_large_member_without_anything_behind_it_is_complete() -> None:
    assert look(b"\x01" * (1 << 18), "big.bin", limits=Limits(window=1 << 16)).coverage.complete


def test_large_disk_image_is_a_skip() -> None:
    assert not look(b"\x01" * (1 << 18) + DMG, "big.dmg", limits=Limits(window=1 << 16)).coverage.complete


@pytest.mark.parametrize("cut", range(1, 33, 5))
def test_header_that_two_blocks_share_is_seen(cut: int) -> None:
    watch, data = Watch("pe"), PROGRAM + SEVENZIP + b"\0" * 100
    at = len(PROGRAM) + cut
    assert b"".join(watch.through([data[:at], data[at:]])) == data
    assert watch.found == "a 7z archive inside the program is not opened"


SCRIPT = b"#!/bin/sh\nexec java -jar $0\n"
SMALL = Limits(window=1 << 16)


def jar(*members: tuple[str, bytes]) -> bytes:
    return zipped(("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n"), *members, method=0)


@pytest.mark.parametrize("padding", [0, 1 << 18])
def test_jar_that_starts_by_itself_is_a_jar_and_opened_whatever_its_size(padding: int) -> None:
    inspection = look(SCRIPT + jar(("pad", bytes(padding)), ("A.class", MARKER)), "server.jar", limits=SMALL)

    assert inspection.kind == "jar"
    assert "server.jar!/A.class" in found(inspection)
    assert rules(inspection) == {"found"}
    assert inspection.coverage.complete


def test_large_program_with_an_archive_behind_it_is_opened_inside_a_container_too() -> None:
    setup = PROGRAM + zipped(("pad", bytes(1 << 18)), ("inner.tar", tarred(("x", MARKER))), method=0)

    inspection = look(tarred(("setup.exe", setup)), "a.tar", limits=SMALL)

    assert "a.tar!/setup.exe!/inner.tar!/x" in found(inspection)
    assert inspection.coverage.complete


@pytest.mark.parametrize("limits", [Limits(window=1 << 16, spool=1, disk=1 << 17)])
def test_archive_behind_a_large_program_without_room_to_keep_it_is_a_skip(limits: Limits) -> None:
    setup = PROGRAM + MARKER + zipped(("pad", bytes(1 << 18)), method=0)

    inspection = look(setup, "setup.exe", limits=limits)

    assert found(inspection) == ["setup.exe"]
    assert not inspection.coverage.complete


def test_large_picture_that_ends_as_a_zip_is_never_clean() -> None:
    assert not clean(look(b"GIF89a" + jar(("pad", bytes(1 << 18))), "a.gif", limits=SMALL))


def test_program_that_calls_itself_a_jar_is_a_finding() -> None:
    assert "name-mismatch" in rules(look(PROGRAM + jar(), "server.jar"))
