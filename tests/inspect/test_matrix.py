"""The marker in every wrapper: found, or held for the right reason, never clean (scanners elsewhere say OK to many)."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator

import brotli
import py7zr
import pytest
import zstandard
from lz4 import frame as lz4

from customhouse.inspect import Limits, inspect
from customhouse.model import SkipReason
from tests.inspect.support import (
    MARKER,
    MarkerScanner,
    Part,
    ar,
    cpio,
    found,
    handmade,
    iso,
    look,
    reasons,
    rpm,
    rules,
    tarred,
    zeros,
    zipped,
)

Wrap = Callable[[bytes], bytes]


def seven(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w") as archive:
        archive.writestr(data, "inner")
    return buffer.getvalue()


def conda(data: bytes) -> bytes:
    return zipped(("metadata.json", b"{}"), ("pkg-x-1.tar.zst", zstandard.compress(tarred(("inner", data)))), method=0)


WRAPS: dict[str, Wrap] = {
    "tar": lambda data: tarred(("inner", data)),
    "tar.gz": lambda data: gzip.compress(tarred(("inner", data))),
    "tar.bz2": lambda data: bz2.compress(tarred(("inner", data))),
    "tar.xz": lambda data: lzma.compress(tarred(("inner", data))),
    "tar.lzma": lambda data: lzma.compress(tarred(("inner", data)), format=lzma.FORMAT_ALONE),
    "tar.zst": lambda data: zstandard.compress(tarred(("inner", data))),
    "tar.lz4": lambda data: lz4.compress(tarred(("inner", data))),
    "tar.br": lambda data: brotli.compress(tarred(("inner", data)), quality=2),
    "gz": gzip.compress,
    "zip": lambda data: zipped(("inner", data), method=zipfile.ZIP_STORED),
    "deflate.zip": lambda data: zipped(("inner", data), method=zipfile.ZIP_DEFLATED),
    "bzip2.zip": lambda data: zipped(("inner", data), method=zipfile.ZIP_BZIP2),
    "lzma.zip": lambda data: zipped(("inner", data), method=zipfile.ZIP_LZMA),
    "zstd.zip": lambda data: handmade(Part(name=b"inner", data=data, method=93, body=zstandard.compress(data))),
    "xz.zip": lambda data: handmade(Part(name=b"inner", data=data, method=95, body=lzma.compress(data))),
    "7z": seven,
    "cpio": lambda data: cpio((b"inner", data, 0o100644)),
    "rpm": lambda data: rpm(zstandard.compress(cpio((b"./inner", data, 0o100644)))),
    "deb": lambda data: ar((b"debian-binary", b"2.0\n"), (b"data.tar.xz", lzma.compress(tarred(("./inner", data))))),
    "iso": lambda data: iso((b"INNER.;1", data)),
    "conda": conda,
    "sfx": lambda data: b"MZ" + bytes(500) + zipped(("inner", data)),
}


@pytest.mark.parametrize("name", WRAPS)
def test_plain(name: str) -> None:
    inspection = look(WRAPS[name](MARKER), f"a.{name}")

    assert len(found(inspection)) >= 1
    assert rules(inspection) == {"found"}
    assert inspection.coverage.complete


@pytest.mark.parametrize("name", [name for name in WRAPS if name not in {"tar.br", "tar.lzma"}])
def test_twice_in_itself(name: str) -> None:
    inspection = look(WRAPS[name](WRAPS[name](MARKER)), f"a.{name}")

    assert len(found(inspection)) >= 1
    assert inspection.coverage.complete


@pytest.mark.parametrize("name", ["tar", "tar.gz", "tar.zst", "zip", "lzma.zip", "7z", "cpio", "iso", "deb"])
@pytest.mark.parametrize("depth", [17, 25])
def test_deeper_than_allowed(name: str, depth: int) -> None:
    data = MARKER
    for _ in range(depth):
        data = WRAPS[name](data)

    inspection = look(data, f"a.{name}")

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert rules(inspection) <= {"depth-limit", "ratio-limit", "found"}


@pytest.mark.parametrize("count", [9_000, 10_050])
def test_thousands_of_members_and_the_marker_last(count: int) -> None:
    members = [*((f"{at:05}", b"x") for at in range(count)), ("inner", MARKER)]

    for data in (zipped(*members, method=0), tarred(*members)):
        assert len(found(look(data))) == 1


def encrypted_7z() -> bytes:
    buffer = io.BytesIO()
    with py7zr.SevenZipFile(buffer, "w", password="secret", header_encryption=True) as archive:
        archive.writestr(MARKER, "inner")
    return buffer.getvalue()


@pytest.mark.parametrize("data", [handmade(Part(data=MARKER[::-1], flags=1)), encrypted_7z()])
def test_encrypted(data: bytes) -> None:
    inspection = look(data)

    assert reasons(inspection) == {SkipReason.ENCRYPTED}
    assert found(inspection) == []


HUGE = 2_200_000_000


def huge(*, first: bool) -> Iterator[bytes]:
    if first:
        yield MARKER
    yield from zeros(HUGE)
    if not first:
        yield MARKER


@pytest.mark.long
@pytest.mark.parametrize("first", [True, False])
def test_two_gigabytes_with_the_marker_at_either_end(first: bool) -> None:  # noqa: FBT001 -- a case, not a call
    inspection = inspect("huge.bin", huge(first=first), [MarkerScanner()], Limits())

    assert found(inspection) == ["huge.bin"]
    assert inspection.coverage.complete


@pytest.mark.long
@pytest.mark.parametrize("first", [True, False])
def test_two_gigabytes_of_zeros_in_gzip_are_held(first: bool) -> None:  # noqa: FBT001 -- a case, not a call
    def packed() -> Iterator[bytes]:
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        for piece in huge(first=first):
            yield packer.compress(piece)
        yield packer.flush()

    inspection = inspect("huge.gz", packed(), [MarkerScanner()], Limits())

    assert reasons(inspection) == {SkipReason.LIMIT}
