"""TensorFlow graphs and ONNX models: a walk of their protobuf fields that skips weights and needs no generated code.

Field numbers: saved_model.proto, meta_graph.proto, graph.proto and node_def.proto of TensorFlow; onnx.proto.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, Unreadable, shown, take

_FIELDS = 2_000_000
"""Followed in one file, whatever it is taken for: three seconds a million."""
_NAME = 4096
_MEMORY = 64 << 20
_DEPTH = 24
_LOW = 0x7F
_VARINT, _EIGHT, _BYTES, _GROUP, _END, _FOUR = range(6)
_RUNS = {"PyFunc", "PyFuncStateless", "EagerPyFunc", "NumpyFunction", "LoadLibrary", "TPUCompile"}
_TEXT = re.compile(rb"\bop\s*:\s*[\"'](\w+)[\"']")
_PRINTS, _FILE = {"Print", "PrintV2"}, b"file://"
_FILES = {"ReadFile", "WriteFile", "MatchingFiles", "DeleteFile", "CopyFile", "ImmutableConst", "WholeFileReaderV2"}

Span = tuple[int, int]
Shape = Mapping[int, str]
"""Which message type a field of a message holds."""

_TENSORFLOW: Mapping[str, Shape] = {
    "SavedModel": {2: "MetaGraph"},
    "MetaGraph": {2: "Graph"},
    "Graph": {1: "Node", 2: "Library"},
    "Library": {1: "Function"},
    "Function": {3: "Node"},
    "Node": {},
}
_ROOTS = ("SavedModel", "MetaGraph", "Graph")
_ONNX: Mapping[str, Shape] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "External"},
    "External": {},
}


def tensorflow(file: BinaryIO, size: int, *, sure: bool) -> Iterator[Claim]:
    """Operations that run Python or touch files, each once: a saved model, a graph with its metadata, or a graph.

    Nothing in the bytes tells which of the three, so each is tried; `sure` that one of them must fit.
    """
    found: dict[str, Claim] = {}
    failures: list[Unreadable] = []
    left = iter(range(_FIELDS))
    for root in _ROOTS:
        try:
            found |= {claim.message: claim for claim in _operations(file, size, root, left)}
        except Unreadable as error:
            failures.append(error)
    yield from found.values()
    if sure and len(failures) == len(_ROOTS):
        raise failures[0]


def _operations(file: BinaryIO, size: int, root: str, left: Iterator[int]) -> Iterator[Claim]:
    walk = _Walk(file, _TENSORFLOW, "Node", left)
    for span in walk.messages(root, (0, size), 0):
        operation = walk.text(span, 2)
        yield from _operation(operation)
        if operation in _PRINTS and _FILE in walk.data(span):
            yield Claim("tensorflow-operation", Severity.HIGH, f"TensorFlow graph writes files with {operation}")


def _operation(name: str) -> Iterator[Claim]:
    if name in _RUNS | _FILES:
        severity = Severity.CRITICAL if name in _RUNS else Severity.HIGH
        yield Claim("tensorflow-operation", severity, f"TensorFlow graph runs {name}")


def as_text(file: BinaryIO) -> Iterator[Claim]:
    """Operations of a graph in protobuf's text format, each once."""
    data = file.read(_MEMORY + 1)
    if len(data) > _MEMORY:
        raise TooLarge("a graph written as text")
    for name in sorted({match[1].decode() for match in _TEXT.finditer(data)}):
        yield from _operation(name)


def onnx(file: BinaryIO, size: int) -> Iterator[Claim]:
    """External data outside the model's own folder; each place once."""
    walk = _Walk(file, _ONNX, "External", iter(range(_FIELDS)))
    seen: set[str] = set()
    for span in walk.messages("Model", (0, size), 0):
        place = walk.text(span, 2)
        if walk.text(span, 1) == "location" and _outside(place) and place not in seen:
            seen.add(place)
            yield Claim("onnx-external-path", Severity.HIGH, f"ONNX tensor reads {shown(place)!r}, outside its folder")


def _outside(place: str) -> bool:
    """Whether a path leads out of the folder, or is too long to tell."""
    parts = re.split(r"[/\\]", place)
    return len(place) >= _NAME or not parts[0] or ".." in parts or ":" in parts[0] or "\0" in place


class _Walk:
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
        """The last text field of that number in the message, as protobuf readers take it; at most `_NAME` bytes."""
        found = ""
        for number, (start, end) in self._fields(span):
            if number == wanted:
                found = self.data((start, end)).decode("utf-8", "replace")
        return found

    def data(self, span: Span) -> bytes:
        """A small message's bytes."""
        self._file.seek(span[0])
        return self._file.read(min(span[1] - span[0], _NAME))

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
