"""zip and what is built on it: the central directory and the local headers are both read, and compared."""

from __future__ import annotations

import stat
from collections.abc import Generator, Iterable, Iterator

from isal import isal_zlib

from customhouse.inspect.formats import zip_lists
from customhouse.inspect.formats import zip_records as records
from customhouse.inspect.formats.digests import List
from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Type
from customhouse.inspect.formats.zip_gaps import gap
from customhouse.inspect.formats.zip_methods import BAD, METHODS, STORED, at_once
from customhouse.inspect.formats.zip_records import ENCRYPTED, PATCH, STREAMED, UTF8, End, Placed, Record
from customhouse.inspect.names import decode, printable
from customhouse.model import Severity, SkipReason

_TAIL = 22 + 0xFFFF + 20 + 56
_SMALL = 64 << 10
"""Packed bytes of a member that are read at once with the header before them."""
_EXTRAS = 64
"""Bytes of extra fields that most local headers have room in."""
_TYPES: dict[int, Type] = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "folder", stat.S_IFREG: "file", 0: "file"}


def entries(source: Source) -> Iterator[Entry]:
    """The members in the order of their bytes, then whatever lies before, between and behind them."""
    try:
        end, shift = _find_end(source)
    except Corrupt:
        yield from _locals(source)
        raise
    members = _directory(source, end, shift)
    source.listing = [member.name for member in members]
    source.listed = True
    named = {member.name: member for member in members}
    stated = zip_lists.stated(
        {name: member.record.size for name, member in named.items()}, lambda name: _entry(source, named[name]).data
    )
    members.sort(key=lambda member: member.start)
    whole = not _over(source, end)  # between members of a part of the directory lie the others
    stop = yield from _members(source, members, stated, whole=whole)
    if end.comment:
        yield Entry("archive-comment", iter((end.comment,)), len(end.comment))
    if whole:
        yield from gap(source, stop, end.place - end.size)
        if stated is not None:
            stated.check(source)


def _members(
    source: Source, members: Iterable[Placed], stated: List | None, *, whole: bool
) -> Generator[Entry, None, int]:
    """The members and, with `whole`, what lies between them; where the last one ends."""
    stop = 0
    for member in members:
        entry = _entry(source, member)
        if member.start > stop and whole:
            yield from gap(source, stop, member.start)
        elif member.start < stop:
            source.high("overlap", "it shares bytes with another member, as bombs and smugglers do", member.name)
        if entry.data is not None and stated is not None:
            entry.data = stated.watch(source, member.name, entry.data)
        given = entry.data
        yield entry
        if entry.data is not None:
            for _ in entry.data:
                pass
        elif given is not None:  # nobody wanted it: what follows it is still to be found
            member.stop += _descriptor_size(source, member)
        stop = max(stop, member.stop)
    return stop


def _over(source: Source, end: End) -> bool:
    return end.size > source.limits.directory or end.count > source.limits.members


def _locals(source: Source) -> Iterator[Entry]:
    """Without a directory: members by their local headers, as a streaming reader would see them."""
    start = 0
    while (head := source.at(start, records.LOCAL_SIZE)).startswith(records.LOCAL) and len(head) == records.LOCAL_SIZE:
        tail = source.at(start + records.LOCAL_SIZE, records.local_tail(head))
        record = records.local(head, tail, source.high)
        member = Placed(record, decode(record.name)[0], start, start + record.length)
        if record.flags & STREAMED or member.data + record.packed > source.size:
            record.packed = source.size - member.data
            record.size = max(record.size, source.limits.member)
        member.stop = member.data + record.packed
        entry = Entry(member.name or "unnamed", consumed=lambda: source.size)
        _content(source, member, record, entry)
        yield entry
        start = member.stop


def _find_end(source: Source) -> tuple[End, int]:
    """The last end record, and by how many bytes the archive was moved by what was put before it."""
    base = max(0, source.size - _TAIL)
    tail = source.at(base, _TAIL)
    places = list(records.ends(tail))
    if not places:
        raise Corrupt("no end record: the archive breaks off, or begins like a zip and is none", "bad-directory")
    fitting = [place for place in places if _fits(tail, place)]
    place = (fitting or places)[0]
    end = records.end(tail, place, base, source.high)
    behind = tail[end.place - base :]
    if behind.count(records.END) > 1 or len(fitting) > 1:
        source.high("two-end-records", "a second end record: readers disagree which directory counts")
    shift = end.place - end.size - end.offset
    if shift < 0 or end.size > source.size:
        raise Corrupt("the end record points outside of the file", "bad-directory")
    if b"PK" in end.comment and any(mark in end.comment for mark in (records.CENTRAL, records.LOCAL, records.END)):
        source.high("hidden-member", "the comment holds parts of an archive")
    return end, shift


