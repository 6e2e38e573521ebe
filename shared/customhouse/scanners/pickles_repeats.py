"""Objects of one shape in a row, followed once: the others only have to be written alike.

A pickle of many objects says the same over and over, with other numbers and texts in it. What one repetition does to
the machine is learned by following it on a stack of its own, and holds for all that fit the same pattern, in which
whatever decides about names and calls is fixed. Texts and numbers of repetitions are not kept: a stream that makes
use of one is `Unsure`, and has to be followed opcode by opcode.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from customhouse.scanners.pickles_reader import Broken
from customhouse.scanners.pickles_values import CONTAINER, Call, Global, Value

if TYPE_CHECKING:
    from customhouse.scanners.pickles_walk import Machine

Shape = tuple[bytes, ...]
"""The opcodes of one repetition: with their argument where it decides, else only what they push."""

_AHEAD, _TIMES = 192, 3
"""Opcodes looked ahead for a repetition, and how often it has to come."""
_KNOWN, _LENGTHS = 4, 256
"""Shapes kept, and lengths of texts in one."""
_GAP, _PATIENCE, _WORTH = 1 << 9, 1 << 16, 1 << 12
"""Bytes between two attempts to learn, at first and at most, and those gained by one that make it worth its time."""
_SCALARS: Final = {0x4B: 2, 0x4D: 3, 0x4A: 5, 0x47: 9, 0x4E: 1, 0x88: 1, 0x89: 1}
_SCALAR: Final = rb"(?:K.|M..|J....|G.{8}|[N\x88\x89])"
_TEXTS: Final = {0x8C: 1, 0x43: 1, 0x58: 4}
"""Opcodes of texts, and the bytes that their size takes."""
_SHORT: Final = 256
_FETCHES: Final = {0x68: "<B", 0x6A: "<I"}
_FIXED: Final = dict.fromkeys(b"\x94(u]}eas)\x81R\x85\x86\x87tb", 1) | {0x68: 2, 0x6A: 5}
"""Bytes of the opcodes that may be in a repetition: values, containers, what was remembered, and calls of that."""
_MEMOIZE: Final = b"\x94"
_PUT: Final = b"r"
"""LONG_BINPUT, with which protocols 2 and 3 count what they remember."""
_DECIDES: Final = b"(?!allow_mmap)"
"""The key that makes a state one of an array, whose bytes follow."""


class Unsure(Exception):  # noqa: N818 -- says what the machine is
    """The stream uses a value of a repetition, which was not kept."""


class Opaque:
    """A text or a number of a repetition."""


OPAQUE: Final = Opaque()


@dataclass(slots=True)
class Repeat:
    """What one repetition pushes, remembers, calls and fetches; `lengths` are those of its texts, by place.

    `counts`: whether it says where it remembers, which the first groups of `one` are then.
    """

    lengths: dict[int, set[int]]
    pushed: list[Value]
    kept: list[Value]
    calls: int
    echoes: int
    counts: bool
    one: re.Pattern[bytes]
    many: re.Pattern[bytes]


class Repeats:
    """The repetitions of one stream, learned on the way."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._known: dict[Shape, Repeat] = {}
        self._starts: frozenset[int] = frozenset()
        self._gap = _GAP
        self._next = machine.reader.base + machine.at + _GAP
        self._gained = self._spent = 0

    def leap(self, at: int, limit: int, stack: list[Value]) -> int:
        """The index after all repetitions that follow here, whose values are then on the stack and in the memo."""
        data = self._machine.reader.data
        for shape, repeat in self._known.items() if at < limit and data[at] in self._starts else ():
            match = repeat.many.match(data, at, limit)
            if match and match.end() > at:
                found = repeat.one.findall(match[0])
                if repeat.counts and not self._in_order(found):
                    del self._known[shape]  # so that no stream has it match for nothing again and again
                    return at
                self._gained += match.end() - at
                self._follow(repeat, len(found), stack)
                return match.end()
        position = self._machine.reader.base + at
        if position >= self._next:
            learned = self._learn(at, limit) and self._gained >= _WORTH
            self._gap = _GAP if learned else min(2 * self._gap, _PATIENCE)
            self._next, self._gained = position + self._gap, 0
        return at

    def forget(self) -> None:
        """What was remembered is another thing now."""
        self._known.clear()

    def _in_order(self, found: list[bytes] | list[tuple[bytes, ...]]) -> bool:
        """Whether each value is remembered right after the one before."""
        said = b"".join(part if isinstance(part, bytes) else b"".join(part) for part in found)
        start = len(self._machine.memo)
        return said == struct.pack(f"<{len(said) // 4}I", *range(start, start + len(said) // 4))

    def _follow(self, repeat: Repeat, times: int, stack: list[Value]) -> None:
        self._spent += times * (len(repeat.pushed) + len(repeat.kept))
        if self._spent > self._machine.operations:
            raise Unsure
        stack.extend(repeat.pushed * times)
        self._machine.memo.extend(repeat.kept * times)
        self._machine.report.calls += repeat.calls * times
        self._machine.echoes += repeat.echoes * times

    def _learn(self, at: int, limit: int) -> bool:
        """Whether a repetition begins here."""
        tokens = _tokens(self._machine.reader.data, at, limit)
        shape = _period([shape for shape, _ in tokens])
        if not shape:
            return False
        known = self._known.pop(shape, None)
        lengths = known.lengths if known and sum(map(len, known.lengths.values())) < _LENGTHS else {}
        for place, (what, length) in enumerate(tokens[: len(shape) * _TIMES]):
            if what[0] in _TEXTS:
                lengths.setdefault(place % len(shape), set()).add(length)
        puts = [index for what, index in tokens[: len(shape)] if what == _PUT]
        start = len(self._machine.memo)
        if puts and (_MEMOIZE in shape or puts != list(range(start, start + len(puts)))):
            return False
        repeat = self._tried(shape, at, lengths)
        if repeat is None:
            return False
        self._known = {shape: repeat, **dict(list(self._known.items())[: _KNOWN - 1])}
        firsts = [shape[0] for shape in self._known]
        self._starts = frozenset(code for what in firsts for code in (_SCALARS if what == b"N" else what[:1]))
        return True

    def _tried(self, shape: Shape, at: int, lengths: dict[int, set[int]]) -> Repeat | None:
        """What following one repetition does; None where it is not complete in itself or does anything wrong."""
        machine, start = self._machine, len(self._machine.memo)
        if any(_index(what) >= start for what in shape if what[0] in _FETCHES):
            return None
        alone = machine.alone(at, len(shape))
        try:
            alone.follow()
        except (Broken, IndexError, KeyError, ValueError, TypeError, AttributeError, struct.error):
            return None
        finally:
            kept = machine.memo[start:]
            del machine.memo[start:]
        if alone.marks or alone.arrays or alone.types or alone.report.problems:
            return None
        pattern = b"".join(_pattern(what, lengths.get(place, ())) for place, what in enumerate(shape))
        one, many = re.compile(b"(?s:%b)" % pattern), re.compile(b"(?s:(?:%b)*+)" % pattern)
        pushed, kept = list(map(_vague, alone.stack)), list(map(_vague, kept))
        return Repeat(lengths, pushed, kept, alone.report.calls, alone.echoes, _PUT in shape, one, many)


def _tokens(data: bytes, at: int, limit: int) -> list[tuple[bytes, int]]:
    """What each of the next opcodes does, up to one that no repetition may have.

    And the bytes of its text, or the number under which it remembers.
    """
    found: list[tuple[bytes, int]] = []
    while at + 1 < limit and len(found) < _AHEAD:
        code = data[at]
        if code in _FIXED:
            size = _FIXED[code]
            found.append((data[at : at + size], 0))
        elif code in _SCALARS:
            size = _SCALARS[code]
            found.append((b"N", 0))
        elif code == _PUT[0]:
            size = 5
            found.append((_PUT, int.from_bytes(data[at + 1 : at + 5], "little")))
        elif code in _TEXTS and (length := _length(data, at)) < _SHORT:
            size = 1 + _TEXTS[code] + length
            found.append((data[at : at + 1], length))
        else:
            break
        at += size
    return found


def _length(data: bytes, at: int) -> int:
    return int.from_bytes(data[at + 1 : at + 1 + _TEXTS[data[at]]], "little")


def _period(found: Sequence[bytes]) -> Shape:
    """The shortest beginning that comes often enough in a row; empty where none does."""
    for size in range(2, len(found) // _TIMES + 1):
        if all(found[:size] == found[size * time : size * (time + 1)] for time in range(1, _TIMES)):
            return tuple(found[:size])
    return ()


def _index(fetch: bytes) -> int:
    (index,) = struct.unpack_from(_FETCHES[fetch[0]], fetch, 1)
    return int(index)


def _pattern(what: bytes, lengths: Sequence[int] | set[int]) -> bytes:
    if what == _PUT:
        return _PUT + b"(....)"
    if what[0] in _TEXTS:
        width = _TEXTS[what[0]]
        sizes = (re.escape(size.to_bytes(width, "little")) + _DECIDES + b".{%d}" % size for size in sorted(lengths))
        return what + b"(?:" + b"|".join(sizes) + b")"
    return _SCALAR if what == b"N" else re.escape(what)


def _vague(value: Value) -> Value:
    """What all repetitions have in common of a value."""
    if isinstance(value, Call):
        return Call(value.function, OPAQUE)
    if isinstance(value, tuple) and not isinstance(value, Global):
        return (OPAQUE,) if value else value
    return value if value is CONTAINER or isinstance(value, Global) else OPAQUE


def sure(value: Value) -> Value:
    """The value, all of which is known; Unsure else."""
    parts = value.arguments if isinstance(value, Call) else value
    if parts is OPAQUE or (isinstance(parts, tuple) and not isinstance(parts, Global) and OPAQUE in parts):
        raise Unsure
    return value
