"""Hands every member's bytes to every scanner that wants them, once, and records whatever a scanner did not see."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import BinaryIO

from msgspec.structs import replace

from customhouse.inspect.appended import Carried
from customhouse.inspect.ledger import Ledger
from customhouse.inspect.limits import Budget, Exhausted, LimitHit
from customhouse.inspect.names import printable
from customhouse.inspect.pool import Pool
from customhouse.inspect.reader import Reader
from customhouse.inspect.section import part
from customhouse.inspect.spool import Spool
from customhouse.model import Fact, Package, Skip, SkipReason
from customhouse.scanners import Batch, Concluding, Glancing, Member, Scanner

WINDOW = 4 << 20
OVERLAP = 64 << 10
_BATCH_BYTES = 512 << 10
_BATCH_MEMBERS = 64

Piece = tuple[int, Member]


class Feed:
    """Small members go to the scanners in batches, large ones in windows, all on the pool's threads."""

    def __init__(self, scanners: Sequence[Scanner], budget: Budget, ledger: Ledger) -> None:
        scanners = [Carried(), *scanners]
        self._scanners = scanners
        self._windowed = [scanner for scanner in scanners if scanner.reads == "windows"]
        self.streaming = [scanner for scanner in scanners if scanner.reads == "stream"]
        self._glancing = {scanner.name: scanner for scanner in scanners if isinstance(scanner, Glancing)}
        self._budget = budget
        self._ledger = ledger
        self._pool = Pool(budget)
        self._batch: list[Piece] = []
        self._batched = 0

    def whole(self, member: Member) -> None:
        """A member whose `data` is all of it."""
        self._ledger.saw(len(member.data))
        self._batch.append((self._ledger.members, member))
        self._batched += len(member.data)
        if self._batched >= _BATCH_BYTES or len(self._batch) >= _BATCH_MEMBERS:
            self._flush()

    def _flush(self) -> None:
        if self._batch:
            batch, cost = self._batch, self._batched
            self._batch, self._batched = [], 0
            self._submit(batch, self._scanners, cost)

    def _submit(self, pieces: list[Piece], scanners: Sequence[Scanner], cost: int) -> None:
        paths = tuple(dict.fromkeys(member.path for _, member in pieces))
        self._pool.submit(lambda: self._scan(pieces, scanners), cost, paths)

    def large(self, member: Member, reader: Reader, file: BinaryIO | None, see: Callable[[bytes, int], None]) -> int:
        """A member larger than a window, from `reader`; how many bytes it had. Errors of the source go up.

        `file` holds all of its bytes where it lies on a disk already; `see` is given each window, and how many bytes
        at its end are new.
        """
        self._flush()
        windows = _windows(member, reader)
        first = next(windows)
        copy = _Copy(self, first, self._budget, file)
        try:
            size = 0
            for window in itertools.chain((first,), windows):
                fresh = len(window.data) if window.offset == 0 else len(window.data) - OVERLAP
                size += fresh
                self._ledger.saw(fresh)
                see(window.data, fresh)
                copy.write(window.data, fresh)
                self._submit([(self._ledger.members, window)], self._windowed, len(window.data))
        except BaseException:
            copy.drop()
            raise
        copy.done(size)
        return size

    def part(self, window: Member) -> None:
        """A window of a member of which not every window is shown."""
        self._ledger.saw(len(window.data))
        self._submit([(self._ledger.members, window)], self._windowed, len(window.data))

    def seeking(self, first: Member) -> Sequence[Scanner]:
        """The scanners that want this member as a file, told by its first window."""
        return [scanner for scanner in self.streaming if _wants(scanner, first)]

    def stream(
        self, member: Member, file: BinaryIO, scanners: Sequence[Scanner], kept: AbstractContextManager[object]
    ) -> None:
        """A large member for scanners that seek in it, one after the other; `kept` is left afterwards."""

        def task() -> None:
            with kept:
                for scanner in scanners:
                    file.seek(0)
                    self._scan([(place, replace(member, stream=file))], [scanner])

        place = self._ledger.members
        self._pool.submit(task, 0, (member.path,))

    def _scan(self, pieces: list[Piece], scanners: Sequence[Scanner]) -> None:
        batch = Batch([member for _, member in pieces]) if len(pieces) > 1 else None
        for scanner in scanners:
            glancing = self._glancing.get(scanner.name)
            for index in _worth(glancing, batch) if batch and glancing else range(len(pieces)):
                place, member = pieces[index]
                if facts := _facts(scanner, member):
                    self._ledger.add(place, facts)

    def unseen(self, path: str, reason: SkipReason, detail: str) -> None:
        """A member that some scanner could not be given."""
        self._ledger.skip(path, reason, detail)

    def close(self) -> None:
        """Wait for the scanners; whatever has not ended when time is up is a skip."""
        try:
            self._flush()
        except Exhausted:
            for _, member in self._batch:
                self._ledger.skip(member.path, SkipReason.TIMEOUT, "no time was left for it")
        for label in self._pool.close(max(0.0, self._budget.remaining) + self._budget.limits.grace):
            for path in label if isinstance(label, tuple) else ():
                self._ledger.skip(path, SkipReason.TIMEOUT, "a scanner did not end in time")
        if packages := self._ledger.packages():
            for scanner in self._scanners:
                self._ledger.add(self._ledger.members, _conclusions(scanner, packages))


