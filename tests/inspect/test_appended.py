from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import struct
import tarfile
import zlib
from collections.abc import Callable

import lz4.frame
import pytest
import zstandard

from customhouse.inspect import Limits
from customhouse.inspect.appended import unopened
from customhouse.model import SkipReason
from tests.inspect.support import MARKER, clean, found, iso, look, reasons, rules, tarred, zipped
from tests.inspect.wraps import lzip

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
    constants = b"UPX!\0$Info: This file is packed with the UPX executable packer\0UPX!" + bytes(8)
    constants += SEVEN + b"\0" * 60 + b"Rar!\x1a\x07\x01\x00" + b"\0" * 60 + b"MSCF\0\0\0\0" + b"\0" * 60
    assert look(PROGRAM + constants, "archiver.exe").coverage.complete


@pytest.mark.parametrize("archive", [SEVENZIP, RAR5, RAR4, CAB], ids=["7z", "rar5", "rar4", "cab"])
@pytest.mark.parametrize("front", [b"GIF89a" + b"\x01\x80" * 90, b"\x01\x80" * 90, "naïve text\n".encode()])
def test_archive_behind_a_picture_data_or_text_is_a_skip_as_its_readers_find_it(front: bytes, archive: bytes) -> None:
    coverage = look(front + archive + bytes(100), "a.bin").coverage
    assert [skip.reason.value for skip in coverage.skipped] == ["unsupported"]


def test_archive_by_itself_is_said_once() -> None:
    assert unopened("7z", SEVENZIP + b"\xff") == ""


SQUASHFS = b"hsqs" + bytes(8) + (1 << 17).to_bytes(4, "little") + bytes(6) + b"\x11\0" + bytes(4) + b"\4\0\0\0"
PYINSTALLER = b"MEI\x0c\x0b\x0a\x0b\x0e" + (500).to_bytes(4, "big") + bytes(8) + (311).to_bytes(4, "big") + bytes(64)
NSIS = bytes(4) + b"\xef\xbe\xad\xdeNullsoftInst" + b"\1\0\0\0\2\0\0\0"
INNO = b"rDlPtS\xcd\xe6\xd7\x7b\x0b\x2a"
UPX = b"UPX!\x0d\x16\x0e\x07" + bytes(24)
AUTOIT = bytes.fromhex("a3484bbe986c4aa9994c530a86d6487d") + b"AU3!EA06"
NUITKA = b"KAY" + zstandard.compress(b"modules")


@pytest.mark.parametrize(
    ("carried", "name"),
    [
        (SQUASHFS, "squashfs"),
        (PYINSTALLER, "PyInstaller"),
        (NSIS, "NSIS"),
        (INNO, "Inno"),
        (UPX, "UPX"),
        (AUTOIT, "AutoIt"),
        (NUITKA, "Nuitka"),
    ],
)
def test_what_a_program_unpacks_when_it_runs_is_a_skip(carried: bytes, name: str) -> None:
    coverage = look(b"\x7fELF\x02" + b"\x90" * 200 + carried + bytes(200), "App.AppImage").coverage
    assert [skip.detail.split()[1] for skip in coverage.skipped] == [name]


PACKED = {
    "gz": gzip.compress(tarred(("x", MARKER))),
    "xz": lzma.compress(tarred(("x", MARKER))),
    "bz2": bz2.compress(tarred(("x", MARKER))),
    "zst": zstandard.compress(tarred(("x", MARKER))),
    "lz4": lz4.frame.compress(tarred(("x", MARKER))),
    "lzma": lzma.compress(tarred(("x", MARKER)), lzma.FORMAT_ALONE),
    "lz": lzip(tarred(("x", MARKER))),
    "tar": tarred(("é", b""), ("x.gz", gzip.compress(MARKER))),
}


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("lines", [b"#!/bin/sh\ntail -n +3 $0 | tar x; exit\n", b"tail -n +2 $0 | tar x; exit\n"])
def test_archive_that_a_script_unpacks_is_opened(kind: str, lines: bytes) -> None:
    inspection = look(lines + PACKED[kind], "install.run")
    assert found(inspection)[-1].startswith("install.run!/payload!/")
    assert inspection.coverage.complete
    assert inspection.kind in {"script", "text", "data"}


