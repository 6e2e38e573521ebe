"""TensorFlow graphs: operations that run Python or touch files, in protobuf, in its text format and in TFLite.

Field numbers: saved_model.proto, meta_graph.proto, graph.proto and node_def.proto of TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, Unreadable, listed
from customhouse.scanners.models_protobuf import FIELDS, Shape, Walk

_MEMORY = 64 << 20
_CHUNK, _OVERLAP = 4 << 20, 256
_SEVERITIES = {name: Severity(level) for level, names in listed("operations.txt").items() for name in names}
_PRINTS, _FILE = {"Print", "PrintV2"}, b"file:"
_BLANK = rb"(?:\s|#[^\n]*+(?:\n|\Z))*+"
_STRING = rb"\"(?:[^\"\\\n]|\\.)*+\"|'(?:[^'\\\n]|\\.)*+'"
_TEXT = re.compile(rb"(?s:\bop%b:%b((?:(?:%b)%b)++))" % (_BLANK, _BLANK, _STRING, _BLANK))
_PART = re.compile(rb"(?s:%b|#[^\n]*+)" % _STRING)
_ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|u00([0-9a-fA-F]{2})|U000000([0-9a-fA-F]{2}))")
_FLEX = re.compile(rb"Flex([A-Z]\w{1,60})\0")
"""What a TFLite model calls an operation of TensorFlow's (tensorflow/lite/delegates/flex)."""

_TENSORFLOW: Mapping[str, Shape] = {
    "SavedModel": {2: "MetaGraph"},
    "MetaGraph": {2: "Graph"},
    "Graph": {1: "Node", 2: "Library"},
    "Library": {1: "Function"},
    "Function": {3: "Node"},
    "Node": {},
}
_ROOTS = ("SavedModel", "MetaGraph", "Graph")


def tensorflow(file: BinaryIO, size: int, *, sure: bool) -> Iterator[Claim]:
    """Operations that run Python or touch files, each once: a saved model, a graph with its metadata, or a graph.

    Nothing in the bytes tells which of the three, so each is tried; `sure` that one of them must fit.
    """
    found: dict[str, Claim] = {}
    failures: list[Unreadable] = []
    left = iter(range(FIELDS))
    for root in _ROOTS:
        try:
            for claim in _operations(file, size, root, left):
                found[claim.message] = claim
        except Unreadable as error:
            failures.append(error)
    yield from found.values()
    if sure and len(failures) == len(_ROOTS):
        raise failures[0]


def _operations(file: BinaryIO, size: int, root: str, left: Iterator[int]) -> Iterator[Claim]:
    walk = Walk(file, _TENSORFLOW, "Node", left)
    for span in walk.messages(root, (0, size), 0):
        name = walk.text(span, 2)
        yield from operation(name)
        if name in _PRINTS and _FILE in walk.data(span, _MEMORY):
            yield _prints(name)


def operation(name: str) -> Iterator[Claim]:
    """A claim where an operation of that name runs code or touches files."""
    if severity := _SEVERITIES.get(name):
        yield Claim("tensorflow-operation", severity, f"TensorFlow graph runs {name}")


def _prints(name: str) -> Claim:
    return Claim("tensorflow-operation", Severity.HIGH, f"TensorFlow graph writes files with {name}")


def as_text(file: BinaryIO) -> Iterator[Claim]:
    """Operations of a graph in protobuf's text format, each once (protobuf.dev, "Text Format Language")."""
    data = file.read(_MEMORY + 1)
    if len(data) > _MEMORY:
        raise TooLarge("a graph written as text")
    names = {_value(match[1]).decode("latin-1") for match in _TEXT.finditer(data)}
    for name in sorted(names):
        yield from operation(name)
    if (printing := sorted(names & _PRINTS)) and _FILE in _unescaped(data):
        yield _prints(printing[0])


def _value(strings: bytes) -> bytes:
    """One text may be written as several strings in a row, with comments among them."""
    return b"".join(_unescaped(part[1:-1]) for part in _PART.findall(strings) if not part.startswith(b"#"))


def _unescaped(text: bytes) -> bytes:
    """Without the escapes that letters may be written as."""
    return _ESCAPE.sub(lambda found: bytes([_code(found) & 0xFF]), text)


def _code(found: re.Match[bytes]) -> int:
    octal = found[1]
    return int(octal, 8) if octal else int(next(filter(None, found.groups())), 16)


def lite(file: BinaryIO) -> Iterator[Claim]:
    """Operations of TensorFlow's that a TFLite model calls by name."""
    before = b""
    while data := file.read(_CHUNK):
        for found in _FLEX.finditer(before + data):
            yield from operation(found[1].decode())
        before = data[-_OVERLAP:]
