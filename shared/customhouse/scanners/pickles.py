"""Pickles, judged by walking their opcodes and never by loading them: what is not on the allow list is a finding.

Found by content, not by name (`pickles_places`): whole files, every stream in a file, NumPy object arrays, attributes
of HDF5 files, zlib-compressed joblib dumps, and streams behind a prefix where a file's name says that it is a model.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Literal

from customhouse.model import Fact, Finding, Severity, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.options import Options, read
from customhouse.scanners.pickles_allowed import Allowed, curated, runs_code
from customhouse.scanners.pickles_operations import TABLE
from customhouse.scanners.pickles_places import FIRST, Place, TooMany, may_hold, places
from customhouse.scanners.pickles_plain import SMALL, Plain
from customhouse.scanners.pickles_reader import Broken, Reader
from customhouse.scanners.pickles_repeats import Unsure
from customhouse.scanners.pickles_values import Global
from customhouse.scanners.pickles_walk import OPERATIONS, Machine, Report

STREAMS = 1000
_CHANCES = 10
"""The part of a stream's operations that is spent on bytes that look like pickles by chance."""
_BYTES = 50
"""Bytes of plain data that are followed for each operation that is: they take as long."""

_TOLD = 1000
_SCRIPTED = "__torch__.*: Class"
"""Classes of a TorchScript archive, whose code is in the archive and is no Python: its loader knows no other."""


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
        self._allowed, self._scripted = Allowed(lines), Allowed([*lines, _SCRIPTED])
        self._operations = options.operations
        self.version = f"opcodes 5, allow list of {len(lines)} lines"

    def wants(self, member: Member) -> bool:
        """What may begin with a pickle, hold one, or is named as if."""
        return may_hold(member)

    def scan(self, member: Member) -> Iterable[Fact]:
        """Findings for names and for streams that cheat; a skip for what breaks off or never ends."""
        try:
            yield from _bounded(self._facts(member))
        except TooMany as error:
            yield Skip(member.path, SkipReason.LIMIT, str(error))

    def _facts(self, member: Member) -> Iterator[Fact]:
        known, left = 0, self._operations // _CHANCES
        told = set[Global]()
        for place in places(member):
            if place.start is not None and place.start < known:
                continue
            if not place.chance:
                known = yield from self._streams(member, place)
                continue
            if left <= 0:
                raise TooMany("has more bytes that look like pickles than are followed")
            machine = Machine(place.open(), 0, TABLE, left, repeats=False, joblib=False)
            report = machine.run()
            left -= machine.followed
            known = (
                place.start + machine.at + machine.reader.base if report.whole and place.start is not None else known
            )
            yield from self._by_chance(member, report, told)

    def _by_chance(self, member: Member, report: Report, told: set[Global]) -> Iterator[Fact]:
        """Names not told yet, of a stream that nothing announced: text may look like an import, but not like a call."""
        denied = self._among(report)
        if _harms(report, denied) and (report.calls or report.problems):
            yield from (self._denied(member, name) for name in denied if name not in told)
            told.update(denied)

    def _streams(self, member: Member, place: Place) -> Generator[Fact, None, int]:
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

    def _reports(self, place: Place) -> Iterator[tuple[Report, int]]:
        """What the first stream does, and those that follow it directly; with the byte at which each ends."""
        reader, hopeful = place.open(), True
        while True:
            report, begin = Report(whole=True), reader.base
            end = Plain(reader, _BYTES * self._operations).end() if hopeful and len(reader.data) > SMALL else None
            if end is None:
                if reader.base > begin:
                    reader, hopeful = _reopened(place, begin), False
                machine = self._followed(place, begin, reader)
                report, reader, end = machine.report, machine.reader, machine.at
            yield report, reader.base + end
            if not report.whole:
                return
            reader.advance(end)
            if reader.data[:1] not in FIRST:
                return

    def _followed(self, place: Place, begin: int, reader: Reader) -> Machine:
        """As joblib reads it; the names are also those of pickle, to which the bytes of joblib's arrays are opcodes."""
        machine = Machine(reader, 0, TABLE, self._operations)
        try:
            machine.run()
        except Unsure:
            machine = Machine(_reopened(place, begin), 0, TABLE, self._operations, repeats=False)
            machine.run()
        if machine.arrays:
            other = Machine(_reopened(place, begin), 0, TABLE, self._operations, repeats=False, joblib=False)
            report = other.run()
            machine.report.names |= report.names if _harms(report, self._among(report)) else {}
            machine.report.limited |= report.limited
        return machine

    def _among(self, report: Report, member: Member | None = None) -> list[Global]:
        """The names that may not be imported."""
        scripted = member and member.container and member.name.endswith("/data.pkl")
        allowed = self._scripted if scripted else self._allowed
        return [name for name in report.names if name not in allowed]

    def _judge(self, member: Member, report: Report, *, sure: bool) -> Iterator[Fact]:
        """`sure`: this is meant to be a pickle, so one that breaks off is no accident."""
        denied, sure = self._among(report, member), sure or _acts(report)
        if not (report.whole or report.limited or (sure and _plausible(report)) or _harms(report, denied)):
            return
        yield from (self._denied(member, name) for name in denied)
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


def _bounded(facts: Iterable[Fact]) -> Iterator[Fact]:
    for number, fact in enumerate(facts):
        if number == _TOLD:
            raise TooMany(f"has more than {_TOLD:,} things wrong with its pickles")
        yield fact


def _reopened(place: Place, begin: int) -> Reader:
    reader = place.open()
    reader.advance(begin)
    return reader


def _plausible(report: Report) -> bool:
    """Whether it imports nothing or something that could be a name: text that begins like an opcode does neither."""
    return not report.names or any(map(_identifier, report.names))


def _acts(report: Report) -> bool:
    """Whether it calls what it imports: text that looks like an import does not."""
    return report.calls > 0 and any(map(_identifier, report.names))


def _harms(report: Report, denied: list[Global]) -> bool:
    """Whether a stream that breaks off does something before it does."""
    named = [name for name in denied if _identifier(name)]
    return bool(named) and (report.calls > 0 or any(map(runs_code, named)))


def _identifier(name: Global) -> bool:
    return all(part.isidentifier() for part in str(name).split("."))


def _plain(text: str) -> str:
    """At most 120 characters, none of them able to disturb a terminal or a log."""
    return "".join(character if character.isprintable() else "?" for character in text[:120])
