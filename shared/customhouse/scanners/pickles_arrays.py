"""State of objects, and the arrays of joblib: raw bytes in the middle of a pickle, as many as a wrapper's state says.

What joblib does with them is in joblib/numpy_pickle.py (`NumpyArrayWrapper.read_array`). Whatever could be read in two
ways is `Broken`: who can choose how many bytes are an array hides a call among them.
"""

from __future__ import annotations

import re
from typing import Any

from customhouse.scanners.pickles_reader import Broken
from customhouse.scanners.pickles_repeats import OPAQUE, Unsure, sure
from customhouse.scanners.pickles_values import Call, Global, Value
from customhouse.scanners.pickles_walk import Machine

_ARRAY, _TYPE = "NumpyArrayWrapper", Global("numpy", "dtype")
_CODE = re.compile(rb"b1|[iu][1248]|f(?:2|4|8|12|16)|c(?:8|16|24|32)|[mM]8|O[48]?|[SUV]\d{1,9}")
"""What NumPy writes as the code of a type; others it reads, but with sizes of their own."""
_DIMENSIONS = 64
_OBJECTS = 1
"""The flag of a type whose items are objects (NPY_ITEM_REFCOUNT)."""
_GIVES_BACK = {"max", "min", "sum", "scalar"}
"""Allowed functions that may return what they were given."""


def set_state(machine: Machine, at: int) -> int:
    """State for the object below it; joblib writes an array's bytes right after its state."""
    state, built = machine.stack.pop(), machine.stack[-1]
    if isinstance(built, Global):
        machine.problem("changes a class or a function that it imports")
    if not isinstance(built, Call):
        return at
    made = _made(built)
    if made == _TYPE:
        machine.types += 1
        built.state = state
    if not (isinstance(made, Global) and made.name == _ARRAY and machine.joblib):
        return at
    machine.arrays += 1
    if state is OPAQUE:
        raise Unsure
    if not isinstance(state, dict):
        raise Broken("has an array whose state is not one that joblib writes")
    return _array(machine, at, state)


def _made(built: Call) -> Value:
    """What a call makes an object of: a class that it calls, or one that it gives to a function such as copyreg's."""
    function, arguments = built.function, built.arguments
    if not isinstance(function, Global) or function.name[:1].isupper() or function == _TYPE:
        return function
    if arguments is OPAQUE:
        raise Unsure
    if function.name in _GIVES_BACK:
        raise Broken("changes what a function gives back")
    first = arguments[0] if isinstance(arguments, tuple) and arguments else None
    return sure(first) if isinstance(first, Global) or first is OPAQUE else function


def _array(machine: Machine, at: int, state: dict[Any, Any]) -> int:
    """Past the bytes of a joblib array: padding, then items; objects are a pickle of their own."""
    if machine.frame == machine.reader.base + at:
        machine.frame = None
    if at + 1 >= machine.reader.limit:
        at = machine.reader.advance(at)
    width = _item(sure(state[b"dtype"]))
    if width is None:
        return _nested(machine, at)
    if b"numpy_array_alignment_bytes" in state:
        if not isinstance(sure(state[b"numpy_array_alignment_bytes"]), int):
            raise Broken("has an array of unknown alignment")
        at += 1 + machine.reader.data[at]
    return at + _count(state[b"shape"]) * width


def _count(shape: Value) -> int:
    """How many items an array of that shape has."""
    if not isinstance(shape, tuple):
        raise Broken("has an array of unknown shape")
    if len(shape) > _DIMENSIONS:
        raise Broken("has an array of more dimensions than NumPy knows")
    sure(shape)
    count = 1
    for extent in shape:
        count *= extent
    if count < 0:
        raise Broken("has an array of negative size")
    return count


def _item(kind: Value) -> int | None:
    """The bytes of an item of a NumPy type, None for objects; its code and its state have to say the same."""
    if not (isinstance(kind, Call) and kind.function == _TYPE and isinstance(kind.arguments, tuple)):
        raise Broken("has an array of unknown type")
    code = kind.arguments[0]
    if not (isinstance(code, bytes) and _CODE.fullmatch(code)):
        raise Broken("has an array of unknown type")
    letter, size = code[:1], int(code[1:] or b"8")
    width = size * 4 if letter == b"U" else size
    if kind.state is None:
        return None if letter == b"O" else width
    stated, flags = _stated(kind.state)
    if (letter == b"O" and not flags & _OBJECTS) or stated not in {-1, width}:
        raise Broken("has an array whose type says two things of its size")
    return None if flags & _OBJECTS else width


def _stated(state: Value) -> tuple[int, int]:
    """The size of an item and the flags in a type's state (numpy/_core/src/multiarray/descriptor.c, setstate)."""
    if state is OPAQUE:
        raise Unsure
    if not (isinstance(state, tuple) and len(state) in {8, 9}):
        raise Broken("has an array of unknown type")
    sure(state)
    if not type(state[5]) is type(state[7]) is int:
        raise Broken("has an array of unknown type")
    return state[5], state[7]


def _nested(machine: Machine, at: int) -> int:
    """A pickle of its own, which joblib gives to pickle itself: arrays in it are followed by nothing."""
    inner = Machine(machine.reader, at, machine.table, machine.operations, repeats=False, joblib=False)
    inner.follow()
    machine.report.names |= inner.report.names
    for text in inner.report.problems:
        machine.problem(text)
    return inner.at
