"""Go programs: the modules that the linker wrote into the binary (debug/buildinfo)."""

from __future__ import annotations

import functools
import io
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO

from customhouse.scanners.ecosystems.found import Found
from customhouse.scanners.ecosystems.golang import module
from customhouse.scanners.ecosystems.programs import Section, at, sections
from customhouse.scanners.hyperscan_engine import Engine, compiled

MAGIC = b"\xff Go buildinf:"
_BLOB = re.compile(re.escape(MAGIC) + rb"(?:.[\x02\x03]\0{16}|[\x04\x08][\0\x01].{16})", re.DOTALL)
"""The header of build information, of Go 1.18 and later or older: programs that read it hold the magic number alone."""
_INLINE = MAGIC + b"\x08\x02" + bytes(16)
_VERSION = re.compile(r"\bgo([0-9]\S*)")
_VARINT_MOST = 10
_HEADER = 32
_SENTINEL = 16
_LARGEST = 1 << 20
_CHUNK = 4 << 20
_MOST = 64
"""Programs in one: a fat binary has one for each processor, and Go embeds whole programs in others."""


def locate(stream: BinaryIO) -> bytes:
    """All build information in a program of any size, as `modules` reads it; empty where there is none.

    ValueError where it is cut short, leads nowhere, or is there more often than there are programs.
    """
    return b"".join(_INLINE + b"".join(map(_counted, texts)) for texts in _informed(stream))


def modules(data: bytes) -> Iterator[Found]:
    """The main module, its dependencies after replacement and the standard library, of every program in one.

    Errors as for `locate`.
    """
    for texts in _informed(io.BytesIO(data)):
        release = _VERSION.search(next(texts).decode("utf-8", "replace"))
        yield Found("golang", "stdlib", release[1] if release else "")
        yield from _listed(next(texts)[_SENTINEL:-_SENTINEL].decode("utf-8", "replace"))


def _informed(file: BinaryIO) -> Iterator[Iterator[bytes]]:
    """The version of Go and the list of modules, of each program."""
    places = list(_places(file))
    parts = sections(file) if any(not header[15] & 2 for _, header in places) else []
    for place, header in places:
        yield _prefixed(file, place + _HEADER) if header[15] & 2 else _pointed(file, header, parts)


def _places(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Where build information begins, and its header."""
    file.seek(0)
    kept, start, found = b"", 0, 0
    while chunk := file.read(_CHUNK):
        window = kept + chunk
        for blob in _BLOB.finditer(window) if _magic().matches(window) else ():
            found += 1
            if found > _MOST:
                raise ValueError(f"it is there more than {_MOST} times")
            yield start + blob.start(), blob[0]
        kept = window[1 - _HEADER :]
        start += len(window) - len(kept)


@functools.cache
def _magic() -> Engine:
    return Engine(compiled([rb"\xff Go buildinf:"]))


def _prefixed(file: BinaryIO, place: int) -> Iterator[bytes]:
    """Two texts, each with its length before it (a varint)."""
    for _ in range(2):
        head = at(file, place, _VARINT_MOST)
        digits = 1 + next((number for number, byte in enumerate(head) if byte < 0x80), _VARINT_MOST)  # noqa: PLR2004 -- its last
        if digits > _VARINT_MOST:
            raise ValueError("a length that does not end")
        length = sum((byte & 0x7F) << 7 * position for position, byte in enumerate(head[:digits]))
        yield _exactly(file, place + digits, length)
        place += digits + length


def _exactly(file: BinaryIO, place: int, length: int) -> bytes:
    data = at(file, place, length) if length <= _LARGEST else b""
    if len(data) < length:
        raise ValueError("a text that is longer than the file")
    return data


def _counted(text: bytes) -> bytes:
    """A text with its length before it."""
    length, out = len(text), b""
    while length >= 0x80:  # noqa: PLR2004 -- the continuation bit of a varint
        out, length = out + bytes([length & 0x7F | 0x80]), length >> 7
    return out + bytes([length]) + text


def _pointed(file: BinaryIO, header: bytes, parts: list[Section]) -> Iterator[bytes]:
    """Two texts by the addresses of their own addresses and lengths, as Go before 1.18 has them.

    ValueError where those are not here: a program that the loader moves has zeros in their place until it runs.
    """
    size = header[14]
    form = struct.Struct((">" if header[15] else "<") + ("II" if size == 4 else "QQ"))  # noqa: PLR2004 -- of 32 bits
    for address in form.unpack_from(header, 16):
        begin, length = form.unpack(_exactly(file, _place(address, parts), form.size))
        yield _exactly(file, _place(begin, parts), length) if length else b""


def _place(address: int, parts: list[Section]) -> int:
    found = next((part for part in parts if part.address and 0 <= address - part.address < part.size), None)
    if found is None:
        raise ValueError("an address that is in no section")
    return found.offset + address - found.address


def _listed(information: str) -> Iterator[Found]:
    waiting: Found | None = None
    for line in information.split("\n"):
        words = line.split("\t")
        if words[0] == "=>" and len(words) > 2:  # noqa: PLR2004 -- mark, path, version
            waiting = module(words[1], words[2])
            continue
        if waiting:
            yield waiting
        known = words[0] in {"mod", "dep"} and len(words) > 2 and words[2] != "(devel)"  # noqa: PLR2004 -- as above
        waiting = module(words[1], words[2]) if known else None
    if waiting:
        yield waiting
