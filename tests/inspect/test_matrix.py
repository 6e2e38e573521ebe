"""The marker in every wrapper: found, or held for the right reason, never clean (scanners elsewhere say OK to many)."""

from __future__ import annotations

import hashlib
import itertools
import struct
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

import pytest
import zstandard

from customhouse.inspect import Limits, inspect
from customhouse.model import Inspection, SkipReason
from tests.inspect.support import (
    END,
    MARKER,
    MarkerScanner,
    Part,
    block,
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
from tests.inspect.wraps import LIBARCHIVE, PACKS, WRAPS, rar4, rar5, seven

NAMELESS = {"br", "lzma"}
"""What is known by its name alone, so that it is opened inside itself only where the name says it twice."""


def wrapped(kind: str, depth: int) -> bytes:
    """The marker in `depth` wrappers of one kind; its artifact is called `called(kind, depth)`."""
    data = MARKER
    for level in range(depth):
        data = WRAPS[kind](data, called(kind, level))
    return data


def called(kind: str, depth: int) -> str:
    return f"inner{f'.{kind}' * (depth if kind in NAMELESS else min(depth, 1))}"


def unopened(kind: str, inspection: Inspection) -> bool:
    """Whether this is a format that needs a system library, and the system has none."""
    return kind in LIBARCHIVE and any("libarchive, which is not here" in s.detail for s in inspection.coverage.skipped)


@pytest.mark.parametrize("kind", WRAPS)
@pytest.mark.parametrize("depth", [1, 2])
def test_marker_is_found_with_nothing_else_to_say(kind: str, depth: int) -> None:
    inspection = look(wrapped(kind, depth), called(kind, depth))

    if unopened(kind, inspection):
        assert reasons(inspection) == {SkipReason.UNSUPPORTED}
        return
    assert len(found(inspection)) >= 1
    assert rules(inspection) == ({"found", "sparse"} if kind == "sparse.tar" else {"found"})
    assert inspection.coverage.complete


@pytest.mark.parametrize("kind", [kind for kind in WRAPS if kind != "exe"])
@pytest.mark.parametrize("depth", [17, 25])
def test_deeper_than_allowed_is_held(kind: str, depth: int) -> None:
    inspection = look(wrapped(kind, depth), called(kind, depth))

    if unopened(kind, inspection):
        return
    assert reasons(inspection) == {SkipReason.LIMIT}
    assert rules(inspection) <= {"depth-limit", "ratio-limit", "found", "sparse"}


QUICK = {"zip", "deflate.zip", "tar", "tgz", "cpio", "rar", "cab", "iso", "rpm"}
"""The others take a minute together, most of it to be built."""


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.long) for kind in PACKS]
)
def test_ten_thousand_and_fifty_members_and_the_marker_last(kind: str) -> None:
    noise = [hashlib.sha256(b"%d" % at).digest() for at in range(10_050)]
    members = [*((f"{at:05}", data) for at, data in enumerate(noise)), ("last", MARKER)]

    inspection = look(PACKS[kind](members), f"a.{kind}")

    assert len(found(inspection)) == 1 or unopened(kind, inspection)
    assert inspection.coverage.complete or unopened(kind, inspection)


@pytest.mark.long
def test_two_hundred_thousand_members_are_held_and_the_first_are_seen() -> None:
    names = ((f"{at:06}", b"") for at in range(200_000))

    inspection = look(zipped(("0", MARKER), *names, method=0), "a.zip")

    assert len(found(inspection)) == 1
    assert reasons(inspection) == {SkipReason.LIMIT}
    assert rules(inspection) == {"found", "member-limit"}


ENCRYPTED = {
    "zip": handmade(Part(data=MARKER[::-1], flags=1)),
    "aes.zip": handmade(Part(data=MARKER[::-1], flags=1, method=99, local_extra=b"\x01\x99\x07\0\2\0AE\3\0\0")),
    "strong.zip": handmade(Part(data=MARKER[::-1], flags=0x41)),
    "7z": seven([("inner", MARKER)], "secret"),
    "names.7z": seven([("inner", MARKER)], "secret", hidden=True),
    "rar": rar5([("inner", MARKER[::-1])], encrypted=True),
    "4.rar": rar4([("inner", MARKER[::-1])], flags=4),
}


