"""Pickles, judged by walking their opcodes and never by loading them: what is not on the allow list is a finding.

Found by content, not by name: whole files, every stream in a file, NumPy object arrays, zlib-compressed joblib dumps,
and streams behind a prefix where a file's name says that it is a model.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO, Literal

from customhouse.model import Fact, Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.options import Options, read
from customhouse.scanners.pickles_allowed import Allowed, curated, runs_code
from customhouse.scanners.pickles_operations import TABLE
from customhouse.scanners.pickles_plain import PROTOCOLS, SMALL, Plain
from customhouse.scanners.pickles_reader import Broken, Reader, inflated
from customhouse.scanners.pickles_repeats import Unsure
from customhouse.scanners.pickles_values import Global
from customhouse.scanners.pickles_walk import OPERATIONS, Machine, Report

INFLATED = 4 << 30
STREAMS = 1000
_NUMPY = b"\x93NUMPY"
_PICKLES = (".pkl", ".pickle", ".pk", ".pck", ".pt", ".pth", ".ckpt", ".joblib", ".jbl", ".dill")
_MODELS = (*_PICKLES, ".p", ".bin", ".model", ".dat", ".sav")
"""Names that say pickle, and names that may: only in these is a pickle looked for behind a prefix."""
_FIRST = frozenset(
    bytes([code]) for code in b"(]})NIJKMLFSTUVXGcPBC\x80\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96\x97"
)
"""Opcodes that need nothing on the stack: a pickle begins with one of them."""
_PREFIX = 4096
_OLD_JOBLIB = b"ZF0x"
"""joblib before 0.10: then the length in hexadecimal, blanks, and a zlib stream."""
_BYTES = 50
"""Bytes of plain data that are followed for each operation that is: they take as long."""


class PickleOptions(Options, frozen=True):
    """`allow`: more lines for the allow list (`module: Name`, `package.*: Class`); `operations`: opcodes a stream."""

    allow: tuple[str, ...] = ()
    operations: int = OPERATIONS


def build(options: Mapping[str, object]) -> PickleScanner:
    """Read the allow list."""
    return PickleScanner(read("pickles", options, PickleOptions))


class PickleScanner:
    """Every pickle stream in a member of any size, in order, with at most a megabyte of it in memory."""

    name = "pickles"
    reads: Literal["windows", "stream"] = "stream"

    def __init__(self, options: PickleOptions) -> None:
        lines = [*curated(), *options.allow]
        self._allowed = Allowed(lines)
        self._operations = options.operations
        self.version = f"opcodes 5, allow list of {len(lines)} lines"

    def wants(self, member: Member) -> bool:
        """What may begin with a pickle, hold one, or is named as if."""
        head = member.data[:6]
        return head[:1] in _FIRST or _zlib(head) or head == _NUMPY or head.startswith(_OLD_JOBLIB) or _named(member)

    def scan(self, member: Member) -> Iterable[Fact]:
        """Findings for names and for streams that cheat; a skip for what breaks off or never ends."""
        known = 0
        for place in _places(member):
            if place.start is None or place.start >= known:
                known = yield from self._streams(member, place)

    def _streams(self, member: Member, place: _Place) -> Generator[Fact, None, int]:
        """Facts; returns how many of the member's bytes are known to be whole pickles: none can begin inside those."""
        end = 0
        try:
            for number, (report, at) in enumerate(self._reports(place)):
                if number == STREAMS:
                    yield Skip(member.path, SkipReason.LIMIT, f"more than {STREAMS} pickles in a row")
                    return end
                yield from self._judge(member, report, sure=place.sure and not number)
                if report.whole and place.start is not None:
                    end = place.start + at
        except Broken as error:
            if place.sure:
                yield Skip(member.path, SkipReason.CORRUPT, f"pickle {error}")
        return end

    def _reports(self, place: _Place) -> Iterator[tuple[Report, int]]:
        """What the first stream does, and those that follow it directly; with the byte at which each ends."""
        reader, hopeful = place.open(), True
        while True:
            report, begin = Report(whole=True), reader.base
            end = Plain(reader, _BYTES * self._operations).end() if hopeful and len(reader.data) > SMALL else None
            if end is None:
                if reader.base > begin:
                    reader, hopeful = _reopened(place, begin), False
                machine = Machine(reader, 0, TABLE, self._operations)
                try:
                    report = machine.run()
                except Unsure:
                    reader = _reopened(place, begin)
                    machine = Machine(reader, 0, TABLE, self._operations, repeats=False)
                    report = machine.run()
                end = machine.at
            yield report, reader.base + end
            if not report.whole:
                return
            reader.advance(end)
            if reader.data[:1] not in _FIRST:
                return

    def _judge(self, member: Member, report: Report, *, sure: bool) -> Iterator[Fact]:
        """`sure`: this is meant to be a pickle, so one that breaks off is no accident."""
        denied = [name for name in report.names if name not in self._allowed]
        if not (report.whole or report.limited or (sure and _plausible(report)) or _harms(report, denied)):
            return
        for name in denied:
            yield self._denied(member, name)
        for problem in report.problems:
            yield Finding(self.name, "pickle-cheats", Severity.HIGH, member.path, f"pickle {problem}")
        if report.limited:
            yield Skip(member.path, SkipReason.LIMIT, "pickle has more operations than are followed")
        elif report.broken and (sure or report.names):
            yield Skip(member.path, SkipReason.CORRUPT, f"pickle {report.broken}")

    def _denied(self, member: Member, name: Global) -> Finding:
        code = runs_code(name)
        rule, severity = ("runs-code", Severity.CRITICAL) if code else ("name-not-allowed", Severity.HIGH)
        return Finding(self.name, f"pickle-{rule}", severity, member.path, f"pickle imports {_plain(str(name))}")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a pickle may begin; `sure` where the format, the kind or the name says that one does.

    `start` is its first byte in the member, None where it is compressed.
    """

    open: Callable[[], Reader]
    sure: bool
    start: int | None = None


def _reopened(place: _Place, begin: int) -> Reader:
    reader = place.open()
    reader.advance(begin)
    return reader


def _plausible(report: Report) -> bool:
    """Whether it imports nothing or something that could be a name: text that begins like an opcode does neither."""
    return not report.names or any(map(_identifier, report.names))


def _harms(report: Report, denied: list[Global]) -> bool:
    """Whether a stream that breaks off does something before it does."""
    named = [name for name in denied if _identifier(name)]
    return bool(named) and (report.calls > 0 or any(map(runs_code, named)))


def _identifier(name: Global) -> bool:
    return all(part.isidentifier() for part in str(name).split("."))


def _places(member: Member) -> Iterator[_Place]:
    head = member.data[:_PREFIX]
    if head.startswith(_NUMPY):
        if (start := _numpy_objects(head)) is not None:
            yield _plainly(member, start, sure=True)
        return
    if head.startswith(b"PK"):
        return
    if head[:1] in _FIRST:
        yield _plainly(member, 0, sure=_meant(member))
    if _zlib(head[:2]):
        yield _Place(lambda: Reader(inflated(_opened(member, 0), INFLATED)), sure=False)
    if head.startswith(_OLD_JOBLIB):
        yield _Place(lambda: Reader(inflated(_opened(member, head.find(b"x", len(_OLD_JOBLIB))), INFLATED)), sure=False)
    if _named(member):
        for start in sorted({at for proto in PROTOCOLS[2:] if (at := head.find(proto, 1)) > 0}):
            yield _plainly(member, start, sure=False)


def _plainly(member: Member, start: int, *, sure: bool) -> _Place:
    return _Place(lambda: Reader(_opened(member, start).read), sure, start)


def _opened(member: Member, start: int) -> BinaryIO:
    file = member.stream or io.BytesIO(member.data)
    file.seek(start)
    return file


def _numpy_objects(head: bytes) -> int | None:
    """Where the pickle of an array of objects begins (numpy/lib/format.py); None where the array holds none."""
    wide = head[6] > 1
    size = int.from_bytes(head[8 : 12 if wide else 10], "little")
    start = (12 if wide else 10) + size
    header = head[10:start]
    return start if b"|O" in header or b"'O'" in header else None


def _zlib(head: bytes) -> bool:
    return head[:1] == b"x" and len(head) > 1 and int.from_bytes(head[:2]) % 31 == 0


def _named(member: Member) -> bool:
    return member.kind == "pickle" or member.name.lower().endswith(_MODELS)


def _meant(member: Member) -> bool:
    """Whether the kind or the name says pickle, or the name allows it and the first bytes are those of one."""
    return _named(member) and (
        member.kind == "pickle" or member.name.lower().endswith(_PICKLES) or member.data.startswith(PROTOCOLS)
    )


def _plain(text: str) -> str:
    """At most 120 characters, none of them able to disturb a terminal or a log."""
    return "".join(character if character.isprintable() else "?" for character in text[:120])
