"""ONNX: tensors whose data lie in other files, anywhere in a model (onnx/onnx.proto has the field numbers)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, outside, shown
from customhouse.scanners.models_protobuf import FIELDS, Shape, Walk

_VERSIONS = 32
_ONNX: Mapping[str, Shape] = {
    "Model": {7: "Graph", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "Sparse"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "Sparse", 23: "Sparse"},
    "Sparse": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "External"},
    "External": {},
}


def onnx(file: BinaryIO, size: int) -> Iterator[Claim]:
    """External data outside the model's own folder; each place once."""
    walk = Walk(file, _ONNX, "External", iter(range(FIELDS)))
    seen: set[str] = set()
    for span in walk.messages("Model", (0, size), 0):
        place = walk.text(span, 2)
        if walk.text(span, 1) == "location" and outside(place) and place not in seen:
            seen.add(place)
            yield Claim("onnx-external-path", Severity.HIGH, f"ONNX tensor reads {shown(place)!r}, outside its folder")


def like_onnx(head: bytes) -> bool:
    """Whether a file may be a model whatever its name: its version and a first text, as exporters write them."""
    return head[:1] == b"\x08" and 0 < head[1] < _VERSIONS and head[2:3] in {b"\x12", b"\x1a", b"\x3a"}