@pytest.mark.parametrize("kind", ENCRYPTED)
@pytest.mark.parametrize("outer", ["", "tar", "zip"])
def test_encrypted_is_held_and_says_so(kind: str, outer: str) -> None:
    data, name = ENCRYPTED[kind], f"a.{kind}"
    if outer:
        data, name = WRAPS[outer](data, name), f"b.{outer}"

    inspection = look(data, name)

    assert reasons(inspection) == {SkipReason.ENCRYPTED} or unopened(kind.removeprefix("names."), inspection)
    assert not inspection.coverage.complete


def test_disk_image_is_held() -> None:
    trailer = b"koly" + struct.pack(">LL", 4, 512)

    assert reasons(look(MARKER * 99 + trailer + bytes(512 - len(trailer)), "a.dmg")) == {SkipReason.UNSUPPORTED}


HUGE = 2_200_000_000


def huge(*, first: bool) -> Iterator[bytes]:
    if first:
        yield MARKER
    yield from zeros(HUGE)
    if not first:
        yield MARKER


def _gzip(chunks: Iterable[bytes], level: int, wrapper: int = 31) -> Iterator[bytes]:
    packer = zlib.compressobj(level, zlib.DEFLATED, wrapper)
    for piece in chunks:
        yield packer.compress(piece)
    yield packer.flush()


