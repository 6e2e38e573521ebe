"""Keras: layers and functions that bring their own code, or reach for files and code when they are loaded.

In a .keras config.json, in the attribute of a legacy HDF5 file, in the metadata of a TensorFlow SavedModel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import re2

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, shown

_MEMORY = 32 << 20
_CHUNK, _OVERLAP = 4 << 20, 64 << 10
_HOMES = {"keras", "keras_core", "tf_keras", "tensorflow", "keras_hub", "keras_nlp", "keras_cv", "builtins", "numpy"}
_LAMBDAS = {"Lambda", "__lambda__"}
_LOADERS = {"TorchModuleWrapper": "unpickles a module", "TFSMLayer": "loads a SavedModel from a path"}
"""Layers that load something else, which runs (CVE-2025-49655, and what safe mode does not stop)."""
_VOCABULARIES = {"StringLookup", "IntegerLookup", "TextVectorization", "IndexLookup"}
"""Layers that read a file where their vocabulary is its name (CVE-2025-12058)."""
_PURE = re.compile(
    r"keras(?:\.src)?\.(?:activations|losses|metrics|initializers|regularizers|constraints|ops)(?:\..*)?"
)
"""Modules of Keras whose functions only compute; others open files and switch safety off (CVE-2025-8747)."""
_CLASS = re2.compile(rb"\"class_name\"\s*:\s*\"(Lambda|__lambda__|TorchModuleWrapper|TFSMLayer)\"")
_MODULE = re2.compile(rb"\"module\"\s*:\s*\"([A-Za-z0-9_.]{1,200})\"")
_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")


def config(file: BinaryIO) -> Iterator[Claim]:
    """The config.json of a .keras archive, object by object."""
    data = file.read(_MEMORY + 1)
    if len(data) > _MEMORY:
        raise TooLarge("a Keras configuration")
    try:
        parsed = json.loads(data)
    except (ValueError, RecursionError):
        yield from _text(data)
        return
    for item in _objects(parsed):
        yield from _object(item)


def embedded(file: BinaryIO) -> Iterator[Claim]:
    """A configuration that is a text somewhere in a file of another format, found without a reader of that."""
    seen: set[Claim] = set()
    before = b""
    while data := file.read(_CHUNK):
        for claim in _text(before + data):
            if claim not in seen:
                seen.add(claim)
                yield claim
        before = data[-_OVERLAP:]


def _objects(parsed: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 -- parsed JSON of unknown shape
    """Every object in the document, however deep; json has refused what is too deep to parse."""
    waiting = [parsed]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            yield item
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _object(item: dict[str, Any]) -> Iterator[Claim]:
    name, module, own = item.get("class_name"), item.get("module"), item.get("config")
    if not isinstance(name, str):
        return
    yield from _layer(name)
    if isinstance(module, str):
        yield from _imported(module, f".{own}" if name == "function" else "")
    vocabulary = own.get("vocabulary") if isinstance(own, dict) else None
    if name in _VOCABULARIES and isinstance(vocabulary, str):
        yield Claim("keras-reads-file", Severity.HIGH, f"Keras layer {name} reads {shown(vocabulary)!r}")


def _text(data: bytes) -> Iterator[Claim]:
    if b'"class_name"' not in data and b"\\u00" not in data:
        return
    data = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data)
    for found in _CLASS.finditer(data):
        yield from _layer(found.group(1).decode())
    for found in _MODULE.finditer(data) if b'"class_name"' in data else ():
        yield from _imported(found.group(1).decode())


def _layer(name: str) -> Iterator[Claim]:
    if name in _LAMBDAS:
        yield Claim("keras-lambda", Severity.CRITICAL, "Keras Lambda layer: marshalled Python code runs on loading")
    if name in _LOADERS:
        yield Claim("keras-loads-code", Severity.CRITICAL, f"Keras layer {name} {_LOADERS[name]}")


def _imported(module: str, function: str = "") -> Iterator[Claim]:
    """Keras imports whatever module a configuration names (CVE-2025-1550)."""
    root = module.partition(".")[0]
    if root not in _HOMES or (root == "builtins" and function):
        yield Claim("keras-foreign-module", Severity.HIGH, f"Keras configuration imports {shown(module + function)}")
    elif function and not _PURE.fullmatch(module):
        yield Claim("keras-function", Severity.HIGH, f"Keras configuration names {shown(module + function)}")
