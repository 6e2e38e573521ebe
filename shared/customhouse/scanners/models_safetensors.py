"""safetensors: the header must tell the truth (format: https://huggingface.co/docs/safetensors/index#format)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, Unreadable, counted, shown, take

HEADER = 100_000_000
"""The format's own limit; ours is what we are willing to hold in memory."""
_MEMORY = 32 << 20
_BITS = (
    {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8, "F8_E4M3": 8, "F8_E5M2": 8, "C64": 64}
    | {
        f"{letter}{bits}": bits
        for letter, bits in [*(("I", n) for n in (8, 16, 32, 64)), *(("U", n) for n in (8, 16, 32, 64))]
    }
    | {"F16": 16, "BF16": 16, "F32": 32, "F64": 64}
)


def claims(file: BinaryIO, size: int) -> Iterator[Claim]:
    """Every lie in the header; Unreadable where there is none to read."""
    length = int.from_bytes(take(file, 8), "little")
    if length > min(HEADER, size - 8):
        raise Unreadable("has a header larger than the file or than the format allows")
    if length > _MEMORY:
        raise TooLarge("the header of a safetensors file")
    header = _parse(counted(take(file, length), "the header of a safetensors file"))
    spans = []
    for name, tensor in header.items():
        if name != "__metadata__":
            begin, end = _span(name, tensor)
            spans.append((begin, end))
            if wrong := _wrong(tensor, begin, end):
                yield _lie(f"tensor {shown(name)!r} {wrong}")
    yield from _coverage(sorted(spans), size - 8 - length)


def _parse(data: bytes) -> dict[str, Any]:
    try:
        header = json.loads(data.decode(), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise Unreadable("has a header that is no JSON or names a tensor twice") from error
    if not isinstance(header, dict):
        raise Unreadable("has a header that is no JSON object")
    told = header.get("__metadata__", {})
    if not isinstance(told, dict) or not all(isinstance(text, str) for text in told.values()):
        raise Unreadable("has metadata that are no texts")
    return header


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a name occurs twice")
    return dict(pairs)


def _span(name: str, tensor: Any) -> tuple[int, int]:  # noqa: ANN401 -- parsed JSON of unknown shape
    try:
        begin, end = tensor["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise Unreadable(f"has a tensor without a place: {shown(name)!r}") from error
    if not (type(begin) is type(end) is int):
        raise Unreadable(f"has a tensor whose place is no number: {shown(name)!r}")
    return begin, end


def _wrong(tensor: dict[str, Any], begin: int, end: int) -> str:
    bits, shape = _BITS.get(str(tensor.get("dtype"))), tensor.get("shape")
    if bits is None:
        return "is of an unknown type"
    if not isinstance(shape, list) or not all(type(extent) is int and extent >= 0 for extent in shape):
        return "has an impossible shape"
    if _elements(shape, (end - begin) * 8) * bits != (end - begin) * 8:
        return "takes another number of bytes than its shape and type say"
    return ""


def _elements(shape: list[int], most: int) -> int:
    """How many there are; beyond `most` it does not matter how many, and many factors would take for ever."""
    count = 0 if 0 in shape else 1
    for extent in shape:
        count *= extent
        if count > most:
            break
    return count


def _coverage(spans: list[tuple[int, int]], size: int) -> Iterator[Claim]:
    """The tensors must cover the rest of the file, without holes, overlaps or a tail."""
    at = 0
    for begin, end in spans:
        if begin != at:
            yield _lie("tensors leave a hole" if begin > at else "tensors overlap")
            return
        at = end
    if at != size:
        yield _lie("bytes beyond the last tensor" if at < size else "tensors beyond the end of the file")


def _lie(what: str) -> Claim:
    return Claim("safetensors-header", Severity.HIGH, f"safetensors header lies: {what}")
