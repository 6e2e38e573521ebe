"""What each opcode does to the machine, except for the few that its loop inlines (Lib/pickletools.py has them all)."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

from customhouse.scanners.pickles_arrays import set_state
from customhouse.scanners.pickles_reader import Broken
from customhouse.scanners.pickles_values import CONTAINER, CONTAINERS, Value
from customhouse.scanners.pickles_walk import NAME, Machine, Operation

_PROTOCOL = 5
_DIGITS = 20
_ESCAPE = re.compile(rb"\\(x[0-9a-fA-F]{2}|[0-7]{1,3})")
_INTEGER = re.compile(rb"\s*[+-]?\w*\s*")


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


def _counted(form: str, *, text: bool) -> Operation:
    """A text, or bytes, whose length comes first; bytes are neither names nor keys, so they are not kept."""
    head = struct.calcsize(form)

    def push(machine: Machine, at: int) -> int:
        (size,) = struct.unpack_from(form, machine.reader.data, at)
        end = at + head + size
        machine.stack.append(machine.reader.data[at + head : end] if text and size <= NAME else None)
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
    """A value on a line of its own."""
    _, at = machine.reader.line(at)
    machine.stack.append(None)
    return at


def _string(machine: Machine, at: int) -> int:
    """Between quotes, and with Python's escapes."""
    text, at = machine.reader.line(at)
    if len(text) > NAME:
        machine.stack.append(None)
        return at
    machine.stack.append(_ESCAPE.sub(_unescaped, text.strip(b"'\"")))
    return at


def _unescaped(found: re.Match[bytes]) -> bytes:
    code = found[1]
    return bytes([int(code[1:], 16) if code[:1] == b"x" else int(code, 8) & 0xFF])


def _unicode(machine: Machine, at: int) -> int:
    """With escapes of its own: `raw-unicode-escape`."""
    text, at = machine.reader.line(at)
    try:
        value = text.decode("raw-unicode-escape").encode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        value = text
    machine.stack.append(value if len(value) <= NAME else None)
    return at


def _integer(machine: Machine, at: int) -> int:
    """Kept where it is decimal: C's unpickler also takes other bases, and none at all for zero."""
    text, at = machine.reader.line(at)
    digits = text.removesuffix(b"L")
    if len(digits) <= NAME and not _INTEGER.fullmatch(digits):
        raise Broken("has a number that is none")
    machine.stack.append(int(digits) if len(digits) < _DIGITS and digits.strip(b"+- ").isdigit() else None)
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


def _frozenset(machine: Machine, at: int) -> int:
    """Like a tuple, it may be a key."""
    machine.marked()
    return _empty_tuple(machine, at)


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
    b"S": _string,
    b"V": _unicode,
    b"P": _line,
    b"Q": _persistent,
    b"J": _number("<i"),
    b"M": _number("<H"),
    b"\x8a": _long1,
    b"\x8b": _counted("<I", text=False),
    b"T": _counted("<I", text=True),
    b"X": _counted("<I", text=True),
    b"\x8d": _counted("<Q", text=True),
    b"B": _counted("<I", text=False),
    b"\x8e": _counted("<Q", text=False),
    b"\x96": _counted("<Q", text=False),
    b"c": _global,
    b"i": _inst,
    b"o": _obj,
    b"\x93": _stack_global,
    b"\x92": _newobj_ex,
    b"b": set_state,
    b"\x82": _extension(1),
    b"\x83": _extension(2),
    b"\x84": _extension(4),
    b")": _empty_tuple,
    b"t": _marked_tuple,
    b"l": _marked_container,
    b"d": _marked_container,
    b"\x91": _frozenset,
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
    b"U": _counted("<B", text=True),
    b"\x98": _nothing,
}

TABLE: list[Operation] = [_OPERATIONS.get(bytes([code]), _unknown) for code in range(256)]
"""Every opcode, by its byte."""
