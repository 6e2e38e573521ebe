"""Installed RPM packages: the sqlite, ndb and Berkeley databases of rpm, read from memory."""

from __future__ import annotations

import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import lines
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_NAME, _VERSION, _RELEASE, _EPOCH, _VENDOR, _ARCH, _SOURCE, _MODULE = 1000, 1001, 1002, 1003, 1011, 1022, 1044, 5096
_STRINGS = {_NAME, _VERSION, _RELEASE, _VENDOR, _ARCH, _SOURCE, _MODULE}
_TYPES_OF_TEXT = {6, 8, 9}
_INTEGER = 4
_VENDORS = {
    "red hat": "redhat",
    "centos": "centos",
    "fedora": "fedora",
    "almalinux": "almalinux",
    "rocky": "rocky",
    "opensuse": "opensuse",
    "suse": "suse",
    "amazon": "amzn",
    "oracle": "oracle",
    "mageia": "mageia",
    "openeuler": "openeuler",
    "microsoft": "azurelinux",
    "vmware": "photon",
}
_COLUMNS = 10
"""Name, version, times of installing and building, vendor, epoch, size, architecture, epoch as a number, source."""
_LOG_HEAD = 32
_ENTRIES_MOST, _TEXT_MOST, _HEADER_LEAST = 0xFFFF, 4096, 256
"""Entries of a header, bytes of a text that are read, and of the smallest header that says what a package is."""
_STEPS = 20_000_000
"""Instructions of SQLite's machine before it is stopped; a large database takes a tenth."""
_HASH, _HASH_PAGES, _OVERFLOW, _OFF_PAGE = 0x061561, {2, 13}, 7, 3
"""Magic number of a hash database; types of pages, and of an item that lies on pages of its own."""
_PAGE_HEAD, _PAGE_LEAST = 26, 512
"""Bytes at a page's beginning that are its own; the smallest page there is."""
_SLOT = struct.Struct("<4sIII")


def header(blob: bytes) -> dict[int, str]:
    """The tags we read of one RPM header (https://rpm-software-management.github.io/rpm/manual/hregions.html)."""
    count, size = struct.unpack_from(">II", blob)
    start = 8 + 16 * count
    if start + size > len(blob) or count > _ENTRIES_MOST:
        raise ValueError("an RPM header longer than its blob, or than any is")
    out: dict[int, str] = {}
    for place in range(count):
        tag, kind, offset, _ = struct.unpack_from(">IIII", blob, 8 + 16 * place)
        if tag in _STRINGS and kind in _TYPES_OF_TEXT and offset < size:
            text = blob[start + offset : start + offset + _TEXT_MOST]
            out[tag] = text.partition(b"\0")[0].decode("utf-8", "replace")
        elif tag == _EPOCH and kind == _INTEGER:
            out[tag] = str(struct.unpack_from(">I", blob, start + offset)[0])
    return out


def package(source: Source) -> Iterator[Found]:
    """A package by the header of its own file, which begins with a magic number of eight bytes."""
    yield from _package(source.data[8:])


def _package(blob: bytes) -> Iterator[Found]:
    try:
        tags = header(blob)
    except (struct.error, ValueError) as error:
        raise Malformed(f"a broken RPM header: {error}") from error
    name = tags.get(_NAME, "")
    if not name or name == "gpg-pubkey":
        return
    source = tags.get(_SOURCE, "")
    qualifiers = {
        "arch": tags.get(_ARCH, ""),
        "epoch": "" if tags.get(_EPOCH, "0") == "0" else tags[_EPOCH],
        "upstream": source,
        "rpmmod": tags.get(_MODULE, ""),
    }
    version = f"{tags.get(_VERSION, '')}-{tags.get(_RELEASE, '')}".rstrip("-")
    yield Found("rpm", name, version, _vendor(tags.get(_VENDOR, "")), qualifiers=qualifiers)


def manifest(source: Source) -> Iterator[Found]:
    """What is installed in an image without a database, as rpm listed it: ten columns between tabs.

    https://github.com/microsoft/azurelinux/blob/3.0/toolkit/docs/how_it_works/5_misc.md
    """
    for line in lines(source.data):
        if not line.strip():
            continue
        columns = [column.strip() for column in line.split("\t")]
        if len(columns) < _COLUMNS or not columns[0]:
            raise Malformed("a list of RPM packages with another number of columns")
        name, version, vendor, arch, epoch, origin = (columns[place] for place in (0, 1, 4, 7, 8, 9))
        upstream = "" if origin == "(none)" else origin
        qualifiers = {"arch": arch, "epoch": "" if epoch in {"0", "(none)"} else epoch, "upstream": upstream}
        yield Found("rpm", name, version, _vendor(vendor), qualifiers=qualifiers)


def log(source: Source) -> Iterator[Found]:
    """What SQLite has not written into a database yet: only with it would the database be whole."""
    if len(source.data) > _LOG_HEAD:
        raise Malformed("a log of an RPM database, which may hold packages that the database lacks")
    yield from ()


