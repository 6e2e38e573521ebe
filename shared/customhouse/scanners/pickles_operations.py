"""What each opcode does to the machine, except for the few that its loop inlines (Lib/pickletools.py has them all)."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from customhouse.scanners.pickles_reader import Broken
from customhouse.scanners.pickles_repeats import OPAQUE, Unsure, sure
from customhouse.scanners.pickles_values import CONTAINER, CONTAINERS, Call, Global, Value
from customhouse.scanners.pickles_walk import NAME, Machine, Operation

_PROTOCOL = 5
_ARRAY = Global("joblib.numpy_pickle", "NumpyArrayWrapper")
_DIGITS = 20


def _proto(machine: Machine, at: int) -> int:
    if machine.reader.data[at] > _PROTOCOL:
        raise Broken("is of an unknown protocol")
    return at + 1


def _frame(machine: Machine, at: int) -> int:
    (size,) = struct.unpack_from("<Q", machine.reader.data, at)
    if machine.frame is not None:
        machine.problem("has a frame inside a frame")
    machine.frame = machine.reader.base + at + 8 + size
    return at + 8


def _counted(form: str) -> Operation:
    """A string or bytes whose length comes first."""
    head = struct.calcsize(form)

    def push(machine: Machine, at: int) -> int:
        (size,) = struct.unpack_from(form, machine.reader.data, at)
        end = at + head + size
        machine.stack.append(machine.reader.data[at + head : end] if size <= NAME else None)
        return int(end)

    return push


def _number(form: str) -> Operation:
    """An integer of fixed size."""
    size = struct.calcsize(form)

    def push(machine: Machine, at: int) -> int:
        machine.stack.append(struct.unpack_from(form, machine.reader.data, at)[0])
        return at + size

    return push


def _long1(machine: Machine, at: int) -> int:
    size = machine.reader.data[at]
    machine.stack.append(int.from_bytes(machine.reader.data[at + 1 : at + 1 + size], "little", signed=True))
    return at + 1 + size


def _line(machine: Machine, at: int) -> int:
    """A value on a line of its own; integers are kept as such, strings without their quotes."""
    text, at = machine.reader.line(at)
    machine.stack.append(text.strip(b"'\"") if len(text) <= NAME else None)
    return at


def _integer(machine: Machine, at: int) -> int:
    text, at = machine.reader.line(at)
    machine.stack.append(int(text.rstrip(b"L")) if len(text) < _DIGITS else None)
    return at


def _names(machine: Machine, at: int) -> tuple[Value, int]:
    module, at = machine.reader.line(at)
    name, at = machine.reader.line(at)
    return machine.imported(module, name), at


def _global(machine: Machine, at: int) -> int:
    value, at = _names(machine, at)
    machine.stack.append(value)
    return at


def _inst(machine: Machine, at: int) -> int:
    function, at = _names(machine, at)
    arguments = tuple(machine.marked())
    machine.stack.append(machine.called(function, arguments))
    return at


def _obj(machine: Machine, at: int) -> int:
    function, *arguments = machine.marked()
    machine.stack.append(machine.called(function, tuple(arguments)))
    return at


def _stack_global(machine: Machine, at: int) -> int:
    name, module = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.imported(module, name))
    return at


def _reduce(machine: Machine, at: int) -> int:
    arguments, function = machine.stack.pop(), machine.stack.pop()
    machine.stack.append(machine.called(function, arguments))
    return at


def _newobj_ex(machine: Machine, at: int) -> int:
    machine.stack.pop()
    return _reduce(machine, at)


def _extension(size: int) -> Operation:
    def push(machine: Machine, at: int) -> int:
        machine.problem("imports by number from the extension registry")
        machine.stack.append(None)
        return at + size

    return push


def _build(machine: Machine, at: int) -> int:
    """State for the object below it; joblib writes an array's bytes right after its state."""
    state, built = machine.stack.pop(), machine.stack[-1]
    if isinstance(built, Global):
        machine.problem("changes a class or a function that it imports")
    if not isinstance(built, Call) or built.function != _ARRAY:
        return at
    machine.arrays += 1
    if state is OPAQUE:
        raise Unsure
    return _array(machine, at, state) if isinstance(state, dict) else at


def _array(machine: Machine, at: int, state: dict[Any, Any]) -> int:
    """Past the bytes of a joblib array: padding, then items; objects are a pickle of their own."""
    kind = state[b"dtype"]
    for value in state.values():
        sure(value)
    if machine.frame == machine.reader.base + at:
        machine.frame = None
    if at + 1 >= machine.reader.limit:
        at = machine.reader.advance(at)
    letter, width = _item(kind.arguments[0] if isinstance(kind, Call) and isinstance(kind.arguments, tuple) else None)
    if letter == b"O":
        return _nested(machine, at)
    if state.get(b"numpy_array_alignment_bytes") is not None:
        at += 1 + machine.reader.data[at]
    count = 1
    for extent in state[b"shape"]:
        count *= extent
    if count < 0:
        raise Broken("has an array of negative size")
    return at + count * width


