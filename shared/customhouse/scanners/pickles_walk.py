# ruff: noqa: PLR2004 -- opcodes are the numbers that they are
"""A pickle machine that runs nothing: it follows the opcodes with values as far as names and sizes need them.

Every opcode of protocols 0 to 5 (Lib/pickletools.py) moves the stack and the memo exactly as the real machine does, so
the names that reach GLOBAL, INST and STACK_GLOBAL are the names that would be imported, whatever the detour.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import length_hint
from typing import Final

from customhouse.scanners.pickles_reader import Broken, Reader
from customhouse.scanners.pickles_repeats import OPAQUE, Repeats, Unsure
from customhouse.scanners.pickles_values import CONTAINER, CONTAINERS, Call, Global, Value

OPERATIONS = 5_000_000
"""Opcodes of one stream that are followed: some 20 MB of small objects, and a few seconds."""
NAME = 160
"""Longer strings cannot be names, so what they say is not kept."""
NAMES = 10_000
"""Names of one stream that are told apart."""
_ECHO = 50
"""Times that containers may be fetched per value remembered, before it is an attempt to use up memory."""
_INDEX = 1 << 24
"""The largest number to remember under; C's unpickler has room for twice as many, whatever else it remembers."""

_FIELDS: Final = frozenset({10, 12})
_FIELD: Final = b"allow_mmap"
_MOVES: Final = frozenset(b"\x95bpqrPIFLSVcig")
"""Opcodes after which other bytes may be in memory, another frame, or another way to remember."""
_INT: Final = struct.Struct("<i").unpack_from
_UINT: Final = struct.Struct("<I").unpack_from


