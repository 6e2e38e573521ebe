"""Go programs: the modules that the linker wrote into the binary (debug/buildinfo)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from customhouse.scanners.ecosystems.found import Found
from customhouse.scanners.ecosystems.golang import module

MAGIC = b"\xff Go buildinf:"
_BLOB = re.compile(re.escape(MAGIC) + rb".[\x02\x03]\0{16}", re.DOTALL)
"""The header of build information: programs that read it hold the magic number alone, before their own."""
_VARINT_MOST = 64
_HEADER = 32
_SENTINEL = 16
_LARGEST = 1 << 20
_CHUNK = 4 << 20


def locate(stream: BinaryIO) -> bytes:
    """The build information of a program of any size, from its magic number on; empty where there is none."""
    stream.seek(0)
    kept = b""
    while chunk := stream.read(_CHUNK):
        window = kept + chunk
        blob = _BLOB.search(window)
        if blob:
            found = window[blob.start() :]
            return found + stream.read(max(0, 2 * _LARGEST - len(found)))
        kept = window[1 - _HEADER :]
    return b""


def _text(data: bytes, place: int) -> tuple[str, int]:
    """A string with its length before it (a varint), and where it ends."""
    length = shift = 0
    while True:
        byte = data[place]
        length |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004 -- the continuation bit of a varint
            break
        if shift > _VARINT_MOST:
            raise ValueError("a length that does not end")
    if length > _LARGEST or place + length > len(data):
        raise ValueError("a string that is longer than the file")
    return data[place : place + length].decode("utf-8", "replace"), place + length


def modules(data: bytes) -> Iterator[Found]:
    """The main module, its dependencies after replacement and the standard library; Go 1.18 and later.

    ValueError or IndexError where the information is cut short.
    """
    blob = _BLOB.search(data)
    if blob is None:
        return
    version, after = _text(data, blob.end())
    yield Found("golang", "stdlib", version.removeprefix("go").partition(" ")[0])
    information, _ = _text(data, after)
    waiting: Found | None = None
    for line in information[_SENTINEL:-_SENTINEL].split("\n"):
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
