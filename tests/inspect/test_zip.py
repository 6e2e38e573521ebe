from __future__ import annotations

import io
import struct
import zipfile

import pytest

from customhouse.inspect import Limits
from customhouse.model import SkipReason
from tests.inspect.support import MARKER, Part, Recorder, clean, found, handmade, look, reasons, rules, zipped

DESCRIPTOR = b"PK\7\x08\x86\xa6\x106\5\0\0\0\5\0\0\0"
UNICODE = b"up\x07\0\x01\xac\x74\x17\x21XY"


def test_an_ordinary_zip_is_complete_and_without_findings() -> None:
    inspection = look(zipped(("a.txt", b"hello"), ("b/", b""), ("b/c.txt", b"x" * 1000)))

    assert clean(inspection)
    assert (inspection.kind, inspection.coverage.members, inspection.coverage.bytes) == ("zip", 4, 1005)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_method_of_the_standard_library_is_opened(method: int) -> None:
    data = zipped(("noise.bin", bytes(range(256)) * 999), ("deep/marked.txt", b"x" * 5000 + MARKER), method=method)

    inspection = look(data, "a.zip")

    assert found(inspection) == ["a.zip!/deep/marked.txt"]
    assert inspection.coverage.complete


def test_a_streamed_zip_with_data_descriptors_is_ordinary() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.txt", b"hello" * 99)
        archive.writestr("b.txt", b"bye" * 99)

    assert clean(look(pipe.getvalue()))


def test_zip64_fields_are_ordinary() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("big.bin", "w", force_zip64=True) as member:
        member.write(b"hello")

    assert clean(look(buffer.getvalue()))


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (handmade(Part(local_name=b"b.txt")), "header-mismatch"),
        (handmade(Part(local_size=9)), "header-mismatch"),
        (handmade(Part(offset=1)), "header-mismatch"),
        (handmade(Part(), Part()), "duplicate-name"),
        (handmade(Part(name=b"a"), Part(name=b"b", offset=0, local_name=b"a")), "overlap"),
        (handmade(Part(crc=1)), "bad-checksum"),
        (handmade(Part(method=8, size=4)), "lying-size"),
        (handmade(Part(method=8, size=6)), "lying-size"),
        (handmade(Part(method=8, body=b"\xcb\x48\xcd\xc9\xc9\x07\0AAAA")), "lying-size"),
        (handmade(Part(flags=8, descriptor=DESCRIPTOR[:-1] + b"\1")), "lying-size"),
        (handmade(Part(name=b"hidden.py", listed=False), Part()), "hidden-member"),
        (handmade(Part(), Part(name=b"hidden.py", listed=False)), "hidden-member"),
        (handmade(Part(), gap=b"between"), "hidden-data"),
        (handmade(Part()) + b"behind", "trailing-data"),
        (handmade(Part(), prefix=b"GIF89a" + bytes(20)), "polyglot"),
        (handmade(Part(), comment=handmade(Part(name=b"other"))), "two-end-records"),
        (handmade(Part(), count=2), "lying-size"),
        (handmade(Part(name=b"../../etc/passwd")), "path-traversal"),
        (handmade(Part(name=b"/etc/passwd")), "path-traversal"),
        (handmade(Part(name=b"C:\\Windows\\x")), "path-traversal"),
        (handmade(Part(name=b"..\\..\\x")), "path-traversal"),
        (handmade(Part(name=b"a\0b")), "nul-name"),
        (handmade(Part(name="a\u202egpj.exe".encode(), flags=0x800)), "deceptive-name"),
        (handmade(Part(name=b"caf\x82")), "bad-utf8"),
        (handmade(Part(name=b"caf\xff", flags=0x800)), "bad-utf8"),
        (handmade(Part(name=b"READ.me"), Part(name=b"read.ME")), "case-collision"),
        (handmade(Part(name=b"folder/")), "name-mismatch"),
        (handmade(Part(name=b"")), "empty-name"),
        (handmade(Part(extra=UNICODE, local_extra=UNICODE)), "header-mismatch"),
        (handmade(Part(extra=UNICODE * 2, local_extra=UNICODE * 2)), "duplicate-extra"),
        (handmade(Part(extra=b"up\xff\0abc")), "bad-extra"),
        (handmade(Part(name=b"dev", attributes=0o020644 << 16)), "device-node"),
        (handmade(Part(name=b"su", attributes=0o104755 << 16)), "setuid"),
        (handmade(Part(name=b"link", data=b"../../x", attributes=0o120777 << 16)), "link-escape"),
        (
            handmade(Part(name=b"d", data=b"elsewhere", attributes=0o120777 << 16), Part(name=b"d/file")),
            "link-trampoline",
        ),
        (handmade(Part(extra=bytes(3))), "bad-extra"),
        (handmade(Part(method=8, local_extra=bytes(3))), "bad-extra"),
        (handmade(Part(extra=struct.pack("<HH", 0xCAFE, 600) + b"x" * 600)), "hidden-data"),
        (handmade(Part(local_extra=struct.pack("<HH", 0xCAFE, 600) + b"x" * 600)), "hidden-data"),
        (handmade(Part(name=b"a."), Part(name=b"a")), "case-collision"),
        (handmade(Part(name=b"d /a"), Part(name=b"d/a")), "case-collision"),
        (handmade(Part(name=b"a"), Part(name=b"a/b")), "duplicate-name"),
    ],
)
def test_what_readers_could_disagree_about_is_a_finding(data: bytes, rule: str) -> None:
    inspection = look(data, "a.zip")

    assert rule in rules(inspection)


