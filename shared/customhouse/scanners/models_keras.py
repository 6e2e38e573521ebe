"""Keras: layers and functions that bring their own code, in a .keras config.json or a legacy HDF5 attribute."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, BinaryIO

import re2

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, shown

_MEMORY = 32 << 20
_CHUNK, _OVERLAP = 4 << 20, 64 << 10
_HOMES = {"keras", "keras_core", "tf_keras", "tensorflow", "keras_hub", "keras_nlp", "keras_cv", "builtins", "numpy"}
_LAMBDA = re2.compile(rb"\"class_name\"\s*:\s*\"(Lambda|__lambda__)\"")
_MODULE = re2.compile(rb"\"module\"\s*:\s*\"([A-Za-z0-9_.]{1,200})\"[^{}]{0,80}\"class_name\"\s*:\s*\"[A-Za-z_]+\"")


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


def hdf5(file: BinaryIO) -> Iterator[Claim]:
    """The configuration that a legacy file holds as the text of an attribute, found without an HDF5 reader."""
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
    name, module = item.get("class_name"), item.get("module")
    if name in {"Lambda", "__lambda__"}:
        yield _code()
    if isinstance(name, str) and isinstance(module, str):
        yield from _foreign(module, name)


def _text(data: bytes) -> Iterator[Claim]:
    if _LAMBDA.search(data):
        yield _code()
    for found in _MODULE.finditer(data):
        yield from _foreign(found.group(1).decode(), "")


def _foreign(module: str, name: str) -> Iterator[Claim]:
    """Keras imports whatever module a configuration names (CVE-2025-1550)."""
    root = module.partition(".")[0]
    if root not in _HOMES or (root == "builtins" and name == "function"):
        message = f"Keras configuration imports {shown(module)}"
        yield Claim("keras-foreign-module", Severity.HIGH, message)


def _code() -> Claim:
    return Claim("keras-lambda", Severity.CRITICAL, "Keras Lambda layer: marshalled Python code runs on loading")
