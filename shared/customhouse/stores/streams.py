"""Reading an answer in chunks and never taking a short one for a whole one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import BinaryIO, Self

from customhouse.errors import Transient
from customhouse.model import Stat

CHUNK = 1 << 20


class StreamBody:
    """A `ports.Body` over any SDK's stream of bytes.

    `expected` bytes were promised: one less, and iterating raises Transient. `translated` turns the SDK's errors
    into ours; `close` frees the connection.
    """

    def __init__(
        self,
        stat: Stat,
        chunks: Iterable[bytes],
        expected: int,
        *,
        translated: Callable[[], AbstractContextManager[None]] = nullcontext,
        close: Callable[[], object] = lambda: None,
    ) -> None:
        self.stat = stat
        self._chunks = chunks
        self._expected = expected
        self._translated = translated
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        with self._translated():
            for chunk in self._chunks:
                seen += len(chunk)
                yield from pieces(chunk)
        if seen != self._expected:
            raise Transient(f"{self.stat.location}: the stream ended after {seen} of {self._expected} bytes")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._close()


def pieces(data: bytes) -> Iterator[bytes]:
    """`data` in chunks of at most 1 MiB."""
    if len(data) <= CHUNK:
        yield data
        return
    for start in range(0, len(data), CHUNK):
        yield data[start : start + CHUNK]


def blocks(source: BinaryIO, size: int = CHUNK) -> Iterator[bytes]:
    """What is left in `source` in blocks of exactly `size` bytes, the last one shorter; raw files read short."""
    while True:
        block = bytearray()
        while len(block) < size and (more := source.read(size - len(block))):
            block += more
        if block:
            yield bytes(block)
        if len(block) < size:
            return


def span(size: int, start: int, length: int | None) -> int:
    """How many bytes a read from `start` gives of an object of `size` bytes."""
    rest = max(0, size - start)
    return rest if length is None else min(rest, length)


def byte_range(start: int, length: int | None) -> str | None:
    """The HTTP Range header for a part of an object, None for all of it (RFC 9110 section 14.1.2)."""
    if length is None:
        return f"bytes={start}-" if start else None
    return f"bytes={start}-{start + length - 1}"
