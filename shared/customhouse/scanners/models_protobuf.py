"""A walk of protobuf's fields that skips weights and needs no generated code (protobuf.dev, "Encoding")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from customhouse.scanners.models_claims import TooLarge, Unreadable, take

FIELDS = 2_000_000
"""Followed in one file, whatever it is taken for: three seconds a million."""
NAME = 4096
"""Bytes of a text that are read."""
_DEPTH = 24
_LOW = 0x7F
_VARINT, _EIGHT, _BYTES, _GROUP, _END, _FOUR = range(6)

Span = tuple[int, int]
Shape = Mapping[int, str]
"""Which message type a field of a message holds."""


class Walk:
    """All messages of type `wanted` in a file whose message types are `shapes`."""

    def __init__(self, file: BinaryIO, shapes: Mapping[str, Shape], wanted: str, left: Iterator[int]) -> None:
        self._file, self._shapes, self._wanted = file, shapes, wanted
        self._left = left

    def messages(self, kind: str, span: Span, depth: int) -> Iterator[Span]:
        """Where they are, in order."""
        if depth > _DEPTH:
            raise TooLarge("the nesting of a graph")
        if kind == self._wanted:
            yield span
        shape = self._shapes[kind]
        for number, inner in self._fields(span) if shape else ():
            if number in shape:
                yield from self.messages(shape[number], inner, depth + 1)

    def text(self, span: Span, wanted: int) -> str:
        """The last text field of that number in the message, as protobuf readers take it; at most `NAME` bytes."""
        found = ""
        for number, (start, end) in self._fields(span):
            if number == wanted:
                found = self.data((start, end)).decode("utf-8", "replace")
        return found

    def data(self, span: Span, most: int = NAME) -> bytes:
        """A message's first bytes."""
        self._file.seek(span[0])
        return self._file.read(min(span[1] - span[0], most))

    def _fields(self, span: Span) -> Iterator[tuple[int, Span]]:
        """Length-delimited fields of one message; groups, which none of these has, are passed over as readers do."""
        at, end = span
        groups = 0
        while at < end:
            if next(self._left, None) is None:
                raise TooLarge("the number of fields in a graph")
            self._file.seek(at)
            tag = self._varint()
            number, wire = tag >> 3, tag & 7
            if wire == _BYTES:
                length = self._varint()
                start = self._file.tell()
                if start + length > end:
                    raise Unreadable("has a field that is longer than its message")
                if not groups:
                    yield number, (start, start + length)
                at = start + length
            elif wire in {_GROUP, _END}:
                groups += 1 if wire == _GROUP else -1
                if groups < 0:
                    raise Unreadable("ends a group that did not begin")
                at = self._file.tell()
            else:
                at = self._past(wire)
        if groups or at > end:
            raise Unreadable("has a field that does not end in its message")

    def _past(self, wire: int) -> int:
        if wire == _VARINT:
            self._varint()
        elif wire in {_EIGHT, _FOUR}:
            self._file.seek(8 if wire == _EIGHT else 4, 1)
        else:
            raise Unreadable("has a field of unknown form")
        return self._file.tell()

    def _varint(self) -> int:
        value = 0
        for shift in range(0, 70, 7):
            byte = take(self._file, 1)[0]
            value |= (byte & _LOW) << shift
            if byte <= _LOW:
                return value
        raise Unreadable("has an endless number")
