"""tar in all its dialects (v7, ustar, pax, GNU): POSIX.1-2017 pax, and GNU tar's manual for its extensions."""

from __future__ import annotations

import functools
import re
import zlib
from collections.abc import Iterator

import msgspec

from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Type
from customhouse.inspect.formats.pax import EXTENDED, Extras, Map, check_global, number, read, sparse_map
from customhouse.inspect.names import decode
from customhouse.inspect.reader import Reader
from customhouse.model import Severity

BLOCK = 512
_TYPES: dict[bytes, Type] = {
    **dict.fromkeys((b"0", b"\0", b"7", b"S"), "file"),
    b"1": "hardlink",
    b"2": "symlink",
    **dict.fromkeys((b"3", b"4", b"6"), "device"),
    b"5": "folder",
}
_ZEROS = bytes(BLOCK)
_NO_PREFIX = bytes(155)
_HOLE = 1 << 16
_MAGICS = frozenset({b"ustar\x0000", b"ustar  \0", bytes(8)})
"""POSIX's, GNU's, and none."""
_IDS_AND_TIME = re.compile(rb"(?:[0-7 \0]{8}|[\x80-\xff].{7}){2}.{12}(?:[0-7 \0]{12}|[\x80-\xff].{11})", re.DOTALL)
"""Owner, group and, behind the size, time: octal, or in base 256."""
_OCTAL_ENDS = 1 << 33
"""The first size that eleven octal digits cannot hold; only from here on may a header and its extensions differ."""


class Header(msgspec.Struct):
    """One header block's fields, as they stand there."""

    block: bytes
    name: bytes
    size: int
    flag: bytes
    link: bytes
    mode: int

    @property
    def posix(self) -> bool:
        """Whether the block has POSIX's magic, and so a name prefix."""
        return self.block[257:263] == b"ustar\0"

    @property
    def gnu(self) -> bool:
        """Whether the block has GNU's magic."""
        return self.block[257:265] == b"ustar  \0"


def entries(source: Source) -> Iterator[Entry]:
    """The members, those behind a lone block of zeros too; what follows the end is left to the walk."""
    reader = source.reader
    extras = Extras()
    first = True
    while block := reader.read(BLOCK):
        if block == _ZEROS:
            if _end(source, reader, first=first):
                break
            continue
        header = parse(block)
        first = False
        if header.flag in b"xgLKX" and header.flag:
            _extension(source, header, extras)
            continue
        start, size = reader.position, _size(source, header, extras)
        yield from _member(source, header, extras, size)
        if extras.any:
            extras = Extras()
        reader.skip(start + size + -size % BLOCK - reader.position)
        if reader.position < start + size:
            raise Corrupt("the archive breaks off within a member")
    if extras.any:
        source.high("pax-order", "extended headers at the end, with no member to describe")


def _end(source: Source, reader: Reader, *, first: bool) -> bool:
    """Whether this block of zeros ends the archive; a lone one does for some readers and not for others."""
    following = reader.peek(BLOCK)
    if not following or following == _ZEROS[: len(following)]:
        reader.read(len(following))
        return True
    if first:
        raise Corrupt("the archive begins with a block of zeros")
    source.high("hidden-member", "members follow a block of zeros, where some readers end")
    return False


def parse(block: bytes) -> Header:
    """Read a header block; Corrupt where its checksum (signed or unsigned, as old systems had it) is wrong."""
    if len(block) < BLOCK:
        raise Corrupt("the archive breaks off within a header")
    stated = _octal(block[148:156])
    summed = block[:148] + b"        " + block[156:]
    unsigned = _sum(summed[:256]) + _sum(summed[256:])
    if stated != unsigned and stated != unsigned - 256 * sum(byte > 127 for byte in summed):  # noqa: PLR2004 -- signed chars
        raise Corrupt("a header whose checksum is wrong")
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        name = prefix + b"/" + name
    return Header(block, name, _octal(block[124:136]), block[156:157], _text(block[157:257]), _octal(block[100:108]))


def _sum(data: bytes) -> int:
    """The sum of at most 256 bytes: Adler-32's lower half is one more, and far faster than adding them up here."""
    return (zlib.adler32(data) & 0xFFFF) - 1


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _octal(field: bytes) -> int:
    """A number in octal, or in base 256 where the first bit is set (GNU)."""
    if field[:1] >= b"\x80":
        if field[0] != 0x80:  # noqa: PLR2004 -- 0xff is a negative number
            raise Corrupt("a header with a negative number", "lying-size")
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if digits.translate(None, b"01234567"):  # a sign, an underscore, `0o`: numbers to some readers only
        raise Corrupt("a header with something else than a number", "lying-size")
    return int(digits or b"0", 8)