def _fits(tail: bytes, place: int) -> bool:
    comment = int.from_bytes(tail[place + 20 : place + 22], "little")
    return place + 22 + comment == len(tail)


def _directory(source: Source, end: End, shift: int) -> list[Placed]:
    if _over(source, end):
        message = f"a central directory of {end.size:,} bytes and {end.count:,} members"
        source.finding("member-limit", Severity.MEDIUM, message)
        source.skip(SkipReason.LIMIT, message)
    most = min(source.limits.directory, end.size)
    data = source.at(end.place - end.size, most)
    members: list[Placed] = []
    place = 0
    while place < len(data) and len(members) < source.limits.members:
        try:
            record = records.central(data, place, source.high)
        except Corrupt as why:
            if most == end.size:
                source.high(why.rule, why.detail)
                source.skip(SkipReason.CORRUPT, why.detail)
            break
        members.append(Placed(record, _name(source, record), record.offset + shift))
        place += record.length
    if most == end.size and len(members) != end.count and len(members) < source.limits.members:
        source.high("lying-size", f"{end.count:,} members stated, {len(members):,} in the central directory")
    return members


def _name(source: Source, record: Record) -> str:
    """The member's name; one that readers would decode differently is a finding."""
    if record.flags & UTF8 or record.name.isascii():
        name, valid = decode(record.name)
    else:
        name, valid = record.name.decode("cp437"), False
        source.high("bad-utf8", "a name in an unknown character set: readers disagree what it is", name)
    if record.unicode_name is not None and valid:
        name, _ = decode(record.unicode_name)
    return name


def _entry(source: Source, member: Placed) -> Entry:
    """Look at the member's local header, and say how its bytes are had."""
    record, name = member.record, member.name

    def say(rule: str, message: str) -> None:
        source.high(rule, message, name)

    packed = record.packed if record.packed <= _SMALL else 0
    head = source.at(member.start, records.LOCAL_SIZE + len(record.name) + _EXTRAS + packed)
    member.stop = member.start
    if not head.startswith(records.LOCAL) or len(head) < records.LOCAL_SIZE:
        say("header-mismatch", "the central directory points at something else than a local header")
        return Entry(name, type="file", skip=(SkipReason.CORRUPT, "its local header is not there"))
    length = records.LOCAL_SIZE + records.local_tail(head)
    local = record
    if not record.alike or not head.startswith(record.alike, 6):
        head = head if length <= len(head) else source.at(member.start, length)
        local = records.local(head, head[records.LOCAL_SIZE : length], say)
        _compare(record, local, say)
    member.packed = memoryview(head)[length : length + packed]
    member.data = member.start + length
    member.stop = member.data + record.packed
    member.streamed = bool(local.flags & STREAMED)
    entry = Entry(name, size=record.size, type=_type(record, name), mode=record.mode)
    if member.stop > source.size:
        say("lying-size", "it is longer than the archive")
        record.packed = max(0, source.size - member.data)
        member.stop = source.size
    _content(source, member, local, entry)
    return entry


def _compare(record: Record, local: Record, say: records.Say) -> None:
    """Whatever the two headers tell differently, a reader of the one sees another archive than one of the other."""
    if record.name != local.name:
        say("header-mismatch", f"the local header calls it {printable(decode(local.name)[0])}")
    if record.unicode_name != local.unicode_name:
        say("header-mismatch", "its headers have different Unicode names")
    if record.method != local.method:
        say("header-mismatch", f"compression {record.method} in one header, {local.method} in the other")
    if (record.flags ^ local.flags) & (ENCRYPTED | UTF8 if not record.name.isascii() else ENCRYPTED):
        say("header-mismatch", "its headers have different flags")
    told = (local.crc, local.packed, local.size)
    if told != (record.crc, record.packed, record.size) and not (local.flags & STREAMED and not any(told)):
        rule = "header-mismatch" if not local.flags & STREAMED else "lying-size"
        if not (local.flags & STREAMED and told[0] == 0 and local.packed in {0, record.packed, 0xFFFFFFFF}):
            say(rule, "its headers have different sizes or checksums")


