"""Every magic number, what begins like one and is none, and kinds by the names in an archive."""

from __future__ import annotations

import bz2
import lzma
import zlib

import pytest

from customhouse.inspect import kinds
from customhouse.inspect.identify import (
    CLAIMS,
    beneath,
    broken_claim,
    disagreement,
    ends_as_zip,
    extension,
    identify,
)
from customhouse.inspect.probe import _AR, _TAR, _ZIP, Probe
from tests.inspect.support import block, iso, zipped

MAGIC = [
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06" + bytes(18), "zip"),
    (b"PK\x06\x06", "zip"),
    (b"PK\x01\x02", "zip"),
    (b"PK\x07\x08PK\x03\x04", "zip"),
    (b"\x1f\x8b\x08\0", "gzip"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x50\x2a\x4d\x18", "zstd"),
    (b"\x5f\x2a\x4d\x18", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x02\x21\x4c\x18", "lz4-legacy"),
    (bz2.compress(b"a"), "bzip2"),
    (bz2.compress(b""), "bzip2"),
    (lzma.compress(b"a", lzma.FORMAT_ALONE), "lzma"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07\0", "rar"),
    (b"Rar!\x1a\x07\1\0", "rar"),
    (b"!<arch>\n", "ar"),
    (b"!<thin>\n", "ar-thin"),
    (b"\xed\xab\xee\xdb", "rpm"),
    (b"070701", "cpio"),
    (b"070702", "cpio"),
    (b"070707", "cpio"),
    (b"\xc7\x71", "cpio-binary"),
    (b"MSCF\0\0\0\0", "cab"),
    (b"xar!", "xar"),
    (b"LZIP\x01", "lzip"),
    (b"LZIP\0", "lzip"),
    (b"\x1f\x9d\x90", "compress"),
    (b"MSWIM\0\0\0", "wim"),
    (b"hsqs", "squashfs"),
    (b"conectix", "vhd"),
    (b"vhdxfile", "vhdx"),
    (b"KDMV", "vmdk"),
    (b"QFI\xfb", "qcow2"),
    (b"\xca\xfe\xd0\x0d", "pack200"),
    (b"\xff\x06\0\0sNaPpY", "snappy"),
    (b"ITSF\x03\0\0\0", "chm"),
    (b"\x60\xea", "arj"),
    (bytes(7) + b"**ACE**", "ace"),
    (b"\x20\x20-lh5-", "lha"),
    (b"\x7fELF\x02\x01\x01", "elf"),
    (b"MZ" + bytes(63), "pe"),
    (b"\xcf\xfa\xed\xfe", "macho"),
    (b"\xce\xfa\xed\xfe", "macho"),
    (b"\xfe\xed\xfa\xcf", "macho"),
    (b"\xfe\xed\xfa\xce", "macho"),
    (b"\xca\xfe\xba\xbe\0\0\0\2", "macho"),
    (b"\xca\xfe\xba\xbf\0\0\0\2", "macho"),
    (b"\xca\xfe\xba\xbe\0\0\0\x41", "class"),
    (b"\0asm\x01\0\0\0", "wasm"),
    (b"dex\n035\0", "dex"),
    (b"#!/bin/sh\n", "script"),
    (b"%PDF-1.7", "pdf"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff\xe0", "jpeg"),
    (b"GIF89a", "gif"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole"),
    (b"{\\rtf1", "rtf"),
    (b"SQLite format 3\0", "sqlite"),
    (b"PAR1", "parquet"),
    (b"GGUF\3", "gguf"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"\x93NUMPY", "npy"),
    (b"wOF2", "woff2"),
    (b"\x80\x02}", "pickle"),
    (b"\x80\x05\x95", "pickle"),
    (b"\x40\0\0\0\0\0\0\0{", "safetensors"),
    (b"Cr24\3\0\0\0", "crx"),
    (b"JM\1\0", "jmod"),
    (b"ISc(", "installshield"),
    (b"SIT!\0", "stuffit"),
    (b"StuffIt (c)", "stuffit"),
    (b"ZOO 2.10", "zoo"),
    (b"\x89LZO\0\r\n\x1a\n", "lzop"),
    (b"LRZI\0", "lrzip"),
    (b"7kSt\xa0\x31", "zpaq"),
    (b"zPQ\1", "zpaq"),
    (b"zPQ\2", "zpaq"),
    (b"bvx1", "lzfse"),
    (b"bvx2", "lzfse"),
    (b"bvxn", "lzfse"),
    (b"\x1f\x1e", "pack"),
    (b"sqsh", "squashfs"),
    (b"\x45\x3d\xcd\x28", "cramfs"),
    (b"-rom1fs-", "romfs"),
    (b"XFSB\0\0", "xfs"),
    (b"ALZ\x01", "alz"),
    (b"EGGA\0\x01", "egg-archive"),
    (b"ArC\x01", "freearc"),
    (b"SZDD\x88\xf0\x27\x33", "szdd"),
    (b"KWAJ\x88\xf0\x27\xd1", "kwaj"),
    (b"RZIP\x02", "rzip"),
    (b"BZ3v1", "bzip3"),
    (b"PACK\0\0\0\x02", "git-pack"),
    (b"# v2 git bundle\n", "git-bundle"),
    (b"# v3 git bundle\n", "git-bundle"),
    (b"\0" + b"\xff" * 10 + b"\0", "cd-sectors"),
    (b"IsZ!", "isz"),
    (b"MComprHD\0", "chd"),
    (b"\x85\x19\x01\xe0", "jffs2"),
    (b"\x85\x19\x03\x20", "jffs2"),
    (bytes(32) + b"NXSB", "apfs"),
    (bytes(0x8001) + b"BEA01", "udf"),
    (bytes(1024) + b"\x10\x20\xf5\xf2", "f2fs"),
    (b"UBI#\1", "ubi"),
    (b"PYZ\0", "pyinstaller"),
    (b"LUKS\xba\xbe", "luks"),
    (b"age-encryption.org/v1\n", "age"),
    (b"Salted__", "openssl-enc"),
    (bytes(512) + b"EFI PART", "disk"),
    (b"\xeb\x52\x90NTFS    " + bytes(99), "ntfs"),
    (b"\xeb\x76\x90EXFAT   " + bytes(99), "fat"),
    (bytes(54) + b"FAT16   ", "fat"),
    (bytes(54) + b"FAT12   ", "fat"),
    (bytes(82) + b"FAT32   ", "fat"),
    (b"<<< VDI >>>".ljust(64, b"\0") + b"\x7f\x10\xda\xbe", "vdi"),
    (bytes(1024) + b"\xe2\xe1\xf5\xe0", "erofs"),
    (bytes(1024) + b"H+\0\4", "hfs"),
    (bytes(1024) + b"HX\0\5", "hfs"),
    (bytes(1080) + b"\x53\xef\1\0", "ext"),
    (bytes(512) + b"EFI PART" + iso((b"A.;1", b"a"))[520:], "iso9660"),
    (b"\4\0\0\0" + bytes(12) + b'{"files":{}}', "asar"),
    (zlib.compress(b"a", 0), "zlib"),
    (zlib.compress(b"a" * 9), "zlib"),
    (zlib.compress(bytes(1 << 20), 9), "zlib"),
    (block(b"a"), "tar"),
    (block(b"a", magic=b"ustar  \0"), "tar"),
    (block(b"a", magic=bytes(8)), "tar"),
    (iso((b"A.;1", b"a")), "iso9660"),
]


@pytest.mark.parametrize(("head", "kind"), MAGIC)
def test_every_magic_number_is_known_with_anything_behind_it(head: bytes, kind: str) -> None:
    assert identify(head + (b"" if kind in {"bzip2", "lzma", "zlib"} else b"\xa5" * 4)) == kind
    assert identify(head, "holiday.jpg") == kind


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"", "text"),
        (b"hello\r\n", "text"),
        (b"h\xc3\xa9llo", "text"),
        (b"a\0b", "data"),
        (b"\x01\x02", "data"),
        (b"PK", "text"),
        (b"x^2 + y^2", "text"),
        (b"x\x01 and more", "data"),
        (zlib.compress(b"a")[:5], "data"),
        (bytes(1080) + b"\x53\xef\7\0", "data"),
        (b"\4\0\0\0" + bytes(12) + b'{"other":{}}', "data"),
        (b"PK\x07\x08\0none", "data"),
        (b"MZ", "text"),
        (b"BZh", "text"),
        (b"BZh9 is a title", "text"),
        (b"\x1f\x8b\x07", "data"),
        (b"\x80\x06", "data"),
        (b"\x80\x01", "data"),
        (b"\x4f\x2a\x4d\x18", "data"),
        (b"\x40\0\0\xff\0\0\0\0{", "data"),
        (b"-lh5-", "text"),
        (b"ab-lhXX", "text"),
        (b"\x5d\x00\x00\x80", "data"),
        (block(b"a", magic=bytes(8))[:511], "data"),
        (b"b" + block(b"a", magic=bytes(8))[1:], "data"),
    ],
)
def test_what_only_begins_like_a_format_is_none(head: bytes, kind: str) -> None:
    assert identify(head) == kind


@pytest.mark.parametrize(
    ("name", "head", "kind"),
    [
        ("a.br", b"\x0b\x02\x80a\x03", "brotli"),
        ("a.br", b"", "text"),
        ("a.tar", bytes(1024), "tar"),
        ("a.tar", b"", "text"),
        ("a.tar", bytes(1024) + b"x", "data"),
        ("a.bin", bytes(1024), "data"),
        ("a.lzma", lzma.compress(b"a", lzma.FORMAT_ALONE), "lzma"),
        ("a.lzma", b"no such thing", "text"),
        ("a.br", b"PK\x03\x04", "zip"),
        ("folder.br/a", b"text", "text"),
    ],
)
def test_a_name_tells_only_what_bytes_cannot(name: str, head: bytes, kind: str) -> None:
    assert identify(head, name) == kind


@pytest.mark.parametrize("head", [b"PK\x03\x04", b"\x1f\x8b\x08", b"MZ", b"#!/bin/sh", b"%PDF-1.7"])
def test_a_tar_or_disc_is_one_whatever_its_first_bytes_say(head: bytes) -> None:
    disc = iso((b"A.;1", b"a"))

    assert beneath(block(head + b"name")) == "tar"
    assert beneath(head + disc[len(head) :]) == "iso9660"
    assert not beneath(head + bytes(512))


@pytest.mark.parametrize("base", [8, 256])
@pytest.mark.parametrize("signed", [False, True])
def test_a_tar_header_may_sum_signed_or_unsigned_in_octal_or_base_256(base: int, *, signed: bool) -> None:
    head = bytearray(block(b"\xff\xfe" * 20, magic=bytes(8)))
    head[148:156] = b" " * 8
    total = sum(head) - 256 * 40 * signed
    head[148:156] = b"\x80" + total.to_bytes(7, "big") if base == 256 else b"%06o\0 " % total

    assert beneath(bytes(head)) == "tar"
    assert not beneath(bytes(head[:-1]) + b"x")


def test_every_kind_has_a_media_type_of_its_own_or_is_plain_data() -> None:
    told = {kind for _, kind in MAGIC} | {kind for rules in (_ZIP, _TAR, _AR) for kind, _ in rules}

    assert not told - kinds.MEDIA.keys()
    assert all(value.count("/") == 1 for value in kinds.MEDIA.values())


@pytest.mark.parametrize(
    ("kind", "names", "expected"),
    [
        ("zip", ["a.txt"], "zip"),
        ("zip", ["META-INF/MANIFEST.MF", "WEB-INF/web.xml"], "war"),
        ("zip", ["META-INF/MANIFEST.MF", "META-INF/application.xml"], "ear"),
        ("zip", ["meta-inf/manifest.mf"], "jar"),
        ("zip", ["META-INF/MANIFEST.MF", "AndroidManifest.xml"], "apk-android"),
        ("zip", ["p.nuspec", "META-INF/MANIFEST.MF"], "nupkg"),
        ("zip", ["p-1.dist-info/WHEEL", "p.nuspec"], "wheel"),
        ("zip", ["deep/p-1.dist-info/WHEEL"], "zip"),
        ("zip", ["Payload/A.app/A"], "ipa"),
        ("zip", ["word/document.xml"], "docx"),
        ("zip", ["xl/workbook.xml"], "xlsx"),
        ("zip", ["ppt/presentation.xml"], "pptx"),
        ("zip", ["mimetype", "META-INF/container.xml"], "epub"),
        ("zip", ["mimetype", "content.xml", "META-INF/manifest.xml"], "odf"),
        ("zip", ["model/data.pkl"], "torch"),
        ("zip", ["a.npy"], "npz"),
        ("zip", ["host/p@v1.0.0/go.mod"], "go-module"),
        ("tar", ["package/package.json"], "npm"),
        ("tar", ["./.MTREE", "./.PKGINFO"], "pacman"),
        ("tar", [".PKGINFO"], "apk-alpine"),
        ("tar", ["p-1.0/setup.py", "p-1.0/PKG-INFO", "p-1.0/p.egg-info/PKG-INFO"], "sdist"),
        ("zip", ["setup.cfg", "p.egg-info/PKG-INFO"], "zip"),
        ("tar", ["index.json", "oci-layout", "manifest.json"], "docker-save"),
        ("tar", ["p/Chart.yaml"], "helm"),
        ("tar", ["p/charts/q/Chart.yaml"], "tar"),
        ("ar", ["debian-binary"], "deb"),
        ("ar", ["a.o"], "ar"),
        ("cpio", ["package/package.json"], "cpio"),
    ],
)
def test_the_names_in_an_archive_tell_what_it_is(kind: str, names: list[str], expected: str) -> None:
    probe = Probe(kind)
    probe.see_all(names)

    assert probe.kind == expected


def test_the_order_of_names_does_not_matter() -> None:
    for names in (["META-INF/MANIFEST.MF", "WEB-INF/x"], ["WEB-INF/x", "META-INF/MANIFEST.MF"]):
        probe = Probe("zip")
        probe.see_all(names)
        assert probe.kind == "war"


@pytest.mark.parametrize("kind", ["elf", "pe", "macho"])
def test_a_program_that_calls_itself_a_picture_is_odd(kind: str) -> None:
    assert disagreement("holiday.JPG", kind)
    assert not disagreement("holiday", kind)
    assert not disagreement("holiday.jpg", "jpeg")


@pytest.mark.parametrize("kind", ["zip", "tar", "gzip", "script", "7z"])
def test_an_archive_or_script_that_calls_itself_a_picture_is_odd(kind: str) -> None:
    assert disagreement("holiday.JPG", kind)
    assert disagreement("song.mp3", kind)
    assert not disagreement("data.json", kind)
    assert not disagreement("holiday.png", "jpeg")


@pytest.mark.parametrize("ending", CLAIMS)
def test_a_name_that_promises_a_format_is_held_to_it(ending: str) -> None:
    assert broken_claim(f"a{ending}", "text")
    assert broken_claim(f"a{ending.upper()}", "elf")
    assert not any(broken_claim(f"a{ending}", kind) for kind in CLAIMS[ending])


def test_endings_are_those_of_the_last_part() -> None:
    assert extension("a.b/c.tar.GZ") == ".gz"
    assert extension("a.b/c") == ""
    assert extension("") == ""


def test_what_ends_as_a_zip() -> None:
    data = zipped(("a", b"a"))

    assert ends_as_zip(data)
    assert ends_as_zip(b"front" + data)
    assert ends_as_zip(data[30:], whole=False)
    assert not ends_as_zip(data + b"x")
    assert not ends_as_zip(data[:-22] + bytes(22))
    assert not ends_as_zip(b"PK\x05\x06" + bytes(18))
    assert not ends_as_zip(b"")
