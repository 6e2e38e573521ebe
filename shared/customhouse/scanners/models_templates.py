"""GGUF files, and the templates in the JSON of tokenizers.

GGUF: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator
from typing import BinaryIO

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, Unreadable, counted, shown, take
from customhouse.scanners.models_jinja import template

_ENTRIES = 1_000_000
_ELEMENTS = 2_000_000
"""Texts and arrays in a file's arrays: a vocabulary has some hundred thousand."""
_TEXT = 16 << 20
_DEPTH = 4
_WIDTHS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}
_UINT32, _STRING, _ARRAY = 4, 8, 9
_ALIGNMENT = b"general.alignment"
_DIMENSIONS, _LARGEST = 4, 2**63 - 1
_TEMPLATE = b"tokenizer.chat_template"


def texts(document: bytes) -> Iterator[bytes]:
    """Every text in a JSON document; all of it where it is no JSON."""
    counted(document, "a chat template")
    try:
        waiting = [json.loads(document, object_pairs_hook=_values)]
    except (ValueError, RecursionError):
        yield document
        return
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item.encode("utf-8", "replace")
        elif isinstance(item, list):
            waiting.extend(item)


def _values(pairs: list[tuple[str, object]]) -> list[object]:
    """All of them: where a name occurs twice, readers differ in which one counts."""
    return [value for _, value in pairs]


def gguf(file: BinaryIO, size: int) -> Iterator[Claim]:
    """Templates among a GGUF file's metadata, and tensors that cannot be; Unreadable where lengths or counts lie."""
    magic, version = struct.unpack("<4sI", take(file, 8))
    if magic != b"GGUF" or version not in {2, 3}:
        raise Unreadable("is no GGUF file of version 2 or 3")
    tensors, entries = struct.unpack("<QQ", take(file, 16))
    if entries > _ENTRIES or entries * 12 > size or tensors * 24 > size:
        raise Unreadable("counts more metadata or tensors than the file can hold")
    left = iter(range(_ELEMENTS))
    for _ in range(entries):
        yield from _entry(file, size, left)
    for _ in range(tensors):
        yield from _tensor(file, size)


def _entry(file: BinaryIO, size: int, left: Iterator[int]) -> Iterator[Claim]:
    key = _string(file, size)
    kind = int.from_bytes(take(file, 4), "little")
    if key == _ALIGNMENT and kind == _UINT32:
        value = int.from_bytes(take(file, 4), "little")
        if value == 0 or value & (value - 1):
            yield _lie(f"an alignment of {value} bytes")
    elif key != _TEMPLATE and not key.startswith(_TEMPLATE + b"."):
        _skip(file, kind, size, left)
    elif kind == _STRING:
        yield from template(_string(file, size), shown(key))
    else:
        raise Unreadable("has a chat template that is no text")


def _tensor(file: BinaryIO, size: int) -> Iterator[Claim]:
    """What readers compute sizes and addresses of (CVE-2024-23496, CVE-2025-53630)."""
    name = _string(file, size)
    dimensions = int.from_bytes(take(file, 4), "little")
    if dimensions > _DIMENSIONS:
        raise Unreadable("has a tensor of more dimensions than there are")
    *extents, _, offset = struct.unpack(f"<{dimensions}QIQ", take(file, 8 * dimensions + 12))
    if math.prod(extents) > _LARGEST:
        yield _lie(f"tensor {shown(name)!r} has more elements than can be counted")
    if offset > size:
        yield _lie(f"tensor {shown(name)!r} lies beyond the end of the file")


def _lie(what: str) -> Claim:
    return Claim("gguf-header", Severity.HIGH, f"GGUF header lies: {what}")


def _string(file: BinaryIO, size: int) -> bytes:
    length = int.from_bytes(take(file, 8), "little")
    if length > size:
        raise Unreadable("has a text longer than the file")
    if length > _TEXT:
        raise TooLarge("a text in GGUF metadata")
    return take(file, length)


def _skip(file: BinaryIO, kind: int, size: int, left: Iterator[int], depth: int = 0) -> None:
    if kind == _STRING:
        _jump(file, int.from_bytes(take(file, 8), "little"), size)
    elif kind == _ARRAY and depth < _DEPTH:
        inner, count = struct.unpack("<IQ", take(file, 12))
        if inner in _WIDTHS:
            _jump(file, count * _WIDTHS[inner], size)
            return
        if count > size:
            raise Unreadable("has an array longer than the file")
        for _ in range(count):
            if next(left, None) is None:
                raise TooLarge("the number of texts in GGUF metadata")
            _skip(file, inner, size, left, depth + 1)
    elif kind in _WIDTHS:
        _jump(file, _WIDTHS[kind], size)
    else:
        raise Unreadable("has a value of unknown type")


def _jump(file: BinaryIO, count: int, size: int) -> None:
    if file.tell() + count > size:
        raise Unreadable("has a value longer than the file")
    file.seek(count, 1)
