from __future__ import annotations

import io
import tarfile

import pytest

from customhouse.model import SkipReason
from tests.inspect.support import (
    END,
    MARKER,
    Recorder,
    ar,
    block,
    clean,
    entry,
    found,
    look,
    pax,
    reasons,
    rules,
    tarred,
)

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
LONG = "folder/" * 30 + "file.txt"


@pytest.mark.parametrize("format_", FORMATS[1:])
def test_long_and_foreign_names_are_ordinary(format_: int) -> None:
    inspection = look(tarred((LONG, b"a"), ("caf\u00e9.txt", MARKER), format_=format_), "a.tar")

    assert found(inspection) == ["a.tar!/caf\u00e9.txt"]
    assert rules(inspection) == {"found"}
    assert inspection.coverage.complete


@pytest.mark.parametrize("format_", FORMATS)
def test_an_ordinary_tar_of_every_dialect_is_clean(format_: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
        for name, kind, link in (
            ("./", tarfile.DIRTYPE, ""),
            ("./a", tarfile.REGTYPE, ""),
            ("./b", tarfile.SYMTYPE, "a"),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            archive.addfile(info)

    inspection = look(buffer.getvalue())

    assert clean(inspection)
    assert inspection.coverage.members == 4


def test_a_tar_without_magic_is_known_by_its_checksum() -> None:
    inspection = look(entry(b"a.txt", MARKER, magic=bytes(8)) + END, "a.tar")

    assert inspection.kind == "tar"
    assert found(inspection) == ["a.tar!/a.txt"]


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (entry(b"../x", b"a"), "path-traversal"),
        (entry(b"/etc/x", b"a"), "path-traversal"),
        (entry(b"", b"a"), "empty-name"),
        (entry(b"a", b"1") + entry(b"./a", b"2"), "duplicate-name"),
        (entry(b"A", b"1") + entry(b"a", b"2"), "case-collision"),
        (block(b"l", flag=b"2", link=b"../../etc"), "link-escape"),
        (block(b"l", flag=b"2", link=b"/etc/passwd"), "link-escape"),
        (block(b"l", flag=b"1", link=b"../../etc/shadow"), "link-escape"),
        (block(b"l", flag=b"2", link=b"dir") + entry(b"l/x", b"1"), "link-trampoline"),
        (block(b"l", flag=b"2", link=b"dir") + entry(b"l", b"1"), "link-trampoline"),
        (block(b"l", flag=b"2", link=b"dir") + block(b"h", flag=b"1", link=b"l"), "link-trampoline"),
        (block(b"null", flag=b"3"), "device-node"),
        (block(b"pipe", flag=b"6"), "device-node"),
        (block(b"su", mode=0o4755), "setuid"),
        *(
            (entry(b"x", b"data", flag=flag), "special-with-data")
            for flag in (b"1", b"2", b"3", b"4", b"5", b"6", b"7", b"V", b"D")
        ),
        (entry(b"x", b"data", flag=b"Q"), "unknown-type"),
        (entry(b"file/", b"data"), "name-mismatch"),
        (block(b".", flag=b"5"), "name-mismatch"),
        (block(b"foo", prefix=b"."), "header-mismatch"),
        (pax(b"x", b"path=other") + entry(b"name", b"a"), "header-mismatch"),
        (pax(b"x", b"path=a\0b") + entry(b"name", b"a"), "nul-name"),
        (pax(b"x", b"path\0=evil") + entry(b"name", b"a"), "nul-name"),
        (pax(b"x", b"path=caf\xe9") + entry(b"name", b"a"), "bad-utf8"),
        (pax(b"x", b"hdrcharset=BINARY") + entry(b"name", b"a"), "pax-charset"),
        (pax(b"x", b"size=5") + entry(b"name", b"abc"), "lying-size"),
        (pax(b"g", b"path=all") + entry(b"name", b"a"), "pax-global"),
        (pax(b"g", b"size=0") + entry(b"name", b"a"), "pax-global"),
        (pax(b"x", b"mtime=1") + pax(b"g", b"mtime=2") + entry(b"name", b"a"), "pax-order"),
        (pax(b"x", b"mtime=1") + pax(b"x", b"mtime=2") + entry(b"name", b"a"), "pax-order"),
        (entry(b"L", b"long\0", flag=b"L") * 2 + entry(b"name", b"a"), "pax-order"),
        (entry(b"L", b"long\0evil\0", flag=b"L") + entry(b"name", b"a"), "nul-name"),
        (entry(b"PaxHeader", b"99 path=x\n", flag=b"x") + entry(b"name", b"a"), "bad-pax"),
        (block(b"PaxHeader", size=1 << 30, flag=b"x"), "bad-pax"),
        (entry(b"a", b"1") + bytes(512) + entry(b"b", b"2"), "hidden-member"),
        (entry(b"a", b"1") + END + entry(b"b", b"2"), "trailing-data"),
        (block(b"x", size_field=b"\xff" * 12), "lying-size"),
        (block(b"x", size_field=b"+0000000000\0"), "lying-size"),
        (block(b"x", size_field=b"0_000000000\0"), "lying-size"),
        (block(b"x", size_field=b"0o000000000\0"), "lying-size"),
        (block(b"x", size_field=b"\x80" + bytes(10) + b"\1") + bytes(512), "lying-size"),
        (pax(b"x", b"size=512") + block(b"name") + bytes(512), "lying-size"),
        (pax(b"x", b"path=a", b"path=b") + entry(b"b", b"a"), "pax-order"),
        (
            pax(b"x", b"path=" + b"m" * 120) + entry(b"L", b"n" * 120 + b"\0", flag=b"L") + entry(b"n" * 99, b"a"),
            "pax-order",
        ),
        (pax(b"x", b"path=" + b"m" * 120) + entry(b"../m", b"a"), "path-traversal"),
        (pax(b"x", b"linkpath=ok") + block(b"l", flag=b"2", link=b"other"), "header-mismatch"),
        (entry(b"L", b"n" * 120 + b"\0", flag=b"L") + entry(b"other", b"a"), "header-mismatch"),
        (entry(b"x", b"a", prefix=b"p", magic=b"ustar  \0"), "header-mismatch"),
        (entry(b"x", b"a", prefix=b"p", magic=bytes(8)), "header-mismatch"),
        (pax(b"x", b"GNU.sparse.name=other") + entry(b"x", b"a"), "sparse-lie"),
        (pax(b"x", b"GNU.sparse.realsize=50") + entry(b"x", b"a"), "sparse-lie"),
        (
            pax(b"x", b"GNU.sparse.major=1", b"GNU.sparse.realsize=1", b"GNU.sparse.map=0,1")
            + entry(b"x", b"1\n0\n1\n".ljust(512, b"\0") + b"a"),
            "sparse-lie",
        ),
        (block(b"l", flag=b"1", link=b"missing"), "link-escape"),
        (entry(b"d", b"a") + entry(b"d/x", b"a"), "duplicate-name"),
        (block(b"x", ids=b"nobody\0\0" * 2), "bad-number"),
        (block(b"x", ids=b"0000009\0" * 2), "bad-number"),
        (block(b"x", time=b"yesterday\0\0\0"), "bad-number"),
        (block(b"x", magic=b"ustaX\x0000"), "unknown-magic"),
        (block(b"x", magic=b"ustar\x0099"), "unknown-magic"),
        (block(b"x\0evil"), "nul-name"),
        (block(b"l", flag=b"2", link=b"x\0/etc"), "nul-name"),
        (block(b"x", prefix=b"\0evil"), "nul-name"),
        (block(b"x", prefix=bytes(131) + b"evil"), "nul-name"),
        (pax(b"x", b"=value") + entry(b"x", b"a"), "bad-pax"),
        *(
            (pax(flag, record) + entry(b"x", b"a"), "bad-pax")
            for flag in (b"x", b"g")
            for record in (b"mtime=soon", b"mtime=", b"atime=1,5", b"ctime=1e9", b"uid=root", b"gid=1.5")
        ),
        (pax(b"x", b"hdrcharset=ISO-IR 8859 1 1998") + entry(b"x", b"a"), "pax-charset"),
    ],
)
def test_what_readers_could_disagree_about_is_a_finding(data: bytes, rule: str) -> None:
    assert rule in rules(look(entry(b"first.txt", b"ordinary") + data + END, "a.tar"))