def _extension(source: Source, header: Header, extras: Extras) -> None:
    """A header that describes what follows: its text is read whole, so its size is bounded."""
    if header.size > EXTENDED:
        raise Corrupt(f"an extended header of {header.size:,} bytes", "bad-pax")
    data = source.reader.read(header.size)
    if len(data) < header.size:
        raise Corrupt("the archive breaks off within an extended header")
    source.reader.skip(-header.size % BLOCK)
    if header.flag in {b"x", b"X"}:
        if extras.pax:
            source.high("pax-order", "two extended headers in a row: readers disagree which one counts")
        read(source, data, extras)
    elif header.flag == b"g":
        if extras.any:
            source.high("pax-order", "a global header between a member and its extended header")
        check_global(source, data)
    else:
        _long(source, header, data, extras)


def _long(source: Source, header: Header, data: bytes, extras: Extras) -> None:
    if (extras.name if header.flag == b"L" else extras.link) is not None:
        source.high("pax-order", "two long names in a row: readers disagree which one counts")
    text = data.partition(b"\0")[0]
    if data[len(text) :].strip(b"\0"):
        source.high("nul-name", "a long name holds a NUL, where some readers end it")
    if header.flag == b"L":
        extras.name = text
    else:
        extras.link = text


def _size(source: Source, header: Header, extras: Extras) -> int:
    size = number(extras.pax, "size", header.size)
    if header.block[124] & 0x80 and header.size < _OCTAL_ENDS:
        source.high("lying-size", "a size in base 256 that octal has room for: some readers know only that")
    if size != header.size and size < _OCTAL_ENDS:
        source.high("lying-size", f"{header.size:,} bytes in the header, {size:,} in its extended header")
    return size


def _member(source: Source, header: Header, extras: Extras, size: int) -> Iterator[Entry]:
    raw, target = header.name, header.link
    if extras.any:
        raw, target = _extended(source, header, extras)
    name, link = decode(raw)[0], decode(target)[0]
    _check_names(source, header, name)
    _check_fields(source, header, name)
    kind = _type(source, header, name, size)
    entry = Entry(name, None, size, kind, header.mode, link)
    if size and kind in {"symlink", "hardlink", "device", "folder"}:
        message = f"a {kind} with {size:,} bytes of its own: readers disagree where the next member begins"
        source.high("special-with-data", message, name)
    if kind == "file" or size:
        start = source.reader.position
        entry.data = source.reader.blocks(size)
        if extras.pax or header.flag == b"S":
            _sparse(source, header, extras, entry, size)
        if entry.size == size and entry.consumed is None:
            entry.open = functools.partial(source.part, start, size)
    yield entry


def _type(source: Source, header: Header, name: str, size: int) -> Type:
    kind = _TYPES.get(header.flag)
    if header.flag == b"7" or (kind is None and header.flag in b"DMNV"):
        if size:
            source.high("special-with-data", "a type of member that readers treat differently, with bytes", name)
        return "file" if size or header.flag == b"7" else "folder"
    if kind is None:
        if size:
            source.high("unknown-type", f"a member of the unknown type {header.flag!r}, with bytes", name)
        return "file"
    if kind == "file" and name.endswith("/"):
        if header.flag == b"\0" and not size:
            return "folder"
        source.high("name-mismatch", "a file whose name ends like a folder's", name)
    return kind


def _extended(source: Source, header: Header, extras: Extras) -> tuple[bytes, bytes]:
    """A member's name and link where headers before it tell them, and where a reader of fewer headers has others."""
    path, linkpath = extras.pax.get("path"), extras.pax.get("linkpath")
    raw = extras.pax.get("GNU.sparse.name") or path
    chosen = next(one for one in (raw, extras.name, header.name) if one is not None)
    name = decode(chosen)[0]
    for told, pax in ((extras.name, raw), (extras.link, linkpath)):
        if told is not None and pax is not None and told != pax:
            source.high("pax-order", "a long name and an extended header disagree, and readers which one counts", name)
    for pax, own in ((path, header.name), (linkpath, header.link)):
        if pax is not None and pax.isascii() and len(pax) <= 100 and pax.rstrip(b"/") != own.rstrip(b"/"):  # noqa: PLR2004 -- it would have fitted into the header
            source.high("header-mismatch", "the header has another name or link than its extended header", name)
    if extras.name is not None and not extras.name.startswith(header.name.rstrip(b"/")):
        source.high("header-mismatch", "the header's name is not the beginning of its long name", name)
    if b".." in header.name.split(b"/") and name != decode(header.name)[0]:
        source.high("path-traversal", "the name in the header itself leads out of the folder", name)
    return chosen, linkpath or extras.link or header.link


def _check_names(source: Source, header: Header, name: str) -> None:
    """Where readers of the header block alone disagree about the name."""
    prefix = header.block[345:500]
    if not header.posix and header.flag != b"S" and prefix != _NO_PREFIX:
        source.high("header-mismatch", "a name prefix in a header of a form without: some readers put it before", name)
    if header.posix and prefix[0] and len(header.name) <= 100:  # noqa: PLR2004 -- it would have fitted into one field
        short = header.name.decode("ascii", "replace")
        source.high("header-mismatch", f"a name split in two without need: readers disagree about {short}", name)
    if _TYPES.get(header.flag) == "folder" and header.name == b".":
        source.high("name-mismatch", "a folder called `.`: readers disagree what it is", name)


