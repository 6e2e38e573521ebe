"""What a gzip file says before its data: a name, a comment, extra fields; nobody unpacks them (RFC 1952)."""

from __future__ import annotations

from customhouse.inspect.formats.entry import Corrupt, Source

_FIXED = 10
_USUAL, _MOST = 512, 128 << 10
_EXTRA, _NAME, _COMMENT, _RESERVED = 0x04, 0x08, 0x10, 0xE0
_BLOCKED = b"BC\x02\0"
"""The field of bgzip, which holds the size of a block."""
_LONG = 255
"""Bytes of a file's name; what is longer is none."""


def held(source: Source) -> bytes:
    """What the header that comes next holds beside the ordinary; the reader stays where it is."""
    head = source.reader.peek(_FIXED)
    flags = head[3] if len(head) == _FIXED else 0
    if flags & _RESERVED:
        raise Corrupt("reserved flags, which readers have to refuse and some ignore", "header-mismatch")
    if not flags & (_EXTRA | _NAME | _COMMENT):
        return b""
    fields = _fields(source.reader.peek(_USUAL), flags) or _fields(source.reader.peek(_MOST), flags)
    if fields is None:
        raise Corrupt("a gzip header that does not end", "lying-size")
    extra, name, comment = fields
    if b".." in name.replace(b"\\", b"/").split(b"/"):
        source.high("path-traversal", "the name inside leads out of the folder, for readers that restore names")
    blocked = extra.startswith(_BLOCKED) and len(extra) == 6  # noqa: PLR2004 -- id, length, size
    return (b"" if blocked else extra) + comment + (name if len(name) > _LONG else b"")


def _fields(head: bytes, flags: int) -> tuple[bytes, bytes, bytes] | None:
    """Extra field, name and comment; None where they do not end in these bytes."""
    place, extra = _FIXED, b""
    if flags & _EXTRA:
        size = int.from_bytes(head[place : place + 2], "little")
        extra = head[place + 2 : place + 2 + size]
        place += 2 + size
    texts = [b"", b""]
    for index, flag in enumerate((_NAME, _COMMENT)):
        if flags & flag:
            end = head.find(b"\0", place)
            if end < 0:
                return None
            texts[index] = head[place:end]
            place = end + 1
    return (extra, texts[0], texts[1]) if place <= len(head) else None
