"""The records of a zip (PKWARE APPNOTE 6.3.10), read strictly: what is odd about one is said, then it is read on."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from customhouse.inspect.formats.entry import Corrupt

END = b"PK\x05\x06"
END64 = b"PK\x06\x06"
LOCATOR = b"PK\x06\x07"
CENTRAL = b"PK\x01\x02"
LOCAL = b"PK\x03\x04"
DESCRIPTOR = b"PK\x07\x08"

_CENTRAL = struct.Struct("<4xHHHHHHLLLHHHHHLL")
_LOCAL = struct.Struct("<4xHHHHHLLLHH")
_END = struct.Struct("<4xHHHHLLH")
_END64 = struct.Struct("<4xQHHLLQQQQ")
_FULL32 = 0xFFFFFFFF
_FULL16 = 0xFFFF
CENTRAL_SIZE, LOCAL_SIZE, END_SIZE, END64_SIZE, LOCATOR_SIZE = 46, 30, 22, 56, 20

_LARGE = 512
"""Bytes of extra fields or of a comment: times, owners and alignment take a tenth; padding is zeros."""

ENCRYPTED, STREAMED, PATCH, UTF8 = 0x1 | 0x40 | 0x2000, 0x8, 0x20, 0x800
"""General purpose bits (APPNOTE 4.4.4): encrypted, also strongly or with masked headers; sizes behind the data; …."""

Say = Callable[[str, str], None]
"""Takes a rule and a message."""


@dataclass(slots=True)
class Record:
    """One member as its central or its local header tells it.

    `length` is that of the header, `alike` how a local header goes on from its flags that tells the same as this
    central one and nothing else.
    """

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    made_by: int
    attributes: int
    unicode_name: bytes | None = None
    length: int = 0
    wide: bool = False
    alike: bytes = b""

    @property
    def mode(self) -> int:
        """Unix permissions and type, 0 where another system made the archive."""
        return self.attributes >> 16 if self.made_by >> 8 in {3, 19} else 0


@dataclass(slots=True)
class Placed:
    """A member of the central directory, and where its local header and data were found to be."""

    record: Record
    name: str
    start: int
    data: int = 0
    stop: int = 0
    streamed: bool = False
    packed: bytes | memoryview = b""


def extras(data: bytes, say: Say, *, aligned: bool = False) -> dict[int, bytes]:
    """A header's extra fields by id; where the data is `aligned` (by zipalign), up to 3 zeros at the end are none."""
    found: dict[int, bytes] = {}
    place = 0
    if len(data) > _LARGE and len(held := data.rstrip(b"\0")) > _LARGE:
        say("hidden-data", f"{len(held):,} bytes of extra fields, which no scanner sees")
    while place + 4 <= len(data):
        key, size = struct.unpack_from("<HH", data, place)
        if place + 4 + size > len(data):
            say("bad-extra", f"an extra field ({key:#06x}) longer than its header")
            return found
        if key in found and key in {0x0001, 0x7075, 0x6375}:
            say("duplicate-extra", f"two extra fields of the kind {key:#06x}: readers disagree which one counts")
        found.setdefault(key, data[place + 4 : place + 4 + size])
        place += 4 + size
    if data[place:].strip(b"\0" if aligned else b""):
        say("bad-extra", "bytes that are no extra field")
    return found


def _wide(record: Record, field: bytes | None, say: Say, *, offset: bool) -> None:
    """Put the 64-bit numbers in place: in order, each exactly where the 32-bit field is full."""
    if field is None:
        return
    record.wide = True
    place = 0
    for name in ("size", "packed", *(("offset",) if offset else ())):
        if getattr(record, name) == _FULL32:
            if place + 8 > len(field):
                say("header-mismatch", f"no 64-bit number for the {name}")
                return
            setattr(record, name, int.from_bytes(field[place : place + 8], "little"))
            place += 8
    known = len(field) - place in ({0, 4} if offset else {0})
    if not known and not (_repeats(record, field) or not place):
        say("header-mismatch", "64-bit numbers beside 32-bit ones that are not full")
    elif not place and field and not _repeats(record, field):
        say("header-mismatch", "64-bit numbers beside 32-bit ones that say something else")


def _repeats(record: Record, field: bytes) -> bool:
    """Whether the field only repeats what the header says."""
    values = struct.pack("<QQQ", record.size, record.packed, record.offset)
    return values.startswith(field[:24])


def _unicode(record: Record, field: bytes | None, say: Say) -> None:
    if field is None:
        return
    if len(field) < 5 or field[0] != 1:  # noqa: PLR2004 -- version and checksum
        say("bad-extra", "a malformed Unicode path field")
        return
    record.unicode_name = field[5:]
    if field[5:] != record.name:
        say("header-mismatch", "the Unicode path field has another name than the header")


