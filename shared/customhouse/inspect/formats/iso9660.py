"""ISO 9660 (ECMA-119) with Rock Ridge and Joliet names: every view of the disc is walked, each file seen once."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass

from customhouse.inspect.formats import rockridge
from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.inspect.names import decode
from customhouse.model import SkipReason

_SECTOR = 2048
_SYSTEM_AREA = 16 * _SECTOR
_JOLIET = (b"%/@", b"%/C", b"%/E")
_FOLDER, _MULTI = 2, 0x80


@dataclass(frozen=True, slots=True)
class _Record:
    extent: int
    size: int
    flags: int
    name: bytes
    system: bytes


def entries(source: Source) -> Iterator[Entry]:
    """Files by their extents, one that two views name differently under its first name; then what no file holds.

    Boot code is reached through tables of its own, and bytes between files by nothing: both are members.
    """
    seen: set[tuple[int, int]] = set()
    links: set[str] = set()
    for root, joliet in _roots(source):
        yield from _folder(source, root, joliet=joliet, seen=seen, links=links)
    spans = [(extent * _SECTOR, extent * _SECTOR + size) for extent, size in seen if size > 0]
    for start, size in source.unclaimed([*spans, (_SYSTEM_AREA, _SYSTEM_AREA)]):
        yield Entry(f"unclaimed-{start}", source.blocks(start, size), size)
    if b"NSR0" in source.at(_SYSTEM_AREA, 64 * _SECTOR):
        source.skip(SkipReason.UNSUPPORTED, "the disc's UDF view is not read")


def _roots(source: Source) -> Iterator[tuple[_Record, bool]]:
    for sector in range(16, 64):
        descriptor = source.at(sector * _SECTOR, _SECTOR)
        if descriptor[1:6] != b"CD001" or descriptor[0] == 255:  # noqa: PLR2004 -- the set's terminator
            return
        if descriptor[0] in {1, 2}:
            yield _record(descriptor[156:190]), descriptor[88:91] in _JOLIET


def _record(data: bytes) -> _Record:
    if len(data) < 34 or 33 + data[32] > len(data):  # noqa: PLR2004 -- ECMA-119, 9.1
        raise Corrupt("a malformed directory record")
    name = data[33 : 33 + data[32]]
    system = data[33 + data[32] + (data[32] + 1) % 2 :]
    return _Record(int.from_bytes(data[2:6], "little"), int.from_bytes(data[10:14], "little"), data[25], name, system)


def _folder(
    source: Source, root: _Record, *, joliet: bool, seen: set[tuple[int, int]], links: set[str]
) -> Iterator[Entry]:
    """Walk folders without recursion, none twice, however they point at each other.

    A view without links has empty files in their place, which are nobody's.
    """
    passed = rockridge.passed_over(_own(source, root).system)
    todo = [("", root)]
    while todo:
        path, folder = todo.pop()
        if (folder.extent, -1) in seen:
            continue
        seen.add((folder.extent, -1))
        if folder.size > source.limits.directory:
            raise Corrupt(f"a folder of {folder.size:,} bytes")
        for record in _records(source.at(folder.extent * _SECTOR, folder.size)):
            fields = rockridge.read(source, record.system[passed:])
            full = f"{path}{_name(record, fields, joliet=joliet)}"
            if record.flags & _FOLDER:
                yield Entry(full, type="folder", mode=fields.mode)
                todo.append((f"{full}/", record))
            elif fields.link:
                links.add(full)
                yield Entry(full, type="symlink", mode=fields.mode, link=decode(fields.link)[0])
            elif (record.extent, record.size) not in seen and (record.size or full not in links):
                seen.add((record.extent, record.size))
                yield _file(source, full, record, fields)


def _own(source: Source, folder: _Record) -> _Record:
    """A folder's record of itself, which is its first."""
    data = source.at(folder.extent * _SECTOR, 256)
    return _record(data[: data[0]]) if data[:1] > b"\0" else folder


def _file(source: Source, name: str, record: _Record, fields: rockridge.Fields) -> Entry:
    entry = Entry(name, source.blocks(record.extent * _SECTOR, record.size), record.size)
    entry.mode = stat.S_IMODE(fields.mode)
    if record.flags & _MULTI:
        entry.data, entry.skip = None, (SkipReason.UNSUPPORTED, "a file in several extents")
    elif fields.packed:
        entry.skip = (SkipReason.UNSUPPORTED, "compressed (zisofs)")
    if stat.S_IFMT(fields.mode) in {stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK}:
        entry.type = "device"
    return entry


def _records(data: bytes) -> Iterator[_Record]:
    place = 0
    while place < len(data):
        size = data[place]
        if not size:
            place += -place % _SECTOR or _SECTOR
            continue
        record = _record(data[place : place + size])
        if record.name not in {b"\0", b"\1"}:
            yield record
        place += size


def _name(record: _Record, fields: rockridge.Fields, *, joliet: bool) -> str:
    """A record's name: Rock Ridge's where there, else Joliet's or the disc's own."""
    if fields.name:
        return decode(fields.name)[0]
    if joliet:
        return record.name.decode("utf-16-be", "replace").split(";")[0]
    return decode(record.name)[0].split(";")[0].rstrip(".")
