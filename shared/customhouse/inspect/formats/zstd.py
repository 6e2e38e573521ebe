"""Zstandard (RFC 8878): frames are checked block by block beside the library, which accepts what breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, cast

import zstandard

from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Unopened
from customhouse.inspect.formats.streams import content
from customhouse.inspect.limits import Limits
from customhouse.inspect.reader import Reader
from customhouse.model import SkipReason

_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK_MOST = 128 << 10
_OUT = 1 << 20
_RESERVED, _RLE = 3, 1
_BETWEEN = 64 << 10
"""Bytes of all skippable frames between others that are kept: pzstd writes four in front of each."""


def entries(source: Source) -> Iterator[Entry]:
    """The content of all frames; what skippable frames hold is a member of its own."""
    while _skippable(source.reader.peek(4)):
        yield from _skipped(source)
    if source.reader.peek(4) == _MAGIC:
        between: dict[int, bytes] = {}
        yield from content(source, frames(source.reader, source.limits, between))
        for place, data in between.items():
            yield Entry(f"skippable-{place}", iter((data,)), len(data))
    while _skippable(source.reader.peek(4)):
        yield from _skipped(source)


def _skippable(magic: bytes) -> bool:
    return len(magic) == 4 and 0x50 <= magic[0] <= 0x5F and magic[1:] == b"\x2a\x4d\x18"  # noqa: PLR2004 -- RFC 8878, 3.1.2


def _skipped(source: Source) -> Iterator[Entry]:
    """A skippable frame's bytes, which tools use for tables of their own and anyone for anything."""
    head = source.reader.read(8)
    size = int.from_bytes(head[4:], "little")
    if len(head) < 8:  # noqa: PLR2004 -- magic and size
        raise Corrupt("the data breaks off within a skippable frame")
    if size:
        yield Entry(f"skippable-{source.reader.position}", source.reader.blocks(size), size)


def frames(reader: Reader, limits: Limits, between: dict[int, bytes] | None = None) -> Iterator[bytes]:
    """Frames in a row; what small skippable ones behind any of them hold goes to `between`, by place, if given."""
    while reader.peek(4) == _MAGIC:
        yield from _frame(reader, limits)
        while between is not None and _small(reader.peek(8), _BETWEEN - sum(map(len, between.values()))):
            _keep(reader, between)


def _small(head: bytes, most: int) -> bool:
    """Whether a skippable frame of at most so many bytes begins here."""
    return len(head) == 8 and _skippable(head[:4]) and int.from_bytes(head[4:], "little") <= most  # noqa: PLR2004 -- magic and size


def _keep(reader: Reader, between: dict[int, bytes]) -> None:
    size = int.from_bytes(reader.read(8)[4:], "little")
    place, data = reader.position, reader.read(size)
    if len(data) < size:
        raise Corrupt(f"{len(data):,} bytes where {size:,} were stated")
    if size:
        between[place] = data


def _frame(reader: Reader, limits: Limits) -> Iterator[bytes]:
    frame = Frame(reader, limits.dictionary)
    library = zstandard.ZstdDecompressor(max_window_size=limits.dictionary)
    total = 0
    try:
        with library.stream_reader(cast("IO[bytes]", frame), read_size=_BLOCK_MOST) as stream:
            while block := stream.read(_OUT):
                total += len(block)
                yield block
    except zstandard.ZstdError as error:
        raise Corrupt(f"bad compressed data: {error}") from error
    frame.drain()
    if frame.size is not None and frame.size != total:
        raise Corrupt(f"{total:,} bytes where the frame states {frame.size:,}", "lying-size")


class Frame:
    """One frame's bytes from a reader, checked on their way; a file to the library."""

    def __init__(self, reader: Reader, most: int) -> None:
        self._reader = reader
        self._pieces = self._parse()
        self._left = b""
        self.size: int | None = None
        self._most = most

    def read(self, size: int) -> bytes:
        """At most `size` bytes more of this frame."""
        if not self._left:
            self._left = next(self._pieces, b"")
        piece, self._left = self._left[:size], self._left[size:]
        return piece

    def drain(self) -> None:
        """Check what the library left unread."""
        for _ in self._pieces:
            pass

    def _take(self, size: int) -> bytes:
        data = self._reader.read(size)
        if len(data) < size:
            raise Corrupt("the data breaks off within a frame")
        return data

    def _parse(self) -> Iterator[bytes]:
        head, window, checked = self._header()
        yield head
        most = min(_BLOCK_MOST, window)
        last = False
        while not last:
            mark = self._take(3)
            value = int.from_bytes(mark, "little")
            last, kind, size = bool(value & 1), value >> 1 & 3, value >> 3
            if kind == _RESERVED or size > most:
                raise Corrupt("a block of a kind or size that the format does not allow", "lying-size")
            yield mark + self._take(1 if kind == _RLE else size)
        if checked:
            yield self._take(4)

    def _header(self) -> tuple[bytes, int, bool]:
        head = self._take(5)
        flags = head[4]
        single = bool(flags & 0x20)
        id_size, count_size = (0, 1, 2, 4)[flags & 3], (int(single), 2, 4, 8)[flags >> 6]
        rest = self._take((not single) + id_size + count_size)
        if flags & 8:
            raise Corrupt("a frame with its reserved bit set")
        if any(rest[not single : (not single) + id_size]):
            raise Unopened(SkipReason.UNSUPPORTED, "compressed with a dictionary that is not there")
        if count_size:
            self.size = int.from_bytes(rest[-count_size:], "little") + (256 if count_size == 2 else 0)  # noqa: PLR2004 -- RFC 8878, 3.1.1.1.4
        window = self.size or 0
        if not single:
            base = 1 << (10 + (rest[0] >> 3))
            window = base + (base >> 3) * (rest[0] & 7)
        if window > self._most:
            raise Unopened(SkipReason.LIMIT, f"a window of {window:,} bytes")
        return head + rest, window, bool(flags & 4)
