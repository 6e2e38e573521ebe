""".NET assemblies: the version resource that every compiler writes into a library or program.

https://learn.microsoft.com/windows/win32/debug/pe-format and
https://learn.microsoft.com/windows/win32/menurc/vs-versioninfo
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.found import Found

MAGIC = b"MZ"
_WIDE = 0x20B
"""The magic number of an optional header with 64-bit addresses."""
_CLI, _RESOURCES, _DIRECTORY = 14, 2, 8
_SECTION = 40
_MOST_SECTIONS = 96
_VERSION = 16
"""The resource type RT_VERSION."""
_SUBDIRECTORY = 1 << 31
_LARGEST = 64 << 10
"""Bytes of a version resource that are looked at; they have one or two thousand."""


@dataclass(frozen=True, slots=True)
class _Image:
    """A PE file: its data directories and where its sections stand in memory and in the file."""

    file: BinaryIO
    directories: list[tuple[int, int]]
    sections: list[tuple[int, int, int]]

    def read(self, address: int, size: int) -> bytes:
        """Bytes at a relative virtual address; Malformed where the file has none there."""
        for start, length, offset in self.sections:
            if start <= address < start + length:
                return _at(self.file, offset + address - start, size)
        raise Malformed("a program whose sections do not hold what it names")


def assembly(file: BinaryIO) -> Iterator[Found]:
    """The assembly by its name and product version; nothing for a program that is no .NET assembly, whole or broken.

    Malformed for what has not even the first letters of a program, and where an assembly's resources are not where it
    says. The version is that of the product, which packages are published under. References to other assemblies are
    left out: they bear assembly versions, which stay the same for many versions of a package.
    """
    file.seek(0)
    if file.read(len(MAGIC)) != MAGIC:
        raise Malformed("a library that is no program")
    try:
        image = _image(file)
    except Malformed:
        return
    if image is None or not any(image.directories[_CLI]):
        return
    text = _version_resource(image)
    name = _string(text, "InternalName") or _string(text, "OriginalFilename")
    version = (_string(text, "ProductVersion") or _string(text, "FileVersion")).partition("+")[0].split(" ")[0]
    if name and version:
        stem, dot, suffix = name.rpartition(".")
        yield Found("nuget", stem if dot and suffix.lower() in {"dll", "exe"} else name, version)


def _at(file: BinaryIO, offset: int, size: int) -> bytes:
    file.seek(offset)
    data = file.read(size)
    if len(data) < size:
        raise Malformed("a program that ends before what it names")
    return data


def _image(file: BinaryIO) -> _Image | None:
    """The headers of a PE file; None for an older format behind the same first letters."""
    head = _at(file, 0, 64)
    start = int.from_bytes(head[60:64], "little")
    file.seek(start)
    if file.read(4) != b"PE\0\0":
        return None
    sections, optional = struct.unpack_from("<2xH12xH", _at(file, start + 4, 20))
    header = _at(file, start + 24, optional)
    at = 112 if header[:2] == _WIDE.to_bytes(2, "little") else 96
    directories = list(struct.iter_unpack("<II", header[at : at + (len(header) - at) // _DIRECTORY * _DIRECTORY]))
    if len(directories) <= _CLI:
        return None
    if sections > _MOST_SECTIONS:
        raise Malformed(f"a program with {sections:,} sections")
    table = _at(file, start + 24 + optional, _SECTION * sections)
    found = []
    for number in range(sections):
        size, address, raw, offset = struct.unpack_from("<8xIIII", table, _SECTION * number)
        found.append((address, max(size, raw), offset))
    return _Image(file, directories, found)


def _version_resource(image: _Image) -> bytes:
    """The first version resource: type, name and language are three levels of directories."""
    root = image.directories[_RESOURCES][0]
    if not root:
        return b""
    offset = _entry(image, root, _VERSION)
    for _ in ("name", "language"):
        if offset is not None and offset & _SUBDIRECTORY:
            offset = _entry(image, root + (offset ^ _SUBDIRECTORY), None)
    if offset is None or offset & _SUBDIRECTORY:
        return b""
    address, size = struct.unpack("<II", image.read(root + offset, 8))
    return image.read(address, min(size, _LARGEST))


def _entry(image: _Image, address: int, wanted: int | None) -> int | None:
    """Where a directory's entry of a type leads to, or its first one."""
    named, numbered = struct.unpack("<12xHH", image.read(address, 16))
    entries = image.read(address + 16, 8 * (named + numbered))
    found = struct.iter_unpack("<II", entries)
    return next((offset for identity, offset in found if wanted in {None, identity}), None)


def _string(resource: bytes, key: str) -> str:
    """A value of the resource: it follows its key, at the next multiple of four bytes, and ends with a zero."""
    mark = f"{key}\0".encode("utf-16-le")
    place = resource.find(mark)
    if place < 0:
        return ""
    after = (place + len(mark) + 3) // 4 * 4
    return resource[after:].decode("utf-16-le", "replace").partition("\0")[0].strip()
