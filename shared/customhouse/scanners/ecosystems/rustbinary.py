"""Rust programs built with cargo-auditable: the crates that the linker put into the section `.dep-v0`.

https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import json_table, listing, mapping, word
from customhouse.scanners.ecosystems.found import Found

_SECTION = b".dep-v0"
_NAMES_MOST = 1 << 20
_HEADERS_MOST = 8 << 20
_PACKED_MOST = 16 << 20
_LARGEST = 8 << 20
"""Bytes of the list when inflated, as the format's own parser has it."""


def crates(file: BinaryIO) -> Iterator[Found]:
    """What a program says it was linked from; nothing for one without the section.

    Malformed where the section is there and is not what it has to be.
    """
    packed = _elf_section(file)
    if not packed:
        return
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(packed, _LARGEST)
    except zlib.error as error:
        raise Malformed(f"a Rust program with a broken list of crates: {error}") from error
    if not inflater.eof:
        raise Malformed("a Rust program with a list of crates that does not end")
    for package in map(mapping, listing(json_table(data).get("packages"))):
        if word(package.get("name")) and word(package.get("kind")) != "build":
            yield Found("cargo", word(package["name"]), word(package.get("version")))


def _elf_section(file: BinaryIO) -> bytes:
    """The section's bytes, by the table of sections; empty where the program has none, or a broken table."""
    try:
        return _section(file)
    except (struct.error, IndexError, ValueError):
        return b""


def _section(file: BinaryIO) -> bytes:
    head = _at(file, 0, 64)
    if not head.startswith(b"\x7fELF"):
        return b""
    order = "<" if head[5] == 1 else ">"
    wide = head[4] == 2  # noqa: PLR2004 -- ELFCLASS64
    table, size, count, names = struct.unpack_from(f"{order}{'40xQ10xHHH' if wide else '32xI10xHHH'}", head)
    form = struct.Struct(f"{order}{'I20xQQ' if wide else 'I12xII'}")
    if size < form.size or size * count > _HEADERS_MOST:
        return b""
    headers = _at(file, table, size * count)
    rows = [form.unpack_from(headers, size * index) for index in range(count)]
    _, place, length = rows[names]
    text = _at(file, place, min(length, _NAMES_MOST))
    for name, offset, stored in rows:
        if text[name : name + len(_SECTION) + 1] == _SECTION + b"\0":
            return _at(file, offset, min(stored, _PACKED_MOST))
    return b""


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    return file.read(size)
