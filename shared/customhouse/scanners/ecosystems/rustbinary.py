"""Rust programs built with cargo-auditable: the crates that the linker put into the section `.dep-v0`.

https://github.com/rust-secure-code/cargo-auditable/blob/master/PARSING.md
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import json_table, listing, mapping, word
from customhouse.scanners.ecosystems.found import Found
from customhouse.scanners.ecosystems.programs import at, sections

_SECTION = b".dep-v0"
_PACKED_MOST = 16 << 20
_LARGEST = 8 << 20
"""Bytes of the list when inflated, as the format's own parser has it."""


def crates(file: BinaryIO) -> Iterator[Found]:
    """What a program says it was linked from; nothing for one without the section.

    Malformed where the section is there and is not what it has to be.
    """
    packed = next(
        (at(file, part.offset, min(part.size, _PACKED_MOST)) for part in sections(file) if part.name == _SECTION), b""
    )
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