def _type(record: Record, name: str) -> Type:
    if name.endswith("/"):
        return "folder"
    return _TYPES.get(stat.S_IFMT(record.mode), "device")


def _content(source: Source, member: Placed, local: Record, entry: Entry) -> None:
    record = member.record
    if "\\" in entry.name:
        source.finding("backslash", Severity.MEDIUM, "a backslash, which is a folder to some readers only", entry.name)
    if (record.flags | local.flags) & ENCRYPTED:
        entry.skip = (SkipReason.ENCRYPTED, "encrypted")
        member.stop += _descriptor_size(source, member)
        return
    if entry.type == "folder" and (record.size or record.packed > 2):  # noqa: PLR2004 -- an empty DEFLATE stream
        source.high("name-mismatch", "a folder with bytes of its own", entry.name)
    if record.method not in METHODS or (record.flags | local.flags) & PATCH:
        patch = "a patch of another file" if record.method in METHODS else f"compression method {record.method}"
        entry.skip = (SkipReason.UNSUPPORTED, patch)
        member.stop += _descriptor_size(source, member)
        return
    if entry.type == "symlink":
        target = b"".join(_inflated(source, member, entry, 1 << 16))
        entry.link, entry.data = decode(target)[0], iter((target,))  # readers without links make it a file
        return
    if entry.type == "folder" and not record.size and not record.packed:
        member.stop += _descriptor_size(source, member)
        return
    entry.data = _inflated(source, member, entry)
    entry.consumed = (lambda: record.packed) if record.method != STORED else None


def _inflated(source: Source, member: Placed, entry: Entry, most: int | None = None) -> Iterator[bytes]:
    """A member's bytes; afterwards its checksum, its sizes and its descriptor are compared with what came out."""
    record = member.record
    if most is None and (small := at_once(member)):
        yield small
        member.stop += _descriptor(source, member, record.crc, record.size, entry.name)
        return
    crc = total = 0
    try:
        for block in METHODS[record.method](source, member):
            crc = isal_zlib.crc32(block, crc)
            total += len(block)
            yield block
            if total > record.size or (most is not None and total > most):
                source.high("lying-size", f"more than the {record.size:,} bytes it states", entry.name)
                break
    except BAD as error:
        raise Corrupt(f"bad compressed data: {error}", "lying-size" if total else "") from error
    if total < record.size:
        source.high("lying-size", f"{total:,} bytes where {record.size:,} are stated", entry.name)
    elif total == record.size and crc != record.crc:
        source.high("bad-checksum", "its bytes have another checksum than stated", entry.name)
    member.stop += _descriptor(source, member, crc, total, entry.name)


def _descriptor(source: Source, member: Placed, crc: int, size: int, name: str) -> int:
    """Check the data descriptor, in any of its four forms; how long it is."""
    if not member.streamed:
        return 0
    data = source.at(member.stop, 24)
    packed = member.record.packed
    for mark in (records.DESCRIPTOR, b""):
        for width in (8, 4):
            whole = mark + crc.to_bytes(4, "little") + packed.to_bytes(width, "little") + size.to_bytes(width, "little")
            if data.startswith(whole):
                return len(whole)
    source.high("lying-size", "its data descriptor says something else than what is there", name)
    return 16 if data.startswith(records.DESCRIPTOR) else 0


def _descriptor_size(source: Source, member: Placed) -> int:
    """The length of a descriptor that cannot be checked."""
    record = member.record
    if not member.streamed:
        return 0
    return _descriptor_quiet(source.at(member.stop, 24), record)


def _descriptor_quiet(data: bytes, record: Record) -> int:
    for mark in (records.DESCRIPTOR, b""):
        for width in (8, 4):
            sizes = record.packed.to_bytes(width, "little") + record.size.to_bytes(width, "little")
            whole = mark + record.crc.to_bytes(4, "little") + sizes
            if data.startswith(whole):
                return len(whole)
    return 0
