"""RPM databases built in code."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing

TEXT, INTEGER = 6, 4


def header(name: str, version: str = "1.0", release: str = "1.el9", epoch: int | None = None) -> bytes:
    """A header blob as rpm stores it: counts, index entries, data."""
    entries, data = b"", b""
    fields = {1000: name, 1001: version, 1002: release, 1011: "Red Hat, Inc.", 1022: "x86_64", 1044: f"{name}.src.rpm"}
    for tag, value in fields.items():
        entries += struct.pack(">IIII", tag, TEXT, len(data), 1)
        data += value.encode() + b"\0"
    if epoch is not None:
        entries += struct.pack(">IIII", 1003, INTEGER, len(data), 1)
        data += struct.pack(">I", epoch)
    return struct.pack(">II", len(entries) // 16, len(data)) + entries + data


def sqlite(*blobs: bytes, journal: bool = False) -> bytes:
    """rpmdb.sqlite; with `journal` it says, as rpm's do, that a log lies beside it."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in blobs])
        database.commit()
        data = database.serialize()
    return data[:18] + b"\2\2" + data[20:] if journal else data


def ndb(*blobs: bytes) -> bytes:
    """Packages.db: one page of slots, then the blobs in blocks of 16 bytes."""
    slots, body = b"", b""
    for number, blob in enumerate(blobs, 1):
        padded = struct.pack("<4sIII", b"BlbS", number, 1, len(blob)) + blob + b"\0" * (-len(blob) % 16)
        slots += struct.pack("<4sIII", b"Slot", number, (4096 + len(body)) // 16, len(padded) // 16)
        body += padded
    page = struct.pack("<4sIII", b"RpmP", 0, 1, 1) + b"\0" * 16 + slots
    return page.ljust(4096, b"\0") + body


def berkeley(*blobs: bytes, order: str = "<", size: int = 512) -> bytes:
    """Packages: a page about the database, one hash page, and each value on pages of its own."""
    offsets, items, chains, page = b"", b"", b"", 2
    place = 26 + 4 * len(blobs)
    for number, blob in enumerate(blobs, 1):
        items += struct.pack(f"{order}BI", 1, number) + struct.pack(f"{order}B3xII", 3, page, len(blob))
        offsets += struct.pack(f"{order}HH", place, place + 5)
        place += 17
        parts = [blob[at : at + size - 26] for at in range(0, len(blob), size - 26)]
        for part in parts:
            page += 1
            following = page if part is not parts[-1] else 0
            head = struct.pack(f"{order}8xIIIHHBB", page - 1, 0, following, 1, len(part), 0, 7)
            chains += (head + part).ljust(size, b"\0")
    meta = struct.pack(f"{order}12xIII", 0x061561, 9, size).ljust(size, b"\0")
    table = struct.pack(f"{order}8xIIIHHBB", 1, 0, 0, 2 * len(blobs), 0, 0, 13) + offsets + items
    return meta + table.ljust(size, b"\0") + chains
