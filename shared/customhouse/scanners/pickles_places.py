"""Where a pickle may begin in a member, by its first bytes, its kind and its name."""

from __future__ import annotations

import ast
import functools
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from customhouse.scanners import Member
from customhouse.scanners.models_claims import HDF5, is_hdf5
from customhouse.scanners.pickles_plain import PROTOCOLS
from customhouse.scanners.pickles_reader import CHUNK, Reader, inflated

FIRST = frozenset(
    bytes([code]) for code in b"(]})NIJKMLFSTUVXGcPBC\x80\x82\x83\x84\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x95\x96\x97"
)
"""Opcodes that need nothing on the stack: a pickle begins with one of them."""
INFLATED = 4 << 30

_NUMPY = b"\x93NUMPY"
_PICKLES = (".pkl", ".pickle", ".pk", ".pck", ".pt", ".pth", ".ckpt", ".joblib", ".jbl", ".dill")
_MODELS = (*_PICKLES, ".p", ".bin", ".model", ".dat", ".sav")
"""Names that say pickle, and names that may: only in these is a pickle looked for behind a prefix."""
_PREFIX = 4096
_OLD_JOBLIB = b"ZF0x"
"""joblib before 0.10: then the length in hexadecimal, blanks, and a zlib stream."""
_HEADER = 1 << 16
"""Bytes of a NumPy header that are parsed; a larger one is taken for one of objects."""
_HEADERS = 2 << 20
"""Bytes of all headers in a file: one has some hundred."""
_CHUNK, _OVERLAP = 1 << 20, 512
_GLANCE = 1 << 13
"""Bytes that tell most places by chance to be none."""
_WORD = rb"[A-Za-z_][\w.]{0,80}\n"
_INSIDE = tuple(
    map(
        re.compile,
        (
            rb"\x80[\x00-\x05][%b]" % re.escape(b"".join(sorted(FIRST))),
            rb"c%b%b" % (_WORD, _WORD),
            rb"\(i%b%b" % (_WORD, _WORD),
            rb"\x8c[\x02-\x50][A-Za-z_]\w",
            rb"[XT][\x02-\x50]\0{3}[A-Za-z_]\w",
            rb"\x8d[\x02-\x50]\0{7}[A-Za-z_]\w",
            rb"U[\x02-\x50][A-Za-z_]\w",
            rb"V[A-Za-z_\\][\w.\\]{0,80}\n",
            rb"S['\"][A-Za-z_\\][\w.\\]{0,80}['\"]\n",
        ),
    )
)
"""What a pickle begins with that has a protocol, and an import or a name in one that has none.

Apart, as each begins with a byte that is found fast.
"""
_HEADS = {0x8C: 2, 0x55: 2, 0x58: 5, 0x54: 5, 0x8D: 9}
_NAME = re.compile(rb"[\w.\x80-\xff]*")
"""Opcodes of texts with the bytes before the text, which is a name where it may be one, in UTF-8."""
_CODE = r"\d*\s*[<>|=!]?(?:[?bBhHiIlLqQnNpPuefdgFDGSaUVcmM]\d*(?:\[\w+(?:/\d+)?\])?"
_NAMED = r"|(?:u?int|float|complex|bool|bytes|str|void|datetime|timedelta)\d*_?)"
_PLAIN = re.compile(rf"{_CODE}{_NAMED}(?:\s*,\s*{_CODE}{_NAMED})*")
"""Type codes of NumPy that hold no objects, one or more."""


class TooMany(Exception):  # noqa: N818 -- what the member holds
    """More places than are looked at; says of what."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pickle may begin; `sure` where the format, the kind or the name says that one does.

    `start` is its first byte in the member, None where it is compressed. `chance`: the bytes just look like one.
    """

    open: Callable[[], Reader]
    sure: bool
    start: int | None = None
    chance: bool = False


def may_hold(member: Member) -> bool:
    """Whether the member may begin with a pickle, hold one, or is named as if."""
    head = member.data[:6]
    return (
        head[:1] in FIRST
        or _zlib(head)
        or head == _NUMPY
        or head.startswith(_OLD_JOBLIB)
        or is_hdf5(member.data)
        or _named(member)
    )


