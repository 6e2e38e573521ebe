"""Programs of other frameworks: TorchScript's code, Paddle's operations (paddle/fluid/framework/framework.proto)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO

import re2

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge
from customhouse.scanners.models_protobuf import FIELDS, Shape, Walk

_MEMORY = 32 << 20
_FILES = re2.compile(rb"\b(?:torch|aten)\.(from_file|save)\s*\(")
_PADDLE: Mapping[str, Shape] = {"Program": {1: "Block"}, "Block": {4: "Operation"}, "Operation": {}}
_TYPE = 3
_ACTS = {
    "py_func": Severity.CRITICAL,
    "save": Severity.HIGH,
    "save_combine": Severity.HIGH,
    "load": Severity.HIGH,
    "load_combine": Severity.HIGH,
    "listen_and_serv": Severity.HIGH,
}


def torchscript(file: BinaryIO) -> Iterator[Claim]:
    """Functions that read and write files, of a language that has few others that do more than compute."""
    data = file.read(_MEMORY + 1)
    if len(data) > _MEMORY:
        raise TooLarge("TorchScript")
    for found in _FILES.finditer(data):
        yield Claim("torchscript-file", Severity.HIGH, f"TorchScript calls {found.group(1).decode()}")


def paddle(file: BinaryIO, size: int) -> Iterator[Claim]:
    """Operations that call Python, or read and write files of any name."""
    walk = Walk(file, _PADDLE, "Operation", iter(range(FIELDS)))
    for span in walk.messages("Program", (0, size), 0):
        name = walk.text(span, _TYPE)
        if severity := _ACTS.get(name):
            yield Claim("paddle-operation", severity, f"Paddle program runs {name}")