@pytest.mark.parametrize(
    "data",
    [
        block(b"x", ids=b"\x80\0\0\0\0\0\0\1" + b"\xff" * 8, time=b"\xff" * 12),
        block(b"x", ids=b"   501 \0" + bytes(8), time=b"14200000000 "),
        block(b"x", prefix=bytes(131) + b"15270440050\0" * 2),
        pax(b"x", b"mtime=-1.5", b"atime=1", b"ctime=1.", b"uid=-2", b"gid=70000") + entry(b"x", b"a"),
        pax(b"x", b"hdrcharset=ISO-IR 10646 2000 UTF-8", b"path=caf\xc3\xa9") + entry(b"caf\xc3\xa9", b"a"),
    ],
    ids=["base 256", "padded with blanks", "with npm's times", "numbers", "the character set that is meant anyway"],
)
def test_what_writers_make_of_a_header_is_ordinary(data: bytes) -> None:
    assert clean(look(data + END, "a.tar"))


def test_a_global_comment_as_git_writes_it_is_ordinary() -> None:
    assert clean(look(pax(b"g", b"comment=0123abcd") + entry(b"a", b"1") + END))


def test_what_follows_the_end_is_walked() -> None:
    inspection = look(entry(b"a", b"1") + END + entry(b"b", MARKER) + END, "a.tar")

    assert found(inspection) == ["a.tar!/trailing-data!/b"]


