"""What Rock Ridge says of a file on a disc: name, mode, link (IEEE P1282 and P1281, System Use Sharing Protocol)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from customhouse.inspect.formats.entry import Source

_SECTOR = 2048
_AREAS = 64
"""Areas of fields that continue each other; readers follow no more than a few."""
_BEGIN = b"SP\x07\x01\xbe\xef"
_GOES_ON, _ROOT, _PARENT, _HERE = 1, 8, 4, 2
"""Flags of a link's component; the first says that the next one goes on with the same name."""


class Fields(msgspec.Struct):
    """`packed`: its bytes are compressed (zisofs), which systems undo when they read them."""

    name: bytes = b""
    mode: int = 0
    link: bytes = b""
    packed: bool = False


def passed_over(system: bytes) -> int:
    """How many bytes come before the fields of every record, by what the root's own record says."""
    return system[6] if system.startswith(_BEGIN) and len(system) > len(_BEGIN) else 0


def read(source: Source, system: bytes) -> Fields:
    """The fields of one record, those in continuation areas too."""
    found, link = Fields(), b""
    for kind, body in _fields(source, system):
        match kind:
            case b"NM":
                found.name += body[1:]
            case b"PX":
                found.mode = int.from_bytes(body[:4], "little")
            case b"SL":
                link += _link(body[1:])
            case b"ZF":
                found.packed = True
    found.link = link if link == b"/" else link.rstrip(b"/")
    return found


def _fields(source: Source, system: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each field's signature and body."""
    for _ in range(_AREAS):
        following = b""
        place = 0
        while place + 4 <= len(system) and 4 <= (size := system[place + 2]) <= len(system) - place:  # noqa: PLR2004 -- SUSP 4.1
            kind, body = system[place : place + 2], system[place + 4 : place + size]
            if kind == b"ST":
                break
            if kind == b"CE":
                block, offset, length = (int.from_bytes(body[at : at + 4], "little") for at in (0, 8, 16))
                following = source.at(block * _SECTOR + offset, min(length, _SECTOR))
            else:
                yield kind, body
            place += size
        if not following:
            return
        system = following
    source.high("lying-size", "fields of Rock Ridge that continue each other without end")


def _link(components: bytes) -> bytes:
    path, place = b"", 0
    while place + 2 <= len(components):
        flags, size = components[place], components[place + 1]
        text = components[place + 2 : place + 2 + size]
        if flags & _ROOT:
            path = b"/"
        elif flags & _PARENT:
            path += b"../"
        elif flags & _HERE:
            path += b"./"
        else:
            path += text + (b"" if flags & _GOES_ON else b"/")
        place += 2 + size
    return path
