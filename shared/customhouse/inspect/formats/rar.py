"""RAR: members by libarchive, and what it passes over: comments, recovery records, blocks of kinds that nobody knows.

https://www.rarlab.com/technote.htm for version 5, unrar's headers.hpp for those before.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator

from customhouse.inspect.formats import libarchive
from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.model import SkipReason

_FIVE = b"Rar!\x1a\x07\x01\0"
_FILE5, _END5, _EXTRA5, _DATA5 = 2, 5, 1, 2
_FILE4, _END4, _DATA4, _LARGE4 = 0x74, 0x7B, 0x8000, 0x100
_BLOCKS = 1_000_000
_HEAD5, _HEAD4 = 64, 40
"""Bytes in which all fields stand that say how long a block is."""


def entries(source: Source) -> Iterator[Entry]:
    """The members, then everything that is not the bytes of one: headers, and blocks that readers pass over."""
    yield from libarchive.entries(source)
    five = source.at(0, len(_FIVE)) == _FIVE
    try:
        parts = list(itertools.islice(_blocks5(source) if five else _blocks4(source), _BLOCKS))
    except (struct.error, IndexError) as error:
        raise Corrupt("a block that breaks off") from error
    if len(parts) == _BLOCKS:
        source.skip(SkipReason.LIMIT, f"more than {_BLOCKS:,} blocks")
    yield Entry("headers", (block for start, stop in parts for block in source.blocks(start, stop - start)))


def _blocks5(source: Source) -> Iterator[tuple[int, int]]:
    """Where the blocks of version 5 lie: without the checksum in front of each, and files without their data."""
    place = len(_FIVE)
    while place < source.size:
        head = source.at(place + 4, _HEAD5)
        size, at = _number(head, 0)
        stop = place + 4 + at + size
        kind, at = _number(head, at)
        flags, at = _number(head, at)
        if flags & _EXTRA5:
            _, at = _number(head, at)
        data = _number(head, at)[0] if flags & _DATA5 else 0
        yield place + 4, stop if kind == _FILE5 else stop + data
        if kind == _END5:
            return
        place = stop + data


def _number(head: bytes, place: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and what follows it."""
    value = shift = 0
    while True:
        value |= (head[place] & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if head[place - 1] < 0x80:  # noqa: PLR2004 -- the bit that says that more follows
            return value, place


def _blocks4(source: Source) -> Iterator[tuple[int, int]]:
    """As above, before version 5."""
    place = len(_FIVE) - 1
    while place < source.size:
        head = source.at(place, _HEAD4)
        kind, flags, size = struct.unpack_from("<2xBHH", head)
        if size < 7:  # noqa: PLR2004 -- these fields
            raise Corrupt("a block shorter than its header")
        data = struct.unpack_from("<L", head, 7)[0] if flags & _DATA4 or kind == _FILE4 else 0
        if kind == _FILE4 and flags & _LARGE4:
            data += struct.unpack_from("<L", head, 32)[0] << 32
        stop = place + size
        yield place + 2, stop if kind == _FILE4 else stop + data
        if kind == _END4:
            return
        place = stop + data