def places(member: Member) -> Iterator[Place]:
    """Every place, in order."""
    head = member.data[:_PREFIX]
    if head.startswith(_NUMPY):
        yield from _arrays(member)
        return
    if is_hdf5(member.data):
        yield from _attributes(member)
    if head.startswith((b"PK\3\4", HDF5)):
        return
    if head[:1] in FIRST:
        yield _plainly(member, 0, sure=_meant(member))
    if _zlib(head[:2]):
        yield _packed(member, 0)
    if head.startswith(_OLD_JOBLIB) and (start := head.find(b"x", len(_OLD_JOBLIB))) > 0:
        yield _packed(member, start)
    if _named(member):
        for start in sorted({at for proto in PROTOCOLS[2:] if (at := head.find(proto, 1)) > 0}):
            yield _plainly(member, start, sure=False)


def _plainly(member: Member, start: int, *, sure: bool) -> Place:
    return Place(functools.partial(_reader, member, start, CHUNK), sure, start)


def _packed(member: Member, start: int) -> Place:
    return Place(lambda: Reader(inflated(_opened(member, start), INFLATED)), sure=False)


def _opened(member: Member, start: int) -> BinaryIO:
    file = member.stream or io.BytesIO(member.data)
    file.seek(start)
    return file


def _reader(member: Member, start: int, chunk: int) -> Reader:
    """Long strings are passed over by seeking."""
    file = _opened(member, start)
    return Reader(file.read, chunk, lambda count: count <= member.size >= file.seek(count, io.SEEK_CUR))


def _chunks(member: Member) -> Iterator[tuple[int, bytes]]:
    """The whole member in parts that overlap, with where each begins."""
    at = 0
    while data := _opened(member, at).read(_CHUNK + _OVERLAP):
        yield at, data
        at += _CHUNK


def _arrays(member: Member) -> Iterator[Place]:
    """The pickles of arrays of objects: a file may hold several arrays (numpy/lib/format.py)."""
    left = _HEADERS
    for begin, data in _chunks(member):
        at = data.find(_NUMPY)
        while 0 <= at < _CHUNK:
            start, objects = _array(_opened(member, begin + at).read(12 + _HEADER))
            left -= start + len(_NUMPY)
            if left < 0:
                raise TooMany("holds more arrays than are looked at")
            if objects is not None:
                yield _plainly(member, begin + at + start, sure=objects and begin + at == 0)
            at = data.find(_NUMPY, at + 1)


def _array(head: bytes) -> tuple[int, bool | None]:
    """Where an array's data begins, and whether that is of objects: None where it is not."""
    wide = head[6:7] > b"\1"
    at = 12 if wide else 10
    size = int.from_bytes(head[8:at], "little")
    if size > _HEADER:
        return at + size, True
    header = head[at : at + size].decode("latin-1").strip()
    try:
        kind = ast.literal_eval(header)["descr"] if "\\" not in header else None  # Python would print its doubts
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError):
        kind = None
    if kind is None:
        return at + size, False  # no array of NumPy's own, which says nothing of other readers
    return at + size, None if _simple(kind) else True


def _simple(kind: object) -> bool:
    """Whether a NumPy type holds no objects: a code, a list of fields, or a type with a shape."""
    if isinstance(kind, list):
        return all(isinstance(field, tuple) and len(field) > 1 and _simple(field[1]) for field in kind)
    if isinstance(kind, tuple):
        return bool(kind) and _simple(kind[0])
    return isinstance(kind, str) and bool(_PLAIN.fullmatch(kind))


def _attributes(member: Member) -> Iterator[Place]:
    """Pickles anywhere in an HDF5 file: PyTables, and so pandas, loads attributes and elements that are one."""
    for begin, data in _chunks(member):
        starts = sorted({match.start() for pattern in _INSIDE for match in pattern.finditer(data)})
        for start in (begin + at for at in starts if at < _CHUNK and _text(data, at)):
            yield Place(functools.partial(_reader, member, start, _GLANCE), sure=False, start=start, chance=True)


def _text(data: bytes, at: int) -> bool:
    """Whether the text that begins here, if it is one whose length comes first, could be a name."""
    head = _HEADS.get(data[at])
    return head is None or bool(_NAME.fullmatch(data, at + head, at + head + data[at + 1]))


def _zlib(head: bytes) -> bool:
    return head[:1] == b"x" and len(head) > 1 and int.from_bytes(head[:2]) % 31 == 0


def _named(member: Member) -> bool:
    return member.kind == "pickle" or member.name.lower().endswith(_MODELS)


def _meant(member: Member) -> bool:
    """Whether the kind or the name says pickle, or the name allows it and the first bytes are those of one."""
    return _named(member) and (
        member.kind == "pickle" or member.name.lower().endswith(_PICKLES) or member.data.startswith(PROTOCOLS)
    )
