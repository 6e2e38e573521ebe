"""Bytes of a pickle in order, of any size, at most one chunk of them in memory; plain or inflated on the way."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO

CHUNK = 1 << 20
MARGIN = 2048
"""Bytes that stay readable past `limit`, unless the input ends: more than any opcode's head takes."""
LINE = 16 << 20
"""The longest line that a text opcode may have."""


class Broken(Exception):  # noqa: N818 -- what the pickle is
    """The stream cannot be a whole, well-formed pickle; says why."""


class Reader:
    """A window on the input: `data`, which begins at byte `base`; reading beyond `limit` needs `advance` first.

    `skip` passes over so many bytes unread, and tells whether they are there; without it they are read.
    """

    def __init__(
        self, read: Callable[[int], bytes], chunk: int = CHUNK, skip: Callable[[int], bool] | None = None
    ) -> None:
        self._read = read
        self._chunk = chunk
        self._skip = skip
        self.data = b""
        self.base = 0
        self.ended = False
        self.limit = 0
        self.advance(0)

    def advance(self, at: int) -> int:
        """Drop what lies before index `at`, read on, and return the index at which `at` is now."""
        if self._skip and at > len(self.data) and not self.ended:
            beyond = at - len(self.data)
            self._drop(len(self.data))
            if not self._skip(beyond):
                raise Broken("breaks off")
            self.base += beyond
            at = 0
        while at > len(self.data) and not self.ended:
            at -= len(self.data)
            self._drop(len(self.data))
            self._fill()
        if at > len(self.data):
            raise Broken("breaks off")
        self._drop(at)
        while len(self.data) < self._chunk and not self.ended:
            self._fill()
        return 0

    def line(self, at: int) -> tuple[bytes, int]:
        """The text from index `at` to the end of its line, and the index after it; the last line may lack its end."""
        while (end := self.data.find(b"\n", at)) < 0 and not self.ended:
            if len(self.data) - at > LINE:
                raise Broken("has an endless line")
            self._fill()
        if end < 0:
            return self.data[at:], len(self.data) + 1
        return self.data[at:end], end + 1

    def _drop(self, count: int) -> None:
        self.data = self.data[count:]
        self.base += count

    def _fill(self) -> None:
        more = self._read(self._chunk)
        self.ended = not more
        self.data += more
        self.limit = len(self.data) - (0 if self.ended else MARGIN)


def inflated(source: BinaryIO, most: int) -> Callable[[int], bytes]:
    """A read function that gives what a zlib stream holds; raises Broken beyond `most` bytes or where it is corrupt."""
    chunks = _inflate(source, most)
    return lambda _size: next(chunks, b"")


def _inflate(source: BinaryIO, most: int) -> Iterator[bytes]:
    inflater, total = zlib.decompressobj(), 0
    while not inflater.eof:
        packed = inflater.unconsumed_tail or source.read(1 << 16)
        try:
            plain = inflater.decompress(packed, CHUNK)
        except zlib.error as error:
            raise Broken("does not inflate") from error
        if not packed and not plain:
            return
        total += len(plain)
        if total > most:
            raise Broken("inflates beyond all bounds")
        if plain:
            yield plain
