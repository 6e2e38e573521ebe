"""7z archives written part by part, right and wrong ones (7zFormat.txt)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

COPY = b"\x01\x01\x00"
"""A folder of one coder that changes nothing."""


def number(value: int) -> bytes:
    """A number in one byte, or in five."""
    return bytes([value]) if value < 0x80 else b"\xf0" + struct.pack("<L", value)


def archive(
    packed: bytes, header: bytes, behind: bytes = b"", crc: int | None = None, size: int | None = None
) -> bytes:
    """The start, packed streams, the header."""
    start = struct.pack("<QQL", len(packed), len(header) if size is None else size, crc or zlib.crc32(header))
    return b"7z\xbc\xaf\x27\x1c\0\4" + struct.pack("<L", zlib.crc32(start)) + start + packed + header + behind


def coder(method: bytes, properties: bytes = b"") -> bytes:
    """One coder of one stream."""
    flags = len(method) | (0x20 if properties else 0)
    return bytes([flags]) + method + (number(len(properties)) + properties if properties else b"")


def chain(*coders: bytes) -> bytes:
    """A folder of coders, the first the last to be undone."""
    pairs = b"".join(bytes([at, at + 1]) for at in range(len(coders) - 1))
    return number(len(coders)) + b"".join(coders) + pairs


def pack(*sizes: int, start: int = 0, more: bytes = b"") -> bytes:
    """Where packed streams are."""
    return b"\x06" + number(start) + number(len(sizes)) + b"\x09" + b"".join(map(number, sizes)) + more + b"\0"


def unpack(folders: Sequence[bytes], sizes: Sequence[int], more: bytes = b"") -> bytes:
    """What they unpack to."""
    head = b"\x07\x0b" + number(len(folders)) + b"\0" + b"".join(folders)
    return head + b"\x0c" + b"".join(map(number, sizes)) + more + b"\0"


def names(*texts: str) -> bytes:
    """The property of names."""
    text = b"\0" + "".join(f"{one}\0" for one in texts).encode("utf-16-le", "surrogatepass")
    return b"\x11" + number(len(text)) + text


def attributes(*values: int) -> bytes:
    """The property of attributes; the upper half is a Unix mode where bit 15 is set."""
    data = b"\1\0" + b"".join(struct.pack("<L", value) for value in values)
    return b"\x15" + number(len(data)) + data


def files(count: int, *properties: bytes) -> bytes:
    """The list of members."""
    return b"\x05" + number(count) + b"".join(properties) + b"\0"


def header(streams: bytes, members: bytes) -> bytes:
    """A header that is not packed."""
    return b"\x01\x04" + streams + b"\0" + members + b"\0"


def stored(*members: tuple[str, bytes], parts: bytes | None = None) -> bytes:
    """Members that are copied, each a folder of its own, without checksums."""
    sizes = [len(data) for _, data in members]
    streams = pack(*sizes) + unpack([COPY] * len(members), sizes) + (parts or b"")
    listed = files(len(members), names(*(name for name, _ in members)))
    return archive(b"".join(data for _, data in members), header(streams, listed))
