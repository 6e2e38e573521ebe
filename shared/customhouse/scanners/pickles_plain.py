"""Pickles of plain data, told apart at the speed of a regular expression.

Strings, numbers and containers import nothing and call nothing, however they are put together. A stream that is
nothing else needs no machine to follow it: only where one opcode ends and the next begins matters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from customhouse.scanners.pickles_reader import Broken, Reader

PROTOCOLS = tuple(bytes([0x80, number]) for number in range(6))
"""The beginnings of pickles that have one."""
SMALL = 1 << 16
"""Bytes below which the machine is as fast, and says more of a stream that is malformed."""
_ECHO = 50
"""Fetches per value remembered; beyond that the machine looks at what is fetched."""
_STEP = 50
"""Bytes that a step counts as, however few it takes: streams of nothing but empty frames end too."""
_SIZES = {b"X": 4, b"T": 4, b"B": 4, b"\x8d": 8, b"\x8e": 8, b"\x96": 8}
"""Opcodes before a little-endian size of so many bytes and then as many bytes as that says."""


def _sized(opcodes: bytes, width: int, sizes: Iterable[int]) -> bytes:
    """An opcode, a size, and as many bytes: an alternative a size."""
    values = b"|".join(re.escape(size.to_bytes(width, "little")) + b".{%d}" % size for size in sizes)
    return b"[" + opcodes + b"](?:" + values + b")"


_FETCHES = rb"h.|j....|g[^\n]{0,20}+\n"
_KEEPS = rb"\x94|q.|r....|p[^\n]{0,20}+\n"
_OTHERS = b"|".join(
    (
        rb"[()\]}eusadtl01N\x85-\x89\x8f-\x91]",
        _sized(rb"\x8cUC", 1, range(256)),
        rb"K.",
        rb"M..",
        rb"J....",
        rb"G.{8}",
        _sized(b"XTB", 4, range(256)),
        rb"[IFLSV][^\n]{0,1000}+\n",
        _sized(rb"\x8a", 1, range(32)),
    )
)
_PLAIN = re.compile(rb"(?s:%b|%b|%b)*+" % (_FETCHES, _KEEPS, _OTHERS))
_FETCH = re.compile(rb"(?s:(?:%b|%b)*+(?:%b))" % (_KEEPS, _OTHERS, _FETCHES))
_KEEP = re.compile(rb"(?s:(?:%b|%b)*+(?:%b))" % (_FETCHES, _OTHERS, _KEEPS))


class Plain:
    """A look at the stream that the reader's data begins with, for at most `most` bytes of opcodes."""

    def __init__(self, reader: Reader, most: int) -> None:
        self._reader = reader
        self._at = 0
        self._left = most
        self._frame: int | None = None
        self._fetched = self._kept = 0

    def end(self) -> int | None:
        """The index after the stream's STOP; None where the stream is more than plain data, or may be."""
        if self._reader.data[:2] in PROTOCOLS:
            self._at = 2
        try:
            while self._left > 0 and self._step():
                pass
        except (Broken, IndexError):
            return None
        stopped = self._reader.data[self._at : self._at + 1] == b"."
        return self._at + 1 if stopped and self._left >= 0 and self._fetched <= _ECHO * max(2, self._kept) else None

    def _step(self) -> bool:
        """To the end of the run of plain opcodes and over what is there; False where that is not to be stepped over."""
        if self._at >= self._reader.limit:
            self._at = self._reader.advance(self._at)
        data, begin = self._reader.data, self._at
        stop = len(data) if self._frame is None else self._frame - self._reader.base
        self._at = at = _match_end(data, begin, stop)
        self._count(data[begin:at])
        self._left -= _STEP
        if at == stop and self._frame is not None:
            self._frame = None
            return True
        if at >= self._reader.limit:
            return at > begin
        return self._over(data[at : at + 1])

    def _over(self, opcode: bytes) -> bool:
        """Over the head of a frame, or over a string of any length that does not leave its frame."""
        size = 8 if opcode == b"\x95" else _SIZES.get(opcode, 0)
        end = self._at + 1 + size
        value = int.from_bytes(self._reader.data[self._at + 1 : end], "little")
        if opcode == b"\x95" and self._frame is None:
            self._frame = self._reader.base + end + value
        elif opcode in _SIZES and (self._frame is None or self._reader.base + end + value <= self._frame):
            end += value
        else:
            return False
        self._at = end
        return True

    def _count(self, run: bytes) -> None:
        """Bytes, and of fetches and values remembered as many as it takes to know that fetches are few."""
        self._left -= len(run)
        fetched = run.count(b"h") + run.count(b"j") + run.count(b"g")
        enough = fetched // _ECHO + 1
        kept = _times(_KEEP, run, b"\x94", enough)
        self._kept += kept
        self._fetched += fetched if kept == enough else _times(_FETCH, run, b"h.", fetched)


def _times(pattern: re.Pattern[bytes], run: bytes, end: bytes, most: int) -> int:
    """How often it matches, up to `most`; `end` is one match more, so that the search stops where the run does."""
    return min(most, pattern.subn(b"", run + end, count=most + 1)[1] - 1)


def _match_end(data: bytes, begin: int, stop: int) -> int:
    match = _PLAIN.match(data, begin, stop)
    return match.end() if match else begin
