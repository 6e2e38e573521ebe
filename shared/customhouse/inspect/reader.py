"""Exact reads over an iterator of chunks: how every format that needs no seeking gets its bytes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

BLOCK = 1 << 20


class Reader:
    """Sequential bytes; `position` is how many were taken, `received` how many the source gave."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._buffer = b""
        self._start = 0
        self.position = 0

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end, without taking them."""
        have = len(self._buffer) - self._start
        if have < size:
            parts = [self._buffer[self._start :]] if have else []
            while have < size and (chunk := next(self._chunks, b"")):
                parts.append(chunk)
                have += len(chunk)
            self._buffer, self._start = b"".join(parts), 0
        return self._buffer[self._start : self._start + size]

    def read(self, size: int, *, behind: bytes = b"") -> bytes:
        """Take `size` bytes, fewer only at the end; they come `behind` others, which spares a copy."""
        have = len(self._buffer) - self._start
        if have >= size and not behind:
            piece = self._buffer[self._start : self._start + size]
            self._start += size
            self.position += size
            return piece
        pieces: list[bytes | memoryview] = [behind] if behind else []
        if have:
            pieces.append(memoryview(self._buffer)[self._start :] if self._start else self._buffer)
        last, self._buffer, self._start = self._buffer, b"", 0
        while have < size and (chunk := next(self._chunks, b"")):
            pieces.append(last := chunk)
            have += len(chunk)
        if have > size:
            self._buffer, self._start = last, len(last) - (have - size)
            pieces[-1] = memoryview(pieces[-1])[: size - have]
            have = size
        self.position += have
        return b"".join(pieces)

    def give_back(self, data: bytes) -> None:
        """Put back what was taken too much."""
        if data:
            self._buffer = data + self._buffer[self._start :]
            self._start = 0
            self.position -= len(data)

    def blocks(self, size: int | None = None) -> Iterator[bytes]:
        """Take `size` bytes (all, where None) in blocks as they come, at most 1 MiB each."""
        while size is None or size > 0:
            want = BLOCK if size is None else min(BLOCK, size)
            if self._start < len(self._buffer):
                want = min(want, len(self._buffer) - self._start)
            piece = self.read(want)
            if not piece:
                return
            if size is not None:
                size -= len(piece)
            yield piece

    def skip(self, size: int) -> int:
        """Take and forget `size` bytes; how many there were."""
        if 0 <= size <= len(self._buffer) - self._start:
            self._start += size
            self.position += size
            return size
        return sum(len(block) for block in self.blocks(size))

    def skip_all(self) -> None:
        """Take and forget everything."""
        for _ in self.blocks():
            pass
