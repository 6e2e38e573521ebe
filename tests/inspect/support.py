"""Builds archives byte by byte, right and wrong ones, and inspects them with small scanners."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from customhouse.inspect import Limits, inspect
from customhouse.model import Fact, Finding, Inspection, Severity, SkipReason
from customhouse.scanners import Member, Scanner

MARKER = b"THE-MARKER-OF-THE-TESTS"


class MarkerScanner:
    """Finds the marker."""

    name = "marker"
    version = "1"

    def __init__(self, reads: Literal["windows", "stream"] = "windows") -> None:
        self.reads: Literal["windows", "stream"] = reads

    def wants(self, member: Member) -> bool:
        return member.size > 0

    def scan(self, member: Member) -> Iterable[Fact]:
        data = member.data if member.stream is None else member.stream.read()
        if MARKER in data:
            yield Finding(self.name, "found", Severity.CRITICAL, member.path, "the marker")


@dataclass
class Recorder:
    """Keeps every member it is shown."""

    name: str = "recorder"
    version: str = "1"
    reads: Literal["windows", "stream"] = "windows"
    seen: list[Member] = field(default_factory=list)

    def wants(self, member: Member) -> bool:
        return member.size >= 0

    def scan(self, member: Member) -> Iterable[Fact]:
        self.seen.append(member)
        return ()


def look(
    data: bytes,
    name: str = "artifact.bin",
    *,
    scanners: Sequence[Scanner] | None = None,
    limits: Limits | None = None,
    chunk: int = 1 << 20,
) -> Inspection:
    """Inspect bytes that arrive in chunks, as from a cloud."""
    chunks = (data[start : start + chunk] for start in range(0, len(data), chunk))
    return inspect(name, chunks, [MarkerScanner()] if scanners is None else scanners, limits or Limits())


def rules(inspection: Inspection) -> set[str]:
    return {finding.rule for finding in inspection.findings}


def reasons(inspection: Inspection) -> set[SkipReason]:
    return {skip.reason for skip in inspection.coverage.skipped}


def found(inspection: Inspection) -> list[str]:
    """Where the marker was."""
    return [finding.member for finding in inspection.findings if finding.rule == "found"]


def clean(inspection: Inspection) -> bool:
    return not inspection.findings and inspection.coverage.complete


def zipped(*members: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def tarred(*members: tuple[str, bytes], format_: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def block(
    name: bytes, *, size: int = 0, flag: bytes = b"0", link: bytes = b"", mode: int = 0o644, **more: bytes
) -> bytes:
    """One ustar header with a right checksum; `prefix`, `magic`, `ids`, `size_field` and `time` may be given."""
    head = bytearray(512)
    head[0 : len(name)] = name
    head[100:108] = b"%07o\0" % mode
    head[108:124] = more.get("ids", b"0000000\0" * 2)
    head[124:136] = more.get("size_field", b"%011o\0" % size)
    head[136:148] = more.get("time", b"00000000000\0")
    head[156:157] = flag
    head[157 : 157 + len(link)] = link
    head[257:265] = more.get("magic", b"ustar\00000")
    prefix = more.get("prefix", b"")
    head[345 : 345 + len(prefix)] = prefix
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def entry(name: bytes, data: bytes, **more: bytes | int) -> bytes:
    """A header and its data, padded."""
    return block(name, size=len(data), **more) + data + bytes(-len(data) % 512)  # type: ignore[arg-type] # built from literals


def pax(flag: bytes, *records: bytes) -> bytes:
    """An extended header of `key=value` records."""
    text = b""
    for record in records:
        size = len(record) + 2
        size += len(str(size + len(str(size))))
        text += b"%d %s\n" % (size, record)
    return entry(b"PaxHeader", text, flag=flag)


END = bytes(1024)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@dataclass
class Part:
    """One member of a hand-made zip; None takes the true value."""

    name: bytes = b"a.txt"
    data: bytes = b"hello"
    method: int = 0
    flags: int = 0
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    local_name: bytes | None = None
    local_size: int | None = None
    local_extra: bytes = b""
    extra: bytes = b""
    attributes: int = 0
    descriptor: bytes = b""
    listed: bool = True
    offset: int | None = None
    body: bytes | None = None


def handmade(*parts: Part, comment: bytes = b"", prefix: bytes = b"", gap: bytes = b"", **ends: int) -> bytes:
    """A zip written field by field; `count`, `directory_size` and `directory_offset` may lie."""
    out, directory = bytearray(prefix), bytearray()
    count = 0
    for part in parts:
        body = part.body if part.body is not None else deflated(part.data) if part.method == 8 else part.data
        crc = zlib.crc32(part.data) if part.crc is None else part.crc
        size = len(part.data) if part.size is None else part.size
        packed = len(body) if part.packed_size is None else part.packed_size
        offset = len(out) if part.offset is None else part.offset
        local_name = part.name if part.local_name is None else part.local_name
        told = (0, 0, 0) if part.flags & 8 else (crc, packed, size if part.local_size is None else part.local_size)
        out += struct.pack(
            "<4sHHHHHLLLHH",
            b"PK\3\4",
            20,
            part.flags,
            part.method,
            0,
            33,
            *told,
            len(local_name),
            len(part.local_extra),
        )
        out += local_name + part.local_extra + body + part.descriptor
        if part.listed:
            count += 1
            fields = (
                b"PK\1\2",
                0x314,
                20,
                part.flags,
                part.method,
                0,
                33,
                crc,
                packed,
                size,
                len(part.name),
                len(part.extra),
            )
            directory += struct.pack("<4sHHHHHHLLLHHHHHLL", *fields, 0, 0, 0, part.attributes, offset)
            directory += part.name + part.extra
    out += gap
    count = ends.get("count", count)
    size, offset = ends.get("directory_size", len(directory)), ends.get("directory_offset", len(out))
    return (
        bytes(out + directory)
        + struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, count, count, size, offset, len(comment))
        + comment
    )


def ar(*members: tuple[bytes, bytes]) -> bytes:
    out = bytearray(b"!<arch>\n")
    for name, data in members:
        out += name.ljust(16) + b"0".ljust(12) + b"0     0     100644  " + str(len(data)).encode().ljust(10) + b"`\n"
        out += data + b"\n" * (len(data) % 2)
    return bytes(out)


def cpio(*members: tuple[bytes, bytes, int]) -> bytes:
    out = bytearray()
    for name, data, mode in (*members, (b"TRAILER!!!", b"", 0)):
        fields = (1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
        out += b"070701" + b"".join(b"%08X" % value for value in fields) + name + b"\0"
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def rpm(payload: bytes) -> bytes:
    header = b"\x8e\xad\xe8\x01" + bytes(4) + struct.pack(">LL", 1, 5) + bytes(16) + b"hello"
    return b"\xed\xab\xee\xdb" + bytes(92) + header + bytes(-len(header) % 8) + header + payload


def iso(*files: tuple[bytes, bytes]) -> bytes:
    """A disc with files in its root, without Rock Ridge."""

    def record(name: bytes, extent: int, size: int, flags: int = 0) -> bytes:
        length = 33 + len(name) + (len(name) + 1) % 2
        numbers = (
            struct.pack("<L", extent) + struct.pack(">L", extent) + struct.pack("<L", size) + struct.pack(">L", size)
        )
        body = bytes([length, 0]) + numbers + bytes(7) + bytes([flags, 0, 0]) + bytes(4) + bytes([len(name)]) + name
        return body.ljust(length, b"\0")

    folder = len(_sectors([record(name, 0, 0) for name in (b"\0", b"\1", *(name for name, _ in files))]))
    extent, records = 19 + folder // 2048, []
    for name, content in files:
        records.append(record(name, extent, len(content)))
        extent += -(-len(content) // 2048)
    root = _sectors([record(b"\0", 19, folder, 2), record(b"\1", 19, folder, 2), *records])
    primary = (b"\1CD001\1" + bytes(149) + record(b"\0", 19, folder, 2)).ljust(2048, b"\0")
    terminator = b"\xffCD001\1".ljust(2048, b"\0")
    padded = (content + bytes(-len(content) % 2048) for _, content in files)
    return b"".join((bytes(16 * 2048), primary, terminator, bytes(2048), root, *padded))


def _sectors(records: Sequence[bytes]) -> bytes:
    """Directory records, of which none goes over the end of a sector."""
    out = bytearray()
    for record in records:
        if len(out) % 2048 + len(record) > 2048:
            out += bytes(-len(out) % 2048)
        out += record
    return bytes(out) + bytes(-len(out) % 2048)


def nested(depth: int, data: bytes) -> bytes:
    """`data` in `depth` zips."""
    for level in range(depth):
        data = zipped((f"level{level}", data))
    return data


def zeros(size: int) -> Iterator[bytes]:
    while size > 0:
        piece = bytes(min(size, 1 << 20))
        size -= len(piece)
        yield piece