def _tar(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = HUGE + len(MARKER)
    yield block(b"big", size=size)
    yield from chunks
    yield bytes(-size % 512) + END


def _cpio(chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield b"070701" + b"".join(b"%08X" % n for n in (1, 0o100644, 0, 0, 1, 0, HUGE + len(MARKER), 0, 0, 0, 0, 4, 0))
    yield b"big\0" + bytes(-(110 + 4) % 4)
    yield from chunks
    yield bytes(-(HUGE + len(MARKER)) % 4)
    yield b"070701" + b"".join(b"%08X" % n for n in (0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0)) + b"TRAILER!!!\0\0"


def _ar(chunks: Iterable[bytes]) -> Iterator[bytes]:
    size = HUGE + len(MARKER)
    yield b"!<arch>\n" + b"big/".ljust(16) + b"0".ljust(12) + b"0     0     100644  " + b"%-10d`\n" % size
    yield from chunks
    yield b"\n" * (size % 2)


def _zstd(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Raw blocks: a frame that shrinks nothing, so no ratio is passed."""
    yield b"\x28\xb5\x2f\xfd\x00\x58"  # a window of 2 MiB, no checksum
    for chunk in chunks:
        for at in range(0, len(chunk), 128 << 10):
            piece = chunk[at : at + (128 << 10)]
            yield (len(piece) << 3).to_bytes(3, "little") + piece
    yield b"\1\0\0"


STREAMED = {
    "bin": lambda chunks: chunks,
    "tar": _tar,
    "cpio": _cpio,
    "a": _ar,
    "rpm": lambda chunks: itertools.chain([rpm(b"")], _gzip(_cpio(chunks), 0)),
    "gz": lambda chunks: _gzip(chunks, 0),
    "tar.gz": lambda chunks: _gzip(_tar(chunks), 0),
    "zst": _zstd,
    "tar.zst": lambda chunks: _zstd(_tar(chunks)),
}


@pytest.mark.long
@pytest.mark.parametrize("kind", STREAMED)
@pytest.mark.parametrize("first", [True, False])
def test_two_gigabytes_with_the_marker_at_either_end(kind: str, first: bool) -> None:  # noqa: FBT001 -- a case, not a call
    inspection = inspect(f"huge.{kind}", STREAMED[kind](huge(first=first)), [MarkerScanner()], Limits())

    assert len(found(inspection)) == 1
    assert inspection.coverage.complete


def sparse(*parts: tuple[int, bytes]) -> BinaryIO:
    """A file of which only these parts take room on the disk."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by who asked for it
    for place, data in parts:
        file.seek(place)
        file.write(data)
    return file


def huge_zip(*, first: bool) -> BinaryIO:
    """A stored member of 2.2 GB, in a sparse file."""
    crc, size = 0, HUGE + len(MARKER)
    for piece in huge(first=first):
        crc = zlib.crc32(piece, crc)
    local = struct.pack("<4sHHHHHLLLHH", b"PK\3\4", 20, 0, 0, 0, 33, crc, size, size, 3, 0) + b"big"
    fields = (b"PK\1\2", 0x314, 20, 0, 0, 0, 33, crc, size, size, 3, 0, 0, 0, 0, 0, 0)
    directory = struct.pack("<4sHHHHHHLLLHHHHHLL", *fields) + b"big"
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(local) + size, 0)
    marked = len(local) + (0 if first else HUGE)
    return sparse((0, local), (marked, MARKER), (len(local) + size, directory + end))


def huge_iso(*, first: bool) -> BinaryIO:
    """A file that the disc's one folder says is 2.2 GB."""
    size = HUGE + len(MARKER)
    disc = iso((b"BIG.;1", b"x" * 4096))
    stated = [struct.pack("<L", number) + struct.pack(">L", number) for number in (4096, size)]
    start = len(disc) - 4096
    places = (
        (0, disc[:start].replace(*stated)),
        (start + (0 if first else HUGE), MARKER),
        (start + size + 2047, b"\0"),
    )
    return sparse(*places)


def huge_7z(*, first: bool) -> BinaryIO:
    """A member that is copied, in a sparse file."""
    size = HUGE + len(MARKER)
    number = b"\xf0" + struct.pack("<L", size)
    streams = b"\x06\0\x01\x09" + number + b"\0" + b"\x07\x0b\x01\0\x01\x01\0\x0c" + number + b"\0\0"
    files = b"\x05\x01\x11\x09\0" + "big\0".encode("utf-16-le") + b"\0"
    header = b"\x01\x04" + streams + files + b"\0"
    start = struct.pack("<QQL", size, len(header), zlib.crc32(header))
    head = b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start
    return sparse((0, head), (32 + (0 if first else HUGE), MARKER), (32 + size, header))


SEEKING = {"zip": huge_zip, "iso": huge_iso, "7z": huge_7z}


@pytest.mark.long
@pytest.mark.parametrize("kind", SEEKING)
@pytest.mark.parametrize("first", [True, False])
def test_two_gigabytes_in_what_is_read_by_seeking(kind: str, first: bool) -> None:  # noqa: FBT001 -- a case, not a call
    with SEEKING[kind](first=first) as file:
        inspection = inspect(f"huge.{kind}", (), [MarkerScanner()], Limits(), file=file)

    assert len(found(inspection)) == 1
    assert inspection.coverage.complete


SHRUNK = {
    "gz": lambda chunks: _gzip(chunks, 6),
    "tar.gz": lambda chunks: _gzip(_tar(chunks), 6),
    "zst": lambda chunks: _library(zstandard.ZstdCompressor(level=1).compressobj(), chunks),
}


def _library(packer: zstandard.ZstdCompressionObj, chunks: Iterable[bytes]) -> Iterator[bytes]:
    for piece in chunks:
        yield packer.compress(piece)
    yield packer.flush()


@pytest.mark.long
@pytest.mark.parametrize("kind", SHRUNK)
@pytest.mark.parametrize("first", [True, False])
def test_two_gigabytes_of_zeros_packed_small_are_held(kind: str, first: bool) -> None:  # noqa: FBT001 -- a case, not a call
    inspection = inspect(f"huge.{kind}", SHRUNK[kind](huge(first=first)), [MarkerScanner()], Limits())

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert inspection.coverage.bytes < 64 << 20


@pytest.mark.long
def test_two_gigabytes_deflated_in_a_zip_are_held() -> None:
    body = b"".join(_gzip(huge(first=True), 6, -15))
    data = handmade(Part(name=b"big", data=b"", method=8, body=body, crc=0, size=HUGE + len(MARKER)))

    assert SkipReason.LIMIT in reasons(look(data, "huge.zip"))


def test_wheel_in_a_tar_in_a_deb_in_an_image_is_walked() -> None:
    wheel = zipped(("x-1.dist-info/WHEEL", b"y"), ("x/a.py", MARKER))
    image = WRAPS["oci.tar"](WRAPS["deb"](tarred(("x.whl", wheel)), "x.tar"), "x.deb")

    inspection = look(image, "image.tar")

    assert len(found(inspection)) == 1
    assert found(inspection)[0].endswith("x.whl!/x/a.py")