def _item(code: Value) -> tuple[bytes, int]:
    """The letter and the bytes of a NumPy type code such as `f8`, `U5` or `V16`."""
    if not isinstance(code, bytes):
        raise Broken("has an array of unknown type")
    letter, size = code[:1], int(code[1:] or b"0")
    return letter, size * 4 if letter == b"U" else 8 if letter in b"mM" else size


def _nested(machine: Machine, at: int) -> int:
    inner = Machine(machine.reader, at, TABLE, machine.operations, repeats=False)
    inner.follow()
    machine.report.names |= inner.report.names
    for text in inner.report.problems:
        machine.problem(text)
    return inner.at


def _empty_tuple(machine: Machine, at: int) -> int:
    machine.stack.append(())
    return at


def _marked_tuple(machine: Machine, at: int) -> int:
    values = tuple(machine.marked())
    machine.stack.append(values)
    return at


def _marked_container(machine: Machine, at: int) -> int:
    machine.marked()
    machine.stack.append(CONTAINER)
    return at


def _constant(machine: Machine, at: int) -> int:
    machine.stack.append(None)
    return at


def _append(machine: Machine, at: int) -> int:
    machine.stack.pop()
    machine.stack[-1]
    return at


def _additems(machine: Machine, at: int) -> int:
    machine.marked()
    machine.stack[-1]
    return at


def _empty_set(machine: Machine, at: int) -> int:
    machine.stack.append(CONTAINER)
    return at


def _setitem(machine: Machine, at: int) -> int:
    machine.stack.pop()
    if machine.stack[-1] is CONTAINER:
        raise Broken("has a key that cannot be one")
    return _append(machine, at)


def _pop(machine: Machine, at: int) -> int:
    if machine.stack:
        machine.stack.pop()
    else:
        machine.marked()
    return at


def _pop_mark(machine: Machine, at: int) -> int:
    machine.marked()
    return at


def _dup(machine: Machine, at: int) -> int:
    value = machine.stack[-1]
    machine.echoes += value.__class__ in CONTAINERS
    machine.stack.append(value)
    return at


def _get(machine: Machine, at: int) -> int:
    text, at = machine.reader.line(at)
    machine.fetch(int(text))
    return at


def _put(machine: Machine, at: int) -> int:
    text, at = machine.reader.line(at)
    machine.remember(int(text))
    return at


def _indexed(form: str, use: Callable[[Machine, int], None]) -> Operation:
    size = struct.calcsize(form)

    def run(machine: Machine, at: int) -> int:
        use(machine, struct.unpack_from(form, machine.reader.data, at)[0])
        return at + size

    return run


def _persistent(machine: Machine, at: int) -> int:
    machine.stack.pop()
    machine.stack.append(None)
    return at


def _nothing(machine: Machine, at: int) -> int:
    machine.stack[-1]
    return at


def _unknown(_machine: Machine, _at: int) -> int:
    raise Broken("has an unknown opcode")


_OPERATIONS: dict[bytes, Operation] = {
    b"\x80": _proto,
    b"\x95": _frame,
    b"I": _integer,
    b"L": _integer,
    b"F": _line,
    b"S": _line,
    b"V": _line,
    b"P": _line,
    b"Q": _persistent,
    b"J": _number("<i"),
    b"M": _number("<H"),
    b"\x8a": _long1,
    b"\x8b": _counted("<I"),
    b"T": _counted("<I"),
    b"X": _counted("<I"),
    b"\x8d": _counted("<Q"),
    b"B": _counted("<I"),
    b"\x8e": _counted("<Q"),
    b"\x96": _counted("<Q"),
    b"c": _global,
    b"i": _inst,
    b"o": _obj,
    b"\x93": _stack_global,
    b"\x92": _newobj_ex,
    b"b": _build,
    b"\x82": _extension(1),
    b"\x83": _extension(2),
    b"\x84": _extension(4),
    b")": _empty_tuple,
    b"t": _marked_tuple,
    b"l": _marked_container,
    b"d": _marked_container,
    b"\x91": _marked_container,
    b"a": _append,
    b"s": _setitem,
    b"\x90": _additems,
    b"\x8f": _empty_set,
    b"0": _pop,
    b"1": _pop_mark,
    b"2": _dup,
    b"g": _get,
    b"p": _put,
    b"h": _indexed("<B", Machine.fetch),
    b"j": _indexed("<I", Machine.fetch),
    b"q": _indexed("<B", Machine.remember),
    b"r": _indexed("<I", Machine.remember),
    b"\x88": _constant,
    b"\x89": _constant,
    b"\x97": _constant,
    b"U": _counted("<B"),
    b"\x98": _nothing,
}

TABLE: list[Operation] = [_OPERATIONS.get(bytes([code]), _unknown) for code in range(256)]
"""Every opcode, by its byte."""
