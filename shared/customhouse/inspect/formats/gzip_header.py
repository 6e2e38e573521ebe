"""What a gzip file says before its data: a name, a comment, extra fields; nobody unpacks them (RFC 1952)."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.inspect.formats.entry import Corrupt, Entry, Source

_FIXED = 10
_MOST = 128 << 10
_EXTRA, _NAME, _COMMENT, _RESERVED = 0x04, 0x08, 0x10, 0xE0
_BLOCKED = b"BC\x02\0"
"""The field of bgzip, which holds the size of a block."""


def entries(source: Source) -> Iterator[Entry]:
    """What the first header holds beside the ordinary, as a member; the reader stays where it is."""
    head = source.reader.peek(_FIXED)
    flags = head[3] if len(head) == _FIXED else 0
    if flags & _RESERVED:
        raise Corrupt("reserved flags, which readers have to refuse and some ignore", "header-mismatch")
    if flags & (_EXTRA | _NAME | _COMMENT):
        head = source.reader.peek(_MOST)
        extra, name, comment = _fields(head, flags)
        if b".." in name.replace(b"\\", b"/").split(b"/"):
            source.high("path-traversal", "the name inside leads out of the folder, for readers that restore names")
        held = (b"" if extra.startswith(_BLOCKED) and len(extra) == 6 else extra) + comment  # noqa: PLR2004 -- id, length, size
        if held:
            yield Entry("gzip-header", iter((held,)), len(held))


def _fields(head: bytes, flags: int) -> tuple[bytes, bytes, bytes]:
    """Extra field, name and comment; Corrupt where they do not end."""
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
                raise Corrupt("a gzip header that does not end", "lying-size")
            texts[index] = head[place:end]
            place = end + 1
    return extra, texts[0], texts[1]