@dataclass(slots=True)
class Report:
    """What one pickle stream does: the names it imports, what is wrong with it, whether it calls anything."""

    names: dict[Global, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    calls: int = 0
    whole: bool = False
    broken: str = ""
    limited: bool = False


class Machine:
    """One stream: from PROTO (or the first opcode) to STOP. `at` is the index of the next byte in the reader.

    `joblib`: whether the bytes of arrays that joblib writes are stepped over; pickle takes them for opcodes.
    """

    def __init__(
        self,
        reader: Reader,
        at: int,
        table: Sequence[Operation],
        operations: int = OPERATIONS,
        *,
        repeats: bool = True,
        joblib: bool = True,
    ) -> None:
        self.reader = reader
        self.at = at
        self.report = Report()
        self.stack: list[Value] = []
        self.marks: list[list[Value]] = []
        self.memo: list[Value] = []
        self.keep: Callable[[Value], None] = self.memo.append
        self.sparse: dict[int, Value] = {}  # in place of `memo` from the first number on that is not the next
        self.frame: int | None = None
        self.echoes = self.arrays = self.types = 0
        self.joblib = joblib
        self.table = table
        self.operations = operations
        self._left = iter(range(operations))
        self.repeats = Repeats(self) if repeats else None

    def run(self) -> Report:
        """Follow the stream to its end; raises for nothing that the bytes say, except Unsure where repeats are on."""
        try:
            self.follow()
        except Broken as error:
            self.report.broken = str(error)
        except (IndexError, KeyError, ValueError, struct.error, TypeError, AttributeError):
            self.report.broken = "is malformed"
        if self.echoes > _ECHO * max(2, len(self.sparse or self.memo)):
            self.problem("fetches the same containers over and over, to use up memory")
        return self.report

    @property
    def followed(self) -> int:
        """Opcodes that were."""
        return self.operations - length_hint(self._left)

    def problem(self, text: str) -> None:
        """Note what is wrong, once."""
        if text not in self.report.problems:
            self.report.problems.append(text)

    def follow(self) -> None:  # noqa: C901, PLR0912, PLR0915 -- an interpreter's loop: calls would make it four times slower
        """The opcodes that make up most of a pickle are inlined, most frequent first; the others are in the table."""
        at, limit, data = self.at, -1, self.reader.data
        stack, marks, table = self.stack, self.marks, self.table
        memo: list[Value] | dict[int, Value] = self.sparse or self.memo
        push, keep, called, repeats = stack.append, self.keep, self.called, self.repeats
        for _ in self._left:
            if at >= limit:
                at = self._edge(at)
                data, limit = self.reader.data, self._limit()
            code = data[at]
            at += 1
            if code > 0x7F:
                if code == 0x94:  # MEMOIZE
                    keep(stack[-1])
                    continue
                if code == 0x8C:  # SHORT_BINUNICODE
                    end = at + 1 + data[at]
                    push(data[at + 1 : end])
                    at = end
                    continue
                if 0x84 < code < 0x88:  # TUPLE1 to TUPLE3
                    values = stack[0x84 - code :]
                    del stack[0x84 - code :]
                    if len(values) != code - 0x84:
                        raise Broken("takes more from the stack than is there")
                    push(tuple(values))
                    continue
                if code == 0x81:  # NEWOBJ
                    value = stack.pop()
                    push(called(stack.pop(), value))
                    continue
            elif code > 0x57:
                if code == 0x68:  # BINGET
                    value = memo[data[at]]
                    if value is CONTAINER or value.__class__ is tuple:
                        self.echoes += 1
                    push(value)
                    at += 1
                    continue
                if code == 0x65 or code == 0x75:  # noqa: PLR1714 -- APPENDS or SETITEMS, three times faster than `in`
                    values = stack
                    stack = marks.pop()
                    push = stack.append
                    stack[-1] = _filled(values) if len(values) in _FIELDS and _FIELD in values else stack[-1]
                    if repeats:
                        at = repeats.leap(at, limit, stack)
                    continue
                if code == 0x5D or code == 0x7D:  # noqa: PLR1714 -- EMPTY_LIST or EMPTY_DICT, as above
                    push(CONTAINER)
                    continue
                if code == 0x6A:  # LONG_BINGET
                    value = memo[_UINT(data, at)[0]]
                    if value is CONTAINER or value.__class__ is tuple:
                        self.echoes += 1
                    push(value)
                    at += 4
                    continue
                if code == 0x72 and _UINT(data, at)[0] == len(memo):  # LONG_BINPUT
                    keep(stack[-1])
                    at += 4
                    continue
                if code == 0x58:  # BINUNICODE
                    size = _UINT(data, at)[0]
                    at += 4 + size
                    push(data[at - size : at] if size <= NAME else None)
                    continue
            elif code == 0x4B:  # BININT1
                push(data[at])
                at += 1
                continue
            elif code == 0x28:  # MARK
                marks.append(stack)
                stack = []
                push = stack.append
                if repeats:
                    at = repeats.leap(at, limit, stack)
                continue
            elif code == 0x4D:  # BININT2
                push(data[at] | data[at + 1] << 8)
                at += 2
                continue
            elif code == 0x52:  # REDUCE
                value = stack.pop()
                push(called(stack.pop(), value))
                if repeats and at < limit and data[at] == 0x94:  # MEMOIZE, then the next object
                    keep(stack[-1])
                    at = repeats.leap(at + 1, limit, stack)
                continue
            elif code == 0x43:  # SHORT_BINBYTES
                push(None)
                at += 1 + data[at]
                continue
            elif code == 0x4A:  # BININT
                push(_INT(data, at)[0])
                at += 4
                continue
            elif code == 0x47:  # BINFLOAT
                push(None)
                at += 8
                continue
            elif code == 0x4E:  # NONE
                push(None)
                continue
            elif code == 0x2E:  # STOP
                stack.pop()
                self.at, self.report.whole = at, True
                return
            self.stack = stack
            at = table[code](self, at)
            stack = self.stack
            push = stack.append
            if code in _MOVES:
                data, limit, keep, repeats = self.reader.data, self._limit(), self.keep, self.repeats
                memo = self.sparse or self.memo
                if repeats and (code == 0x62 or code == 0x95):  # noqa: PLR1714 -- BUILD or FRAME, as above
                    at = repeats.leap(at, limit, stack)
        self.at, self.stack, self.report.limited = at, stack, True

    def alone(self, at: int, operations: int) -> Machine:
        """Another machine on the same bytes and with the same memo, whose stack is empty."""
        other = Machine(self.reader, at, self.table, operations, repeats=False, joblib=self.joblib)
        other.memo, other.keep = self.memo, self.memo.append
        return other

    def _edge(self, at: int) -> int:
        """The end of the frame or of what is in memory: no opcode may lie across the first."""
        position = self.reader.base + at
        if self.frame is not None and position >= self.frame:
            if position > self.frame:
                self.problem("has an opcode that crosses the end of its frame")
            self.frame = None
        return at if at < self.reader.limit else self.reader.advance(at)

    def _limit(self) -> int:
        limit = self.reader.limit
        if self.frame is None:
            return limit
        return min(limit, self.frame - self.reader.base)

    def marked(self) -> list[Value]:
        """The values since the last mark, which is removed."""
        values, self.stack = self.stack, self.marks.pop()
        return values

    def fetch(self, index: int) -> None:
        """Push what was remembered under `index`."""
        value = self.sparse[index] if self.sparse else self.memo[index]
        self.echoes += value.__class__ in CONTAINERS
        self.stack.append(value)

    def remember(self, index: int) -> None:
        """Keep the top of the stack under `index`; old picklers count from 1, hostile ones anyhow."""
        if index < 0:
            raise Broken("remembers under a number below zero")
        if self.sparse or index > len(self.memo):
            self._remember_anyhow(index)
        elif index < len(self.memo):
            self.memo[index] = self.stack[-1]
            if self.repeats:
                self.repeats.forget()
        else:
            self.memo.append(self.stack[-1])

    def _remember_anyhow(self, index: int) -> None:
        if index > _INDEX:
            self.problem("remembers under a number so large that it uses up memory")
        self.sparse = self.sparse or dict(enumerate(self.memo))
        self.sparse[index] = self.stack[-1]
        self.keep, self.repeats = self._keep_next, None

    def _keep_next(self, value: Value) -> None:
        self.sparse[len(self.sparse)] = value

    def imported(self, module: Value, name: Value) -> Value:
        """The name that the stream imports here; one that is computed or no text cannot be judged."""
        if module is OPAQUE or name is OPAQUE:
            raise Unsure
        if not (isinstance(module, bytes) and isinstance(name, bytes)):
            self.problem("imports a name that it computes")
            return None
        found = Global(module.decode("utf-8", "replace"), name.decode("utf-8", "replace"))
        if found not in self.report.names and len(self.report.names) == NAMES:
            self.report.limited = True
            raise Broken("imports more names than are followed")
        self.report.names.setdefault(found, self.reader.base)
        return found

    def called(self, function: Value, arguments: Value) -> Call:
        """Note a call; what is not an imported name cannot be judged."""
        self.report.calls += 1
        if not isinstance(function, Global):
            self.problem("calls something that it computes")
        return Call(function, arguments)


def _filled(values: list[Value]) -> Value:
    """The state of a joblib array, five or six fields: the one dictionary whose items matter."""
    if OPAQUE in values[::2]:
        raise Unsure
    return {key: value for key, value in zip(values[::2], values[1::2], strict=True) if isinstance(key, bytes)}


Operation = Callable[[Machine, int], int]
"""What an opcode does to the machine, given the index after it; returns the index of the next opcode."""
