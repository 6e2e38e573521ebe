"""Android packages by AndroidManifest.xml in its binary form (AOSP, frameworks/base/libs/androidfw ResourceTypes.h)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.found import Found, Source

_CHUNK = struct.Struct("<HHI")
_POOL = struct.Struct("<8xI4xII")
_ELEMENT = struct.Struct("<24xHHH")
_ATTRIBUTE = struct.Struct("<4xIi3xBI")
_XML, _STRINGS, _START = 0x0003, 0x0001, 0x0102
_TEXT, _UTF8 = 0x03, 1 << 8
_LONGEST = 512
"""Bytes of a text that are read: each ends with a zero, and a package's name is far shorter."""


def manifest(source: Source) -> Iterator[Found]:
    """The application by the attributes of its first element."""
    data = source.data
    try:
        kind, head, _ = _CHUNK.unpack_from(data)
        if kind != _XML:  # plain text: the source of a manifest, which no device reads
            return
        found = _root(data, head)
    except (struct.error, IndexError) as error:
        raise Malformed("an AndroidManifest.xml that breaks off") from error
    name, version = found.get("package", ""), found.get("versionName", "")
    if name:
        yield Found("generic", name, version, qualifiers={"platform": "android"})


def _root(data: bytes, place: int) -> dict[str, str]:
    """The texts among the attributes of the first element."""
    strings = b""
    while place < len(data):
        kind, _, size = _CHUNK.unpack_from(data, place)
        if not _CHUNK.size <= size <= len(data) - place:
            raise Malformed("an AndroidManifest.xml with a part of no or excessive length")
        if kind == _STRINGS:
            strings = data[place : place + size]
        elif kind == _START:
            return dict(_attributes(data[place : place + size], strings))
        place += size
    raise Malformed("an AndroidManifest.xml without an element")


def _attributes(chunk: bytes, strings: bytes) -> Iterator[tuple[str, str]]:
    start, size, count = _ELEMENT.unpack_from(chunk)
    for number in range(count):
        place = 16 + start + max(size, _ATTRIBUTE.size) * number
        name, raw, kind, value = _ATTRIBUTE.unpack_from(chunk, place)
        if kind == _TEXT or raw >= 0:
            yield _string(strings, name), _string(strings, value if kind == _TEXT else raw)


def _string(pool: bytes, index: int) -> str:
    """One text of the pool: UTF-8 behind two lengths of one or two bytes, UTF-16 behind one of one or two units."""
    head = _CHUNK.unpack_from(pool)[1]
    count, flags, start = _POOL.unpack_from(pool)
    if index >= count:
        raise IndexError(index)
    place = start + struct.unpack_from("<I", pool, head + 4 * index)[0]
    if flags & _UTF8:
        place += 2 if pool[place] & 0x80 else 1
        place += 2 if pool[place] & 0x80 else 1
        return pool[place : place + _LONGEST].partition(b"\0")[0].decode("utf-8", "replace")
    place += 4 if struct.unpack_from("<H", pool, place)[0] & 0x8000 else 2
    return pool[place : place + _LONGEST].decode("utf-16-le", "replace").partition("\0")[0]
