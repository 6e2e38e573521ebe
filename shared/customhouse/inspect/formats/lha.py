"""LHA: members by libarchive, and what their headers hold beside names: comments and fields that readers pass over.

https://github.com/jca02266/lha/blob/master/header.doc.md has the four levels of headers.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from customhouse.inspect.formats import libarchive
from customhouse.inspect.formats.entry import Corrupt, Entry, Source

_FIXED = 32
_LEVEL = 20


def entries(source: Source) -> Iterator[Entry]:
    """The members, then all headers as one."""
    yield from libarchive.entries(source)
    headers = bytearray()
    place = 0
    try:
        while (start := _data(source, place)) > place:
            head = source.at(place, start - place)
            headers += head[_LEVEL:]  # without the mark, by which they would be an archive again
            place = start + max(0, int.from_bytes(head[7:11], "little") - _extended(source, place))
    except struct.error as error:
        raise Corrupt("a header that breaks off") from error
    yield Entry("headers", iter((bytes(headers),)), len(headers))


def _data(source: Source, place: int) -> int:
    """Where the data behind the header at `place` begins; at `place` itself where there is no more."""
    head = source.at(place, _FIXED)
    if not head or not head[0]:
        return place
    if len(head) <= _LEVEL:
        raise Corrupt("a header that breaks off")
    if head[_LEVEL] == 2:  # noqa: PLR2004 -- the size of the whole header stands in front
        return place + max(1, int.from_bytes(head[:2], "little"))
    if head[_LEVEL] == 3:  # noqa: PLR2004 -- with wider fields
        return place + max(1, int.from_bytes(head[24:28], "little"))
    return place + 2 + head[0] + _extended(source, place)


def _extended(source: Source, place: int) -> int:
    """The bytes of a header's extensions that count as data (level 1)."""
    head = source.at(place, _FIXED)
    if head[_LEVEL] != 1:
        return 0
    start = end = place + 2 + head[0]
    (size,) = struct.unpack("<H", source.at(end - 2, 2))
    while size > 2:  # noqa: PLR2004 -- the size of the next
        end += size
        (size,) = struct.unpack("<H", source.at(end - 2, 2))
    return end - start