def central(data: bytes, place: int, say: Say) -> Record:
    """The central header at `place`; Corrupt where there is none."""
    if not data.startswith(CENTRAL, place) or place + CENTRAL_SIZE > len(data):
        raise Corrupt("the central directory holds something else than headers", "bad-directory")
    by, _, flags, method, _, _, crc, packed, size, name, extra, comment, disk, _, attributes, offset = (
        _CENTRAL.unpack_from(data, place)
    )
    start = place + CENTRAL_SIZE
    end = start + name + extra + comment
    if end > len(data):
        raise Corrupt("the central directory breaks off", "bad-directory")
    record = Record(data[start : start + name], flags, method, crc, packed, size, offset, by, attributes)
    record.length = end - place
    if extra:
        fields = extras(data[start + name : start + name + extra], say)
        _wide(record, fields.get(0x0001), say, offset=True)
        _unicode(record, fields.get(0x7075), say)
    if not record.wide and record.unicode_name is None:
        record.alike = data[place + 8 : place + 30] + b"\0\0" + record.name
    if comment > _LARGE:
        say("hidden-data", f"a member's comment of {comment:,} bytes, which no scanner sees")
    if disk not in {0, _FULL16}:
        say("header-mismatch", "a member that is said to be on another disk")
    return record


def local(head: bytes, tail: bytes, say: Say) -> Record:
    """A local header: its 30 fixed bytes, and the name and extra fields after them."""
    _, flags, method, _, _, crc, packed, size, name, extra = _LOCAL.unpack_from(head)
    record = Record(tail[:name], flags, method, crc, packed, size, 0, 0, 0)
    record.length = LOCAL_SIZE + name + extra
    if extra:
        fields = extras(tail[name : name + extra], say, aligned=method == 0)
        _wide(record, fields.get(0x0001), say, offset=False)
        _unicode(record, fields.get(0x7075), say)
    return record


def local_tail(head: bytes) -> int:
    """How many bytes of name and extra fields follow the fixed part of a local header."""
    name, extra = struct.unpack_from("<HH", head, 26)
    return int(name) + int(extra)


@dataclass(slots=True)
class End:
    """Where the central directory is: `place` of the first end record, `count` members, `size` bytes at `offset`."""

    place: int
    count: int
    size: int
    offset: int
    comment: bytes


def ends(tail: bytes) -> Iterator[int]:
    """Places in `tail` where an end record may begin, last first."""
    place = tail.rfind(END)
    while place >= 0:
        if place + END_SIZE <= len(tail):
            yield place
        place = tail.rfind(END, 0, place)


def end(tail: bytes, place: int, base: int, say: Say) -> End:
    """The end record at `place` of `tail`, which begins at `base` of the file, with its 64-bit form."""
    disk, start_disk, here, count, size, offset, comment = _END.unpack_from(tail, place)
    found = End(base + place, count, size, offset, tail[place + END_SIZE : place + END_SIZE + comment])
    if place + END_SIZE + comment < len(tail):
        say("trailing-data", "bytes follow the end of the archive")
    elif place + END_SIZE + comment > len(tail):
        say("lying-size", "the comment is longer than what is there")
    if here != count or (disk, start_disk) not in {(0, 0), (_FULL16, _FULL16)}:
        say("header-mismatch", "the end record tells of several disks")
    if place >= LOCATOR_SIZE and tail.startswith(LOCATOR, place - LOCATOR_SIZE):
        return _end64(tail, place, found, say)
    if _FULL32 in {size, offset} or count == _FULL16:
        say("header-mismatch", "a full end record without its 64-bit form")
    return found


def _end64(tail: bytes, place: int, found: End, say: Say) -> End:
    base = found.place - place
    locator = place - LOCATOR_SIZE
    _, where, disks = struct.unpack_from("<LQL", tail, locator + 4)
    start = locator - END64_SIZE
    if disks != 1 or start < 0 or not tail.startswith(END64, start):
        say("header-mismatch", "a 64-bit locator without its record before it")
        return found
    length, _, _, _, _, here, count, size, offset = _END64.unpack_from(tail, start)
    if where != base + start and where != offset + size:
        say("header-mismatch", "the 64-bit locator points elsewhere: readers disagree about the directory")
    if length != END64_SIZE - 12 or here != count:
        say("header-mismatch", "a 64-bit end record of another size or several disks")
    for short, full, long in (
        (found.count, _FULL16, count),
        (found.size, _FULL32, size),
        (found.offset, _FULL32, offset),
    ):
        if short not in {full, long}:
            say("header-mismatch", "the two end records disagree")
    return End(base + start, count, size, offset, found.comment)