def _check_fields(source: Source, header: Header, name: str) -> None:
    """What no writer makes of the header block's other fields, and readers take in their own ways."""
    block = header.block
    if not _IDS_AND_TIME.match(block, 108):
        source.high("bad-number", "an owner, a group or a time that is no number: some readers end there", name)
    if block[257:265] not in _MAGICS:
        source.finding("unknown-magic", Severity.MEDIUM, "a header of no known form", name)
    if b"\0" in block[:100].rstrip(b"\0") or b"\0" in block[157:257].rstrip(b"\0") or _torn(header):
        source.high("nul-name", "a name or link in the header holds a NUL, where some readers end it", name)


def _torn(header: Header) -> bool:
    """Whether the name's prefix goes on behind a NUL; star and npm keep times in the field's end."""
    block = header.block
    if not header.posix or block[345:500] == _NO_PREFIX:
        return False
    timed = not block[475] and not block[476:500].strip(b"01234567 \0")
    return b"\0" in block[345 : 476 if timed else 500].rstrip(b"\0")


def _sparse(source: Source, header: Header, extras: Extras, entry: Entry, size: int) -> None:
    """Make a sparse member's data the file it stands for, and check its map."""
    reader = source.reader
    real = number(extras.pax, "GNU.sparse.realsize", number(extras.pax, "GNU.sparse.size", -1))
    if header.flag == b"S":
        chart: Map | None = _old_map(reader, header)
        real = _octal(header.block[483:495])
        stored = size
    elif extras.pax.get("GNU.sparse.major") == b"1":
        before = reader.position
        chart = _map_in_data(reader)
        stored = size - (reader.position - before)
    else:
        chart = sparse_map(source, extras)
        stored = size
    told = any(key.startswith("GNU.sparse.") for key in extras.pax)
    if told and (
        chart is None or header.flag == b"S" or (extras.pax.get("GNU.sparse.major") == b"1" and extras.mapped)
    ):
        source.high("sparse-lie", "records of a sparse member without its map, or with two", entry.name)
    if chart is None:
        return
    source.finding("sparse", Severity.MEDIUM, "a sparse member: some readers see its parts in a row", entry.name)
    if real < 0 or sum(length for _, length in chart) != stored or not _ordered(chart, real):
        source.high("sparse-lie", "a sparse map that does not fit the member's sizes", entry.name)
        entry.data = reader.blocks(max(0, stored))
        entry.size = None
        return
    start = reader.position
    entry.size = real
    entry.consumed = lambda: BLOCK + reader.position - start
    entry.data = _expand(reader, chart, real)


def _ordered(chart: Map, real: int) -> bool:
    end = 0
    for offset, length in chart:
        if offset < end or offset + length > real:
            return False
        end = offset + length
    return True


def _expand(reader: Reader, chart: Map, real: int) -> Iterator[bytes]:
    """Data with its holes as zeros, in small blocks, so that the budget sees a lying map early."""
    position = 0
    for offset, length in [*chart, (real, 0)]:
        while position < offset:
            hole = bytes(min(_HOLE, offset - position))
            position += len(hole)
            yield hole
        for block in reader.blocks(length):
            position += len(block)
            yield block


def _old_map(reader: Reader, header: Header) -> Map:
    """GNU's old sparse map: four parts in the header, 21 in each block that follows while a flag says so."""
    chart = _pairs(header.block[386:482])
    more = header.block[482]
    while more:
        block = reader.read(BLOCK)
        if len(block) < BLOCK:
            raise Corrupt("the archive breaks off within a sparse map")
        chart += _pairs(block[:504])
        more = block[504]
        if len(chart) > EXTENDED // 24:
            raise Corrupt("a sparse map of excessive length", "sparse-lie")
    return chart


def _pairs(fields: bytes) -> Map:
    pairs = [(fields[at : at + 12], fields[at + 12 : at + 24]) for at in range(0, len(fields), 24)]
    return [(_octal(offset), _octal(length)) for offset, length in pairs if length.strip(b"\0 ")]


def _map_in_data(reader: Reader) -> Map:
    """GNU's sparse format 1.0: decimal numbers, one a line, in blocks before the data."""
    text = reader.read(BLOCK)
    count = _line(text, 0)
    while text.count(b"\n") < 1 + 2 * count:
        block = reader.read(BLOCK)
        if not block or len(text) > EXTENDED:
            raise Corrupt("a sparse map that breaks off", "sparse-lie")
        text += block
    numbers = [_line(text, place) for place in range(1, 1 + 2 * count)]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _line(text: bytes, place: int) -> int:
    lines = text.split(b"\n", place + 1)
    if len(lines) <= place or not lines[place].isdigit() or len(lines[place]) > 20:  # noqa: PLR2004 -- 64 bits
        raise Corrupt("a sparse map with something else than numbers", "sparse-lie")
    return int(lines[place])
