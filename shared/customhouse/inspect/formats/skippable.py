"""Skippable frames, which lz4 and zstd share: tools keep their tables in them, and anyone anything (RFC 8878)."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.inspect.reader import Reader

_HEAD = 8
"""Magic and size."""
_BETWEEN = 64 << 10
"""Bytes of all skippable frames between others that are kept: pzstd writes four in front of each."""


def entries(source: Source) -> Iterator[Entry]:
    """The skippable frames that come next, each a member."""
    while _begins(source.reader.peek(4)):
        head = source.reader.read(_HEAD)
        size = int.from_bytes(head[4:], "little")
        if len(head) < _HEAD:
            raise Corrupt("the data breaks off within a skippable frame")
        if size:
            yield Entry(f"skippable-{source.reader.position}", source.reader.blocks(size), size)


class Between:
    """What small skippable frames hold that stand between others or behind the last, by their place."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._left = _BETWEEN
        self._kept: dict[int, bytes] = {}

    def take(self) -> None:
        """Take the frames that come next, as far as there is room; `entries` has the rest."""
        while (head := self._reader.peek(_HEAD)) and len(head) == _HEAD and _begins(head[:4]):
            size = int.from_bytes(head[4:], "little")
            if size > self._left:
                return
            self._reader.read(_HEAD)
            place, data = self._reader.position, self._reader.read(size)
            if len(data) < size:
                raise Corrupt(f"{len(data):,} bytes where {size:,} were stated")
            self._left -= size
            if size:
                self._kept[place] = data

    def entries(self) -> Iterator[Entry]:
        """What was taken, each a member."""
        for place, data in self._kept.items():
            yield Entry(f"skippable-{place}", iter((data,)), len(data))


def _begins(magic: bytes) -> bool:
    return len(magic) == 4 and 0x50 <= magic[0] <= 0x5F and magic[1:] == b"\x2a\x4d\x18"  # noqa: PLR2004 -- RFC 8878, 3.1.2
