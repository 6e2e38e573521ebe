"""The one pass over an artifact's bytes: hashed as they arrive, kept only where a format needs to seek."""

from __future__ import annotations

import hashlib
import io
import queue
import tempfile
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from types import TracebackType
from typing import BinaryIO, Protocol, Self

import crc32c

from customhouse.errors import Transient
from customhouse.inspect.limits import Budget
from customhouse.inspect.reader import BLOCK

_INLINE = 64 * 1024


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


class Crc32c:
    """CRC-32C (RFC 3720) in the manner of hashlib, in big-endian hex as Cloud Storage compares it."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        """Take more bytes."""
        self._value = crc32c.crc32c(data, self._value)

    def hexdigest(self) -> str:
        """Eight hex digits."""
        return f"{self._value:08x}"


def _new(name: str) -> _Hash:
    return Crc32c() if name == "crc32c" else hashlib.new(name, usedforsecurity=False)


class Hasher:
    """Digests computed on a thread of their own, so that hashing costs no time beside inflating and scanning."""

    def __init__(self, names: Collection[str]) -> None:
        self._hashes = {name: _new(name) for name in sorted(names)}
        self._queue: queue.Queue[bytes | None] = queue.Queue(4)
        self._thread: threading.Thread | None = None

    def update(self, data: bytes) -> None:
        """Take more bytes; small ones are hashed at once, the rest by the thread."""
        if self._thread is None and len(data) <= _INLINE:
            self._hash(data)
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="customhouse-hash")
            self._thread.start()
        self._queue.put(data)

    def _run(self) -> None:
        while (data := self._queue.get()) is not None:
            self._hash(data)

    def _hash(self, data: bytes) -> None:
        for digest in self._hashes.values():
            digest.update(data)

    def close(self) -> dict[str, str]:
        """Wait for the rest; lower-case hex by algorithm."""
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join()
            self._thread = None
        return {name: digest.hexdigest() for name, digest in self._hashes.items()}


class Intake:
    """An artifact's chunks, read once to the end however the walk ends."""

    def __init__(self, chunks: Iterable[bytes], digests: Collection[str], budget: Budget) -> None:
        self._chunks = iter(chunks)
        self._hasher = Hasher(digests)
        self._budget = budget
        self._failed: Exception | None = None
        self._pieces = self._hashed()
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        """The one iterator there is, so that whoever comes later goes on where the one before stopped."""
        return self._pieces

    def _hashed(self) -> Iterator[bytes]:
        """Chunks of at most 1 MiB, hashed on their way; what the source raises is raised again by `finish`."""
        for chunk in self._source():
            for start in range(0, len(chunk), BLOCK):
                piece = chunk if len(chunk) <= BLOCK else chunk[start : start + BLOCK]
                self.size += len(piece)
                self._budget.received = self.size
                self._hasher.update(piece)
                yield piece

    def _source(self) -> Iterator[bytes]:
        try:
            yield from self._chunks
        except Exception as error:
            self._failed = error
            raise

    def finish(self, expect: Mapping[str, str]) -> dict[str, str]:
        """Read what is left and close; Transient where the bytes are not those that the store reported."""
        try:
            for _ in self:
                pass
        finally:
            digests = self._hasher.close()
        if self._failed is not None:
            raise self._failed
        for name, digest in expect.items():
            if name in digests and digests[name] != digest.lower():
                raise Transient(f"{name} of the bytes that arrived is {digests[name]}, the store reported {digest}")
        return digests


def file_chunks(file: BinaryIO) -> Iterator[bytes]:
    """A file from its beginning in chunks of 1 MiB."""
    file.seek(0)
    while chunk := file.read(BLOCK):
        yield chunk


class Spool:
    """Bytes kept for seeking: in memory while the budget lasts, then in an anonymous temporary file."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._memory = self._disk = 0
        self.file: BinaryIO = io.BytesIO()

    def write(self, data: bytes | memoryview) -> None:
        """Append; LimitHit where the disk budget is used up."""
        if self._budget.spool(len(data), in_memory=self._disk == 0):
            self._memory += len(data)
        else:
            self._disk += len(data)
            self._to_disk()
        self.file.write(data)

    def _to_disk(self) -> None:
        if isinstance(self.file, io.BytesIO):
            file = tempfile.TemporaryFile()  # noqa: SIM115 -- closed by `close`
            file.write(self.file.getbuffer())
            self.file = file

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._memory + self._disk

    def fill(self, chunks: Iterable[bytes]) -> Self:
        """Append everything."""
        for chunk in chunks:
            self.write(chunk)
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget the bytes."""
        self.file.close()
        self._budget.release(self._memory, self._disk)
        self._memory = self._disk = 0