def _vendor(text: str) -> str:
    return next((own for word, own in _VENDORS.items() if word in text.lower()), "")


def _authorize(action: int, table: str | None, *_: str | None) -> int:
    """Reading the one table is all that a query may do, whatever the file's schema says."""
    fine = action == sqlite3.SQLITE_SELECT or (action == sqlite3.SQLITE_READ and table in {"Packages", "sqlite_master"})
    return sqlite3.SQLITE_OK if fine else sqlite3.SQLITE_DENY


def sqlite(source: Source) -> Iterator[Found]:
    """rpmdb.sqlite, loaded in memory; journal mode is told to be the plain one, because there is no log beside it."""
    room = len(source.data)
    data = source.data[:18] + b"\1\1" + source.data[20:]
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.deserialize(data)
            database.set_authorizer(_authorize)
            database.set_progress_handler(lambda: 1, _STEPS)
            for (blob,) in database.execute("SELECT blob FROM Packages"):
                room = _less(room, len(blob))
                yield from _package(bytes(blob))
        except (sqlite3.Error, TypeError, ValueError) as error:
            raise Malformed(f"no RPM database: {error}") from error


def ndb(source: Source) -> Iterator[Found]:
    """Packages.db of SUSE: pages of slots, each pointing at a blob in blocks of 16 bytes."""
    data, room = source.data, len(source.data)
    try:
        magic, _, _, pages = _SLOT.unpack_from(data)
        if magic != b"RpmP":
            raise Malformed("no RPM database: another magic number")
        for place in range(32, min(pages * 4096, len(data)) - 15, 16):
            mark, package, block, _ = _SLOT.unpack_from(data, place)
            if mark == b"Slot" and package:
                head, _, _, size = _SLOT.unpack_from(data, block * 16)
                if head != b"BlbS":
                    raise Malformed("an RPM database with a lost blob")
                room = _less(room, size)
                yield from _package(data[block * 16 + 16 : block * 16 + 16 + size])
    except struct.error as error:
        raise Malformed(f"an RPM database that is cut short: {error}") from error


def berkeley(source: Source) -> Iterator[Found]:
    """Packages of rpm before 4.16: the hash pages of a Berkeley DB, whose values lie on chains of overflow pages.

    Oracle's db_page.h: pages begin with 26 bytes, items of a hash page come in pairs of key and value.
    """
    data, room = source.data, len(source.data)
    order = "<" if data[12:16] == b"\x61\x15\x06\x00" else ">"
    try:
        magic, size = struct.unpack_from(f"{order}12xI4xI", data)
        if magic != _HASH or size < _PAGE_LEAST or size & (size - 1):
            raise Malformed("no RPM database: another magic number")
        for start in range(size, len(data) - size + 1, size):
            if data[start + 25] in _HASH_PAGES:
                for blob in _values(data, start, size, order):
                    room = _less(room, len(blob))
                    yield from _package(blob)
    except (struct.error, IndexError) as error:
        raise Malformed(f"an RPM database that is cut short: {error}") from error


def _less(room: int, size: int) -> int:
    """What room a database has for more headers; each is there once, however many entries lead to it."""
    size = max(size, _HEADER_LEAST)
    if size > room:
        raise Malformed("an RPM database with more headers than it has room for")
    return room - size


def _values(data: bytes, start: int, size: int, order: str) -> Iterator[bytes]:
    """The values of one hash page that lie elsewhere: a package's header never fits into a page."""
    (count,) = struct.unpack_from(f"{order}20xH", data, start)
    if _PAGE_HEAD + 2 * count > size:
        raise Malformed("an RPM database with a page of more entries than it has room for")
    offsets = struct.unpack_from(f"{order}26x{count}H", data, start)
    for offset in offsets[1::2]:
        if data[start + offset] == _OFF_PAGE:
            page, length = struct.unpack_from(f"{order}4xII", data, start + offset)
            yield _chain(data, page, size, length, order)


def _chain(data: bytes, page: int, size: int, length: int, order: str) -> bytes:
    """A value of `length` bytes on pages that each name the next one."""
    out = bytearray()
    _less(len(data), length)
    while page and len(out) < length:
        following, used, kind = struct.unpack_from(f"{order}16xI2xHxB", data, page * size)
        if kind != _OVERFLOW or (used != size - _PAGE_HEAD and len(out) + used < length):
            raise Malformed("an RPM database with a lost page")
        start = page * size + _PAGE_HEAD
        out += data[start : start + min(used, size - _PAGE_HEAD)]
        page = following
    if len(out) < length:
        raise Malformed("an RPM database with a header that breaks off")
    return bytes(out[:length])


PARSERS: Patterns = {
    "rpmdb.sqlite": sqlite,
    "rpmdb.sqlite-wal": log,
    "rpm/Packages.db": ndb,
    "rpm/Packages": berkeley,
    "rpmmanifest/container-manifest-2": manifest,
}
