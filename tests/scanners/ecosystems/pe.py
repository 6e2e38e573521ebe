"""PE files built in code: one section with a resource tree, and whatever directories are wanted."""

from __future__ import annotations

import struct

BASE, RAW = 0x2000, 0x200


def _value(key: str, text: str) -> bytes:
    """One String of a version resource: lengths and type, key, value, each at a multiple of four bytes."""
    head = struct.pack("<HHH", 0, len(text) + 1, 1) + f"{key}\0".encode("utf-16-le")
    head += b"\0" * (-len(head) % 4)
    whole = head + f"{text}\0".encode("utf-16-le")
    return struct.pack("<H", len(whole)) + whole[2:] + b"\0" * (-len(whole) % 4)


def version_resource(**strings: str) -> bytes:
    """VS_VERSIONINFO with these strings."""
    return b"".join(_value(key, text) for key, text in {"Comments": "none", **strings}.items())


def resources(data: bytes, kind: int = 16, directories: int = 3) -> bytes:
    """A resource tree whose only leaf, behind `directories` levels, is `data`."""
    out, place = b"", 0
    for level in range(directories):
        place += 24
        inner = place | (1 << 31) if level + 1 < directories else place
        out += struct.pack("<12xHHII", 0, 1, kind if level == 0 else 1, inner)
    return out + struct.pack("<IIII", BASE + place + 16, len(data), 0, 0) + data


def program(section: bytes = b"", *, cli: bool = True, wide: bool = False, start: int = 128) -> bytes:
    """A program with one section, which begins with its resources."""
    magic, fixed = (0x20B, 110) if wide else (0x10B, 94)
    directories = [(0, 0)] * 16
    directories[2] = (BASE, len(section)) if section else (0, 0)
    directories[14] = (BASE, 72) if cli else (0, 0)
    optional = struct.pack("<H", magic) + bytes(fixed) + b"".join(struct.pack("<II", *one) for one in directories)
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, len(optional), 0x2022)
    table = b".rsrc\0\0\0" + struct.pack("<IIIIIIHHI", len(section), BASE, len(section), RAW + start, 0, 0, 0, 0, 0)
    head = (b"MZ" + bytes(58) + struct.pack("<I", start)).ljust(start, b"\0") + header + optional + table
    return head.ljust(RAW + start, b"\0") + section