class _Copy:
    """A large member kept for the scanners that want to seek in it, if any does, there is room and `file` is none."""

    def __init__(self, feed: Feed, first: Member, budget: Budget, file: BinaryIO | None) -> None:
        self._feed = feed
        self._first = first
        self._scanners = feed.seeking(replace(first, last=False))
        self._file = part(file) if self._scanners and file is not None else None
        self._spool = Spool(budget) if self._scanners and self._file is None else None

    def write(self, data: bytes, fresh: int) -> None:
        """More bytes of the member: the last `fresh` of these."""
        if self._spool is None:
            return
        try:
            self._spool.write(memoryview(data)[len(data) - fresh :])
        except LimitHit as hit:
            self.drop()
            self._feed.unseen(self._first.path, SkipReason.LIMIT, hit.detail)

    def done(self, size: int) -> None:
        """That was all of it."""
        member = replace(self._first, size=size, last=False)
        if self._file is not None:
            self._feed.stream(member, self._file, self._scanners, self._file)
        elif self._spool is not None:
            self._feed.stream(member, self._spool.file, self._scanners, self._spool)

    def drop(self) -> None:
        """The member is broken off: nobody gets half a file."""
        for kept in (self._file, self._spool):
            if kept is not None:
                kept.close()
        self._file = self._spool = None


def _windows(member: Member, reader: Reader) -> Iterator[Member]:
    """The member in windows of 4 MiB which overlap by 64 KiB, so that nothing hides across an edge."""
    tail, seen, last = b"", 0, False
    while not last:
        data = reader.read(WINDOW, behind=tail)
        last = not reader.peek(1)
        fresh = len(data) - len(tail)
        yield replace(member, data=data, offset=seen - len(tail), size=max(member.size, seen + fresh), last=last)
        seen += fresh
        tail = data[-OVERLAP:]


def _wants(scanner: Scanner, member: Member) -> bool:
    """A scanner that cannot even say whether it wants a member is asked to scan it, where its failure is recorded."""
    try:
        return scanner.wants(member)
    except Exception:  # noqa: BLE001 -- whatever it is, `scan` is called and recorded
        return True


def _worth(scanner: Glancing, batch: Batch) -> Iterable[int]:
    """The members that a scanner has to look at; all of them where it cannot tell."""
    try:
        return sorted(scanner.glance(batch))
    except BaseException:  # noqa: BLE001 -- as in `_guarded`: `scan` meets it again, and there it is recorded
        return range(len(batch.members))


def _conclusions(scanner: Scanner, packages: Sequence[Package]) -> Sequence[Fact]:
    """What a scanner says of all packages of the artifact together."""
    if not isinstance(scanner, Concluding):
        return ()
    return _guarded(scanner, packages[0].member, lambda: scanner.conclude(packages))


def _facts(scanner: Scanner, member: Member) -> Sequence[Fact]:
    """What a scanner says of a member."""
    return _guarded(scanner, member.path, lambda: scanner.scan(member) if scanner.wants(member) else ())


def _guarded(scanner: Scanner, path: str, say: Callable[[], Iterable[Fact]]) -> Sequence[Fact]:
    """What a scanner says; whatever it raises is a skip."""
    facts: list[Fact] = []
    try:
        facts.extend(say())
    except LimitHit as hit:
        facts.append(Skip(path, SkipReason.LIMIT, f"scanner {scanner.name}: {hit.detail}"))
    except BaseException as error:  # noqa: BLE001 -- engines panic with BaseException; a thread of ours has no other
        detail = f"scanner {scanner.name} failed: {type(error).__name__}: {error}"
        facts.append(Skip(path, SkipReason.ENGINE, printable(detail)[:300]))
    return facts
