"""What can be seen of an artifact that is too large to be read whole: its ends, its headers, its list of members."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import BinaryIO, Protocol

from msgspec import structs

from customhouse.inspect.appended import Watch
from customhouse.inspect.feed import WINDOW, Feed
from customhouse.inspect.formats import FORMATS, closed
from customhouse.inspect.identify import HEAD, identify
from customhouse.inspect.ledger import Ledger
from customhouse.inspect.limits import Budget, LimitHit, Limits
from customhouse.inspect.names import printable
from customhouse.inspect.reader import Reader
from customhouse.inspect.section import Section
from customhouse.inspect.spool import file_chunks
from customhouse.inspect.walk import Node, Walker
from customhouse.model import Inspection, SkipReason, Stat
from customhouse.ports import Store
from customhouse.scanners import Member, Scanner

_BLOCK = 64 << 10
_FOOTER_MOST = 16 << 20


class Ranges(Protocol):
    """One version of an object, read in parts."""

    @property
    def size(self) -> int:
        """Bytes in all."""
        ...

    def read(self, start: int, length: int) -> bytes:
        """These bytes, fewer only where the object ends; raises what the store raises."""
        ...


class Stored:
    """Ranges of an object in a store, always of the version in `stat`."""

    def __init__(self, store: Store, stat: Stat) -> None:
        self._store = store
        self._stat = stat

    @property
    def size(self) -> int:
        """As the store reported."""
        return self._stat.size

    def read(self, start: int, length: int) -> bytes:
        """One call; errors as `Store.read`."""
        with self._store.read(self._stat.location, start, length) as body:
            return b"".join(body)


class Parts:
    """Files over ranges that share a budget: LimitHit where more would be read than `limits.parts`."""

    def __init__(self, ranges: Ranges, budget: Budget) -> None:
        self._ranges = ranges
        self._budget = budget
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """Bytes of the whole."""
        return self._ranges.size

    def open(self) -> BinaryIO:
        """A file of its own position, which fetches blocks of 64 KiB and more."""
        return io.BufferedReader(_File(self), _BLOCK)

    def read(self, start: int, length: int) -> bytes:
        """Bytes of the object, counted."""
        with self._lock:
            if self._budget.received + length > self._budget.limits.parts:
                raise LimitHit("parts-limit", f"more than {self._budget.limits.parts:,} bytes to read in parts")
            self._budget.received += length
        return self._ranges.read(start, length)


class _File(Section):
    """All of an artifact as a file."""

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts.size)
        self._parts = parts

    def fill(self, buffer: memoryview, offset: int) -> int:
        """As Section.fill."""
        data = self._parts.read(offset, len(buffer))
        buffer[: len(data)] = data
        return len(data)


def inspect_parts(
    name: str,
    ranges: Ranges,
    scanners: Sequence[Scanner],
    limits: Limits,
    *,
    digests: Mapping[str, str] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Inspection:
    """Inspect what at most `limits.parts` bytes show of an artifact larger than `limits.artifact`.

    Members of a zip, 7z or disc up to a window's size are opened where they lie; of models and tables the headers and
    footers are read, by scanners that seek; of what can only be read from the front, the beginning. The ledger says
    which part was seen, and is never complete. `digests` are those that the store computed: none can be here.
    """
    budget, ledger = Budget(replace(limits, member=limits.window), clock), Ledger()
    parts, feed = Parts(ranges, budget), Feed(scanners, budget, ledger)
    node = Node(printable(name), name.rpartition("/")[2])
    walker = Walker(budget, ledger, feed)
    with parts.open() as file, parts.open() as seeking:
        head = file.read(HEAD)
        format_ = FORMATS.get(identify(head, node.name))
        if format_ is None:
            kind = walker.artifact(node, lambda: _ends(node, head, parts, feed, ledger))
        else:
            reader = Reader((head,) if format_.seeks else file_chunks(file))
            kind = walker.artifact(node, lambda: walker.walk(node, reader, seeking))
        feed.close()
    detail = f"{budget.received:,} of {ranges.size:,} bytes were read: the artifact is too large to be read whole"
    ledger.skip(node.path, SkipReason.LIMIT, detail)
    return Inspection(
        name=name,
        kind=kind,
        size=ranges.size,
        digests=dict(digests or {}),
        findings=ledger.findings(),
        packages=ledger.packages(),
        coverage=ledger.coverage(),
        engines={scanner.name: scanner.version for scanner in scanners},
        seconds=budget.elapsed,
    )


def _ends(node: Node, head: bytes, parts: Parts, feed: Feed, ledger: Ledger) -> str:
    """A leaf: its first and last window for all scanners, and the file for those that seek in it."""
    kind = identify(head, node.name)
    with parts.open() as file:
        first = Member(node.path, node.name, kind, parts.size, file.read(WINDOW), last=False)
        start = max(len(first.data), parts.size - _footer(file, parts.size))
        file.seek(start)
        last = structs.replace(first, data=file.read(), offset=start, last=True)
    feed.part(first)
    feed.part(last)
    for scanner in feed.seeking(first):
        feed.stream(first, file := parts.open(), [scanner], file)
    if why := closed(kind):
        ledger.skip(node.path, *why)
    watch = Watch(kind)
    for window in (first, last):
        watch.see(window.data, len(window.data))
    watch.close()
    if found := watch.found or ("the zip at its end is not opened" if watch.zip else ""):
        ledger.skip(node.path, SkipReason.UNSUPPORTED, found)
    return kind


def _footer(file: BinaryIO, size: int) -> int:
    """How many bytes of the end are read: a parquet file's metadata with its length and magic, else one block."""
    file.seek(max(0, size - 8))
    tail = file.read(8)
    stated = int.from_bytes(tail[:4], "little") + 8 if tail[4:] == b"PAR1" else 0
    return max(_BLOCK, stated) if stated <= _FOOTER_MOST else _BLOCK
