"""Where the parts of a program stand in its file: the sections of ELF, PE and Mach-O files by their own tables.

ELF: System V ABI, chapter 4; PE: https://learn.microsoft.com/windows/win32/debug/pe-format; Mach-O: loader.h of Darwin.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

_MOST = 8 << 20
"""Bytes of a table of sections that are looked at."""
_NAMES_MOST = 1 << 20
_LONGEST = 32
_FAR = 1 << 62
_NOWHERE = 8
"""The type of an ELF section that has no bytes in the file."""
_PROCESSORS = 44
"""Programs in a fat Mach-O file: as many as tell it from a Java class, which has the same magic number."""
_PE_ROW, _PE_WIDE = 40, 0x20B
_DARWIN = {b"\xfe\xed\xfa\xce": ">", b"\xfe\xed\xfa\xcf": ">", b"\xce\xfa\xed\xfe": "<", b"\xcf\xfa\xed\xfe": "<"}
_FAT = {b"\xca\xfe\xba\xbe": (">8xII4x", 20), b"\xca\xfe\xba\xbf": (">8xQQ8x", 32)}
"""How a fat Mach-O file tells where each of its programs is, in how many bytes."""
_SEGMENTS = {0x01: ("II", 56, 68), 0x19: ("QQ", 72, 80)}
"""Load commands of Mach-O: how a section's address and size are packed, where sections begin, bytes of each."""


class Section(NamedTuple):
    """A part of a program: its name, its address in memory, and which bytes of the file it is."""

    name: bytes
    address: int
    offset: int
    size: int


def at(file: BinaryIO, offset: int, size: int) -> bytes:
    """Bytes at an offset, fewer where the file ends before, however far beyond its end the offset is."""
    if offset > _FAR:
        return b""
    file.seek(offset)
    return file.read(size)


def sections(file: BinaryIO) -> list[Section]:
    """All that its own table names; none of what is no program, or a program whose table is broken."""
    head = at(file, 0, 64)
    try:
        if head.startswith(b"\x7fELF"):
            return list(_elf(file, head))
        if head.startswith(b"MZ"):
            return list(_pe(file, head))
        bases = _bases(file, head) if head[:4] in _FAT else [0]
        return [part for base in bases for part in _darwin(file, base)]
    except (struct.error, IndexError):
        return []


def _elf(file: BinaryIO, head: bytes) -> Iterator[Section]:
    order = "<" if head[5] == 1 else ">"
    wide = head[4] == 2  # noqa: PLR2004 -- ELFCLASS64
    table, size, count, names = struct.unpack_from(f"{order}{'40xQ10xHHH' if wide else '32xI10xHHH'}", head)
    form = struct.Struct(f"{order}{'II8xQQQ' if wide else 'II4xIII'}")
    if size < form.size or size * count > _MOST:
        return
    headers = at(file, table, size * count)
    rows = [form.unpack_from(headers, size * index) for index in range(count)]
    _, _, _, place, length = rows[names]
    text = at(file, place, min(length, _NAMES_MOST))
    for name, kind, address, offset, stored in rows:
        if kind != _NOWHERE:
            yield Section(text[name : name + _LONGEST].partition(b"\0")[0], address, offset, stored)


def _pe(file: BinaryIO, head: bytes) -> Iterator[Section]:
    start = int.from_bytes(head[60:64], "little")
    header = at(file, start, 24 + 32)
    if header[:4] != b"PE\0\0":
        return
    count, optional, magic = struct.unpack_from("<6xH12xH2xH", header)
    (base,) = struct.unpack_from("<Q" if magic == _PE_WIDE else "<I", header, 24 + (24 if magic == _PE_WIDE else 28))
    table = at(file, start + 24 + optional, _PE_ROW * count)
    for place in range(0, len(table) - _PE_ROW + 1, _PE_ROW):
        name, address, size, offset = struct.unpack_from("<8s4xIII", table, place)
        yield Section(name.rstrip(b"\0"), base + address, offset, size)


def _bases(file: BinaryIO, head: bytes) -> list[int]:
    """Where the programs of a fat Mach-O file begin: one for each processor."""
    form, size = _FAT[head[:4]]
    count = min(int.from_bytes(head[4:8], "big"), _PROCESSORS)
    return [struct.unpack_from(form, at(file, 8 + size * index, size))[0] for index in range(count)]


def _darwin(file: BinaryIO, base: int) -> Iterator[Section]:
    head = at(file, base, 32)
    if head[:4] not in _DARWIN:
        return
    order, wide = _DARWIN[head[:4]], head[:4] in {b"\xfe\xed\xfa\xcf", b"\xcf\xfa\xed\xfe"}
    count, length = struct.unpack_from(f"{order}16xII", head)
    commands = at(file, base + (32 if wide else 28), min(length, _MOST))
    place = 0
    for _ in range(count):
        kind, size = struct.unpack_from(f"{order}II", commands, place)
        if kind in _SEGMENTS:
            for part in _segment(commands[place : place + size], order, *_SEGMENTS[kind]):
                yield part._replace(offset=base + part.offset)
        place += max(size, 8)


def _segment(command: bytes, order: str, form: str, start: int, row: int) -> Iterator[Section]:
    for place in range(start, len(command) - row + 1, row):
        name, address, size, offset = struct.unpack_from(f"{order}16s16x{form}I", command, place)
        yield Section(name.rstrip(b"\0"), address, offset, size)