@pytest.mark.parametrize("kind", PACKED)
def test_archive_behind_a_large_script_is_a_skip(kind: str) -> None:
    script = b"#!/bin/sh\n" + b"# padding\n" * (1 << 16) + PACKED[kind]
    skips = look(script, "install.run", limits=Limits(window=1 << 16)).coverage.skipped
    assert [skip.detail for skip in skips] == ["the archive behind the script is not opened: it is too large"]


@pytest.mark.parametrize(
    "text", ["naïve\n", "\n\x1f\n", "BZh9 is no archive, LZIP neither: é\nBZh9\n", "é ustar\n" * 99]
)
def test_script_with_nothing_behind_it_is_complete(text: str) -> None:
    assert look(f"#!/bin/sh\n{text}".encode(), "install.sh").coverage.complete


@pytest.mark.parametrize(
    "name", ["GIF89a", "%PDF-1.7", "#!sh", "MZ" + "x" * 70, "{\\rtf", "dex\n035", "PAR1", "OggS", "\x7fELF"]
)
@pytest.mark.parametrize("style", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_tar_whose_first_name_is_a_magic_number_is_a_tar_and_a_polyglot(name: str, style: int) -> None:
    inspection = look(tarred((name, b""), ("x.gz", gzip.compress(MARKER)), format_=style), "a.bin")
    assert "a.bin!/x.gz!/x" in found(inspection)
    assert inspection.kind == "tar"
    assert ("polyglot" in rules(inspection)) == (name[:2] not in {"Og", "MZ"})


@pytest.mark.parametrize("signed", [False, True])
def test_old_tar_whose_first_name_is_a_magic_number_is_a_tar_whatever_way_its_checksum_is_summed(
    *, signed: bool
) -> None:
    head = bytearray(tarred((MARKER.decode(), b""))[:512])
    head[:100] = b"\xff\xd8\xff\xe0".ljust(100, b"\0")
    head[257:] = bytes(255)
    head[148:156] = b" " * 8
    total = sum(head) - (256 * sum(byte > 127 for byte in head) if signed else 0)
    head[148:156] = b"%06o\0 " % total
    inspection = look(bytes(head) + tarred(("x.gz", gzip.compress(MARKER))), "a.jpg")
    assert "a.jpg!/x.gz!/x" in found(inspection)
    assert "polyglot" in rules(inspection)


def test_disc_whose_boot_code_is_a_magic_number_is_a_disc_and_a_polyglot() -> None:
    inspection = look(b"GIF89a" + iso((b"X.GZ", gzip.compress(MARKER)))[6:], "a.gif")
    assert any(path.startswith("a.gif!/X.GZ") for path in found(inspection))
    assert "polyglot" in rules(inspection)


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


@pytest.mark.parametrize("edge", range(-32, 33, 8))
def test_archive_at_the_edge_of_two_windows_of_a_large_member_is_a_skip(edge: int) -> None:
    data = PROGRAM.ljust((4 << 20) + edge, b"\1") + SEVENZIP + b"\0" * 100
    assert not look(data, "a.exe", limits=Limits(window=1 << 16)).coverage.complete


CARRIED = {
    "7z": SEVENZIP,
    "rar5": RAR5,
    "rar4": RAR4,
    "cab": CAB,
    "squashfs": SQUASHFS,
    "PyInstaller": PYINSTALLER,
    "NSIS": NSIS,
    "Inno Setup": INNO,
    "UPX": UPX,
    "AutoIt": AUTOIT,
    "Nuitka": NUITKA,
    "image": DMG,
}


@pytest.mark.parametrize("padding", [0, 300])
def test_what_small_members_carry_is_told_of_each_whatever_lies_beside_it(padding: int) -> None:
    programs = {f"{name}.exe": PROGRAM + carried + bytes(padding) for name, carried in CARRIED.items()}
    if padding:  # the mark has to be the image's last block
        del programs["image.exe"]
    clear = {f"{number}.exe": PROGRAM + bytes([number]) * 99 for number in range(50)}
    document = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le")
    members = [*programs.items(), *clear.items(), ("text", b"UPX! hsqs 7z\n"), ("a.doc", document)]

    skipped = look(tarred(*members), "a.tar").coverage.skipped

    assert {skip.member for skip in skipped} == {f"a.tar!/{name}" for name in (*programs, "a.doc")}
    assert {skip.reason for skip in skipped} == {SkipReason.UNSUPPORTED}
    alone = {name: look(data, name).coverage.skipped[0].detail for name, data in (*programs.items(), members[-1])}
    assert {skip.member.removeprefix("a.tar!/"): skip.detail for skip in skipped} == alone


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


@pytest.mark.parametrize("front", [b"Cr24\3\0\0\0\4\0\0\0abcd", b"JM\1\0"])
def test_extension_and_java_module_are_zips_behind_a_header_of_their_own(front: bytes) -> None:
    inspection = look(front + zipped(("a.js", MARKER)), "a.bin")
    assert found(inspection)[-1] == "a.bin!/a.js"
    assert rules(inspection) == {"found"}
    assert inspection.coverage.complete


@pytest.mark.parametrize("head", [b"LUKS\xba\xbe", b"age-encryption.org/v1\n", b"Salted__"])
@pytest.mark.parametrize("wrap", [lambda data: data, lambda data: tarred(("x", data))])
def test_encrypted_file_is_a_skip_that_says_so(head: bytes, wrap: Callable[[bytes], bytes]) -> None:
    assert reasons(look(wrap(head + bytes(200)), "a.bin")) == {SkipReason.ENCRYPTED}


@pytest.mark.parametrize("wrap", [zipped, tarred])
def test_name_of_what_leads_a_zip_excuses_nothing(wrap: Callable[..., bytes]) -> None:
    inspection = look(wrap(("prepended-data", b"#!/bin/sh\nexec x\n\x01\0\x02" + bytes(9))), "a.bin")
    assert reasons(inspection) == {SkipReason.UNSUPPORTED}


def test_tar_whose_first_name_is_empty_is_one_whatever_its_first_bytes_say() -> None:
    wasm = bytearray(tarred(("a", b""))[:512])
    wasm[:8] = b"\0asm\1\0\0\0"
    wasm[148:156] = b" " * 8
    wasm[148:156] = b"%06o\0 " % sum(wasm)
    inspection = look(bytes(wasm) + tarred(("x.gz", gzip.compress(MARKER))), "a.wasm")
    assert "a.wasm!/x.gz!/x" in found(inspection)
    assert "polyglot" in rules(inspection)


def test_zlib_file_without_an_ending_keeps_its_name_too() -> None:
    assert found(look(zlib.compress(MARKER * 9), "blob")) == ["blob!/blob"]


def test_encrypted_office_document_is_a_skip() -> None:
    document = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(99)
    assert reasons(look(document, "a.docx")) == {SkipReason.UNSUPPORTED}


def test_zlib_file_is_opened_and_keeps_its_name() -> None:
    inspection = look(zlib.compress(tarred(("x", MARKER))), "model.pkl")
    assert found(inspection) == ["model.pkl!/x"]
    assert clean(look(zlib.compress(b"nothing" * 99), "a.bin"))


def test_zlib_file_that_breaks_off_is_a_skip() -> None:
    whole = zlib.compress(hashlib.shake_128(b"x").hexdigest(4000).encode())
    assert all(reasons(look(whole[:size], "a.bin")) == {SkipReason.CORRUPT} for size in range(200, len(whole), 97))


@pytest.mark.parametrize("front", [b"", b"#!/bin/sh\ntail $0; exit\n"])
def test_bytes_behind_an_lzip_file_are_a_member_and_a_finding(front: bytes) -> None:
    inspection = look(front + lzip(tarred(("ok", b"hi"))) + gzip.compress(MARKER), "a.bin")
    assert found(inspection)
    assert "trailing-data" in rules(inspection)


@pytest.mark.parametrize("at", [5, -1, -9, -17, 30])
def test_lzip_file_that_is_damaged_is_never_clean(at: int) -> None:
    data = bytearray(lzip(b"nothing" * 99))
    data[at] ^= 0x55
    assert not clean(look(bytes(data), "a.lz"))


def test_bytes_behind_a_zlib_file_are_a_skip() -> None:
    assert reasons(look(zlib.compress(b"nothing" * 99) + b"more", "a.bin")) == {SkipReason.UNSUPPORTED}


@pytest.mark.parametrize("size", [0, 1 << 18])
@pytest.mark.parametrize(
    "data", [b"#!/bin/sh\nexec x\n\x01\0\x02" + bytes(9), b"Cr24\3\0\0\0" + bytes(20), b"JM\1\0PK"]
)
def test_script_or_header_with_something_else_behind_it_is_a_skip(data: bytes, size: int) -> None:
    limits = Limits(window=1 << 16)
    assert reasons(look(data + b"\x01" * size, "a.bin", limits=limits)) == {SkipReason.UNSUPPORTED}
