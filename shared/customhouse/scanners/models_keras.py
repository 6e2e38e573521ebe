"""Keras: layers and functions that bring their own code, or reach for files and code when they are loaded.

In a .keras config.json, in the attribute of a legacy HDF5 file, in the metadata of a TensorFlow SavedModel.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO

import re2

from customhouse.model import Severity
from customhouse.scanners.models_claims import Claim, TooLarge, counted, shown
from customhouse.scanners.models_tensorflow import operation

_MEMORY = 32 << 20
_CHUNK, _OVERLAP = 4 << 20, 64 << 10
_HOMES = {"keras", "keras_core", "tf_keras", "tensorflow", "keras_hub", "keras_nlp", "keras_cv", "builtins", "numpy"}
_LAMBDAS = {"Lambda", "__lambda__"}
_LOADERS = {"TorchModuleWrapper": "unpickles a module", "TFSMLayer": "loads a SavedModel from a path"}
"""Layers that load something else, which runs (CVE-2025-49655, and what safe mode does not stop)."""
_FILES = ("vocabulary", "merges", "idf_weights")
"""What a layer reads from a file where it is a text: the name of the file (CVE-2025-12058)."""
_CALLERS = {"TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty"}
"""Layers of Keras 2 that call whatever TensorFlow exports under a name (keras/layers/core/tf_op_layer.py)."""
_PURE = re.compile(
    r"keras(?:\.src)?\.(?:activations|losses|metrics|initializers|regularizers|constraints|ops)(?:\..*)?"
)
"""Modules of Keras whose functions only compute; others open files and switch safety off (CVE-2025-8747)."""
_ACTS = re.compile(r"(?:tf_)?keras(?:\.src)?\.(?:utils|config|callbacks|datasets|export|wrappers)(?:\..*)?")
"""Modules of Keras in which no model has a class or a function."""
_REACHES = re.compile(
    r"(?:compat\.v[12]\.)?(?:(?:saved_model|data|train|summary|profiler|distribute|lite|tpu|config|sysconfig|autograph)\..*"
    r"|io\.(?:(?:read|write|matching)_.*|gfile\..*|TF.*)|keras\.(?:utils|models|saving|config|datasets)\..*"
    r"|load_(?:op_)?library|py_function|numpy_function|py_func)"
)
"""Names that TensorFlow exports and that do more than compute."""
_CLASS = re2.compile(rb"\"class_name\"\s*:\s*\"(Lambda|__lambda__|TorchModuleWrapper|TFSMLayer)\"")
_MODULE = re2.compile(rb"\"module\"\s*:\s*\"([A-Za-z0-9_.]{1,200})\"")
_CALLER = re2.compile(rb"\"class_name\"\s*:\s*\"(?:" + "|".join(sorted(_CALLERS)).encode() + rb")\"")
_FUNCTION = re2.compile(rb"\"function\"\s*:\s*\"([\w.]{1,200})\"")
_FILE = re2.compile(rb"\"(" + "|".join(_FILES).encode() + rb")\"\s*:\s*\"([^\"]{1,200})\"")
_OPERATION = re2.compile(rb"(?:\b|\\n)op\\?\"?\s*:\s*\\?\"(\w{1,60})")
_FLAT = 1000
"""Bytes before and after its class that an object is looked for in, which holds no other: functions are written so."""
_ESCAPE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
_BLANKS = re.compile(rb"[ \t\r\n]{64,}+")


def config(file: BinaryIO) -> Iterator[Claim]:
    """The config.json of a .keras archive, object by object."""
    data = file.read(_MEMORY + 1)
    if len(data) > _MEMORY:
        raise TooLarge("a Keras configuration")
    try:
        parsed = json.loads(counted(data, "a Keras configuration"))
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
        window = _BLANKS.sub(b" ", before + data)
        for claim in _text(window):
            if claim not in seen:
                seen.add(claim)
                yield claim
        before = window[-_OVERLAP:]


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
        yield from _imported(module, _function(name, own))
    if isinstance(own, dict):
        yield from _configured(name, own)


def _function(name: str, own: object) -> str:
    """What a configuration names as a function: its class may be one, which Keras returns as it is."""
    if name == "function":
        return f".{own}"
    return f".{name}" if name[:1].islower() else ""


def _configured(name: str, own: dict[str, Any]) -> Iterator[Claim]:
    for key in _FILES:
        if isinstance(own.get(key), str):
            yield _reads(name, own[key])
    if name in _CALLERS and isinstance(own.get("function"), str):
        yield from _called(own["function"])
    if name == "TensorFlowOpLayer":
        yield from _operations(json.dumps(own.get("node_def")).encode())


def _text(data: bytes) -> Iterator[Claim]:
    if b'"class_name"' not in data and b"\\u00" not in data:
        return
    data = _ESCAPE.sub(lambda match: bytes.fromhex(match[1].decode()), data)
    for found in _CLASS.finditer(data):
        yield from _layer(found.group(1).decode())
    if b'"class_name"' in data:
        yield from _named(data)


def _named(data: bytes) -> Iterator[Claim]:
    """What a configuration names, which is a text with others around it."""
    for found in _MODULE.finditer(data):
        yield from _imported(found.group(1).decode())
    for found in _FILE.finditer(data):
        yield _reads(found.group(1).decode(), found.group(2).decode("utf-8", "replace"))
    for found in _FUNCTION.finditer(data) if _CALLER.search(data) else ():
        yield from _called(found.group(1).decode())
    if b'"TensorFlowOpLayer"' in data:
        yield from _operations(data)
    for item in _flat(data):
        yield from _object(item)


def _flat(data: bytes) -> Iterator[dict[str, Any]]:
    """Objects with a class and with no others in them."""
    at = -1
    while (at := data.find(b'"class_name"', at + 1)) >= 0:
        start, end = data.rfind(b"{", max(0, at - _FLAT), at), data.find(b"}", at, at + _FLAT)
        if start >= 0 <= end and data.find(b"{", at, end) < 0:
            with contextlib.suppress(ValueError):
                yield json.loads(data[start : end + 1])


def _layer(name: str) -> Iterator[Claim]:
    if name in _LAMBDAS:
        yield Claim("keras-lambda", Severity.CRITICAL, "Keras Lambda layer: marshalled Python code runs on loading")
    if name in _LOADERS:
        yield Claim("keras-loads-code", Severity.CRITICAL, f"Keras layer {name} {_LOADERS[name]}")


def _reads(where: str, file: str) -> Claim:
    return Claim("keras-reads-file", Severity.HIGH, f"Keras {shown(where)} reads the file {shown(file)!r}")


def _called(symbol: str) -> Iterator[Claim]:
    yield from operation(symbol.rpartition(".")[2])
    if _REACHES.fullmatch(symbol):
        yield Claim("keras-function", Severity.HIGH, f"Keras layer calls tf.{shown(symbol)}")


def _operations(text: bytes) -> Iterator[Claim]:
    for found in _OPERATION.finditer(text):
        yield from operation(found.group(1).decode())


def _imported(module: str, function: str = "") -> Iterator[Claim]:
    """Keras imports whatever module a configuration names (CVE-2025-1550)."""
    root = module.partition(".")[0]
    if root not in _HOMES or (root == "builtins" and function):
        yield Claim("keras-foreign-module", Severity.HIGH, f"Keras configuration imports {shown(module + function)}")
    elif (function and not _PURE.fullmatch(module)) or _ACTS.fullmatch(module):
        yield Claim("keras-function", Severity.HIGH, f"Keras configuration names {shown(module + function)}")