def test_a_program_in_front_of_a_zip_is_ordinary_and_scanned() -> None:
    script = b"#!/usr/bin/env python3\n" + MARKER + b"\n"

    inspection = look(handmade(Part(name=b"__main__.py"), prefix=script), "tool.pyz")

    assert rules(inspection) == {"found"}
    assert inspection.coverage.complete
    assert inspection.kind == "script"


def test_hidden_bytes_are_scanned_too() -> None:
    inspection = look(handmade(Part(), Part(name=b"x", data=MARKER, listed=False)), "a.zip")

    assert any("hidden-data" in path for path in found(inspection))


def test_an_encrypted_member_is_a_skip_and_the_others_are_seen() -> None:
    inspection = look(handmade(Part(name=b"secret", flags=1), Part(name=b"open", data=MARKER)), "a.zip")

    assert reasons(inspection) == {SkipReason.ENCRYPTED}
    assert found(inspection) == ["a.zip!/open"]
    assert (inspection.coverage.members, inspection.coverage.opened) == (3, 2)


def test_alignment_of_zeros_in_an_extra_field_is_ordinary() -> None:
    assert clean(look(handmade(Part(local_extra=bytes(3)))))
    assert clean(look(handmade(Part(local_extra=struct.pack("<HHH", 0xD935, 4000, 4096) + bytes(3998)))))


@pytest.mark.parametrize(
    ("flag", "reason"),
    [
        (0x01, SkipReason.ENCRYPTED),
        (0x40, SkipReason.ENCRYPTED),
        (0x2000, SkipReason.ENCRYPTED),
        (0x20, SkipReason.UNSUPPORTED),
    ],
)
def test_flags_that_some_readers_refuse_and_others_ignore_are_skips(flag: int, reason: SkipReason) -> None:
    assert reasons(look(handmade(Part(flags=flag)))) == {reason}


def test_the_comment_of_an_archive_is_scanned() -> None:
    inspection = look(handmade(Part(), comment=MARKER), "a.zip")

    assert found(inspection) == ["a.zip!/archive-comment"]
    assert inspection.coverage.complete


def test_an_unknown_method_is_a_skip() -> None:
    assert reasons(look(handmade(Part(method=5)))) == {SkipReason.UNSUPPORTED}


def test_a_directory_larger_than_allowed_is_read_in_part_and_never_clean() -> None:
    inspection = look(handmade(*(Part(name=b"%03d" % at) for at in range(100))), limits=Limits(directory=2000))

    assert reasons(inspection) >= {SkipReason.LIMIT}
    assert inspection.coverage.members > 10


def test_a_zip_that_breaks_off_is_corrupt() -> None:
    inspection = look(zipped(("a.txt", b"hello"))[:-30])

    assert not clean(inspection)


def test_a_wheel_a_jar_and_a_package_are_told_by_their_names() -> None:
    kinds = {
        "wheel": "x-1.dist-info/WHEEL",
        "jar": "META-INF/MANIFEST.MF",
        "nupkg": "x.nuspec",
        "torch": "model/data.pkl",
        "docx": "word/document.xml",
    }
    for kind, name in kinds.items():
        assert look(zipped((name, b"x"), ("other", b"y"))).kind == kind


def test_every_member_of_a_wheel_knows_that_it_is_in_one() -> None:
    recorder = Recorder()
    look(zipped(("pkg/a.py", b"x"), ("x-1.dist-info/WHEEL", b"y")), scanners=[recorder])

    assert {member.container for member in recorder.seen} == {"wheel"}


def test_names_that_differ_by_case_are_ordinary_where_an_archive_is_read_in_place() -> None:
    manifest = ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0")

    assert clean(look(zipped(manifest, ("o/A.class", b"1"), ("o/a.class", b"2")), "a.jar"))
    assert rules(look(zipped(manifest, ("meta-inf/manifest.mf", b"x")), "a.jar")) == {"case-collision"}
    twice = handmade(Part(name=b"META-INF/MANIFEST.MF"), Part(name=b"a.class"), Part(name=b"a.class", data=b"2"))
    assert rules(look(twice, "a.jar")) == {"duplicate-name"}


NONE = b"\0" * 12


@pytest.mark.parametrize("descriptor", [b"PK\7\x08" + NONE, NONE, b"PK\7\x08" + NONE + bytes(8), NONE + bytes(8)])
def test_a_folder_with_a_descriptor_of_zeros_is_ordinary(descriptor: bytes) -> None:
    folder = Part(name=b"dir/", data=b"", flags=8, descriptor=descriptor)

    assert clean(look(handmade(folder, Part(name=b"dir/a.txt")), "a.zip"))
    assert clean(look(handmade(Part(name=b"dir/a.txt"), folder), "a.zip"))


def test_a_folder_that_was_deflated_as_ant_does_is_ordinary() -> None:
    descriptor = b"PK\7\x08" + bytes(4) + b"\2\0\0\0" + bytes(4)
    folder = Part(name=b"dir/", data=b"", flags=8, method=8, body=b"\3\0", descriptor=descriptor)

    assert clean(look(handmade(folder, Part(name=b"dir/a.txt")), "a.jar"))
