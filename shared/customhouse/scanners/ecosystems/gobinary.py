"""Go programs: the modules that the linker wrote into the binary (debug/buildinfo)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from customhouse.scanners.ecosystems.found import Found
from customhouse.scanners.ecosystems.golang import module

MAGIC = b"\xff Go buildinf:"
_HEADER = 32
_INLINE = 2
_SENTINEL = 16
_LARGEST = 1 << 20
_CHUNK = 4 << 20


def locate(stream: BinaryIO) -> bytes:
    """The build information of a program of any size, from its magic number on; empty where there is none."""
    stream.seek(0)
    kept = b""
    while chunk := stream.read(_CHUNK):
        place = (kept + chunk).find(MAGIC)
        if place >= 0:
            found = (kept + chunk)[place:]
            return found + stream.read(max(0, 2 * _LARGEST - len(found)))
        kept = chunk[-len(MAGIC) :]
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
    if length > _LARGEST or place + length > len(data):
        raise ValueError("a string that is longer than the file")
    return data[place : place + length].decode("utf-8", "replace"), place + length


def modules(data: bytes) -> Iterator[Found]:
    """The main module, its dependencies after replacement and the standard library; Go 1.18 and later.

    ValueError or IndexError where the information is cut short.
    """
    place = data.find(MAGIC)
    if place < 0 or not data[place + 15] & _INLINE:
        return
    version, after = _text(data, place + _HEADER)
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