def test_what_a_folder_hides_is_walked() -> None:
    hidden = entry(b"evil.txt", MARKER)

    assert found(look(entry(b"dir/", hidden, flag=b"5") + END, "a.tar")) == ["a.tar!/dir/!/evil.txt"]


@pytest.mark.parametrize("cut", [100, 512, 700])
def test_a_tar_that_breaks_off_is_corrupt(cut: int) -> None:
    data = entry(b"a.txt", b"x" * 900)

    assert reasons(look(data[:cut])) == {SkipReason.CORRUPT} or cut < 512


def test_a_wrong_checksum_is_corrupt() -> None:
    data = bytearray(entry(b"a.txt", b"x") + END)
    data[0] ^= 1

    assert reasons(look(bytes(data))) == {SkipReason.CORRUPT}


def sparse(real: int, *parts: tuple[int, int], data: bytes = b"") -> bytes:
    """An old GNU sparse member."""
    head = bytearray(block(b"sparse", size=len(data), flag=b"S", magic=b"ustar  \0"))
    for at, (offset, length) in enumerate(parts):
        head[386 + 24 * at : 410 + 24 * at] = b"%011o\0%011o\0" % (offset, length)
    head[483:495] = b"%011o\0" % real
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head) + data + bytes(-len(data) % 512) + END


def test_a_sparse_member_is_seen_as_the_file_it_stands_for() -> None:
    recorder = Recorder()
    inspection = look(sparse(20, (4, 3), data=b"abc"), scanners=[recorder])

    assert rules(inspection) == {"sparse"}
    assert inspection.coverage.complete
    assert [member.data for member in recorder.seen] == [bytes(4) + b"abc" + bytes(13)]


@pytest.mark.parametrize(
    "data", [sparse(20, (4, 9), data=b"abc"), sparse(5, (4, 3), data=b"abc"), sparse(20, (4, 2), (5, 1), data=b"abc")]
)
def test_a_sparse_map_that_lies_is_a_finding(data: bytes) -> None:
    assert "sparse-lie" in rules(look(data))


def test_a_sparse_bomb_is_held_at_once() -> None:
    inspection = look(sparse((1 << 33) - 1, ((1 << 33) - 4, 3), data=b"abc"))

    assert reasons(inspection) >= {SkipReason.LIMIT}
    assert inspection.coverage.bytes <= 16 << 20


@pytest.mark.parametrize("records", [(b"GNU.sparse.map=0,3,10,0", b"GNU.sparse.size=10"), ()])
def test_pax_sparse_formats(records: tuple[bytes, ...]) -> None:
    if records:
        data = pax(b"x", *records) + entry(b"a", b"abc")
    else:
        body = b"1\n0\n3\n".ljust(512, b"\0") + b"abc"
        data = pax(b"x", b"GNU.sparse.major=1", b"GNU.sparse.minor=0", b"GNU.sparse.realsize=10") + entry(b"a", body)

    inspection = look(data + END)

    assert rules(inspection) == {"sparse"}
    assert inspection.coverage.complete
    assert inspection.coverage.bytes == 10


def test_links_and_programs_of_a_system_package_are_ordinary() -> None:
    tree = block(b"./usr/bin/sh", flag=b"2", link=b"/bin/dash") + entry(b"./usr/bin/su", b"x", mode=0o4755)
    tree += entry(b"./A", b"1") + entry(b"./a", b"1") + END

    parts = (b"debian-binary", b"2.0\n"), (b"control.tar", entry(b"./control", b"x") + END), (b"data.tar", tree)

    assert clean(look(ar(*parts), "a.deb"))
    assert rules(look(tree)) >= {"link-escape", "setuid", "case-collision"}
