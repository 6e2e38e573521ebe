"""Zstandard (RFC 8878): frames are checked block by block beside the library, which accepts what breaks off."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, cast

import zstandard

from customhouse.inspect.formats import skippable
from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Unopened
from customhouse.inspect.formats.streams import content
from customhouse.inspect.limits import Limits
from customhouse.inspect.reader import Reader
from customhouse.model import SkipReason

_MAGIC = b"\x28\xb5\x2f\xfd"
_BLOCK_MOST = 128 << 10
_OUT = 1 << 20
_RESERVED, _RLE = 3, 1


def entries(source: Source) -> Iterator[Entry]:
    """The content of all frames; what skippable frames hold is a member of its own."""
    yield from skippable.entries(source)
    if source.reader.peek(4) == _MAGIC:
        between = skippable.Between(source.reader)
        yield from content(source, frames(source.reader, source.limits, between))
        yield from between.entries()
    yield from skippable.entries(source)


def frames(reader: Reader, limits: Limits, between: skippable.Between | None = None) -> Iterator[bytes]:
    """Frames in a row, and small skippable ones behind any of them if they are wanted."""
    while reader.peek(4) == _MAGIC:
        yield from _frame(reader, limits)
        if between is not None:
            between.take()


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
