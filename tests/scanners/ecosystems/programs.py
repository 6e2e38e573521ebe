"""Programs built in code: ELF, PE and Mach-O files of given sections, and what Go and Rust write into them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Mapping

from customhouse.scanners.ecosystems.gobinary import MAGIC

Sections = Mapping[str, tuple[int, bytes]]
"""By name, a section's address in memory and its bytes."""
Builder = Callable[[Sections], bytes]


def elf(parts: Sections, *, wide: bool = True, order: str = "<", kind: int = 1) -> bytes:
    """An ELF file: header, the sections' bytes, their names, their table; `kind` 8 says they have no bytes here."""
    names = b"\0" + b"".join(name.encode() + b"\0" for name in parts) + b".shstrtab\0"
    place = 64 if wide else 52
    row = struct.Struct(f"{order}{'IIQQQQIIQQ' if wide else 'IIIIIIIIII'}")
    rows, body, name_at = [(0,) * 10], b"", 1
    for name, (address, data) in parts.items():
        rows.append((name_at, kind, 0, address, place + len(body), len(data), 0, 0, 1, 0))
        body += data
        name_at += len(name) + 1
    rows.append((name_at, 3, 0, 0, place + len(body), len(names), 0, 0, 1, 0))
    ident = b"\x7fELF" + bytes([2 if wide else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    fields = (2, 62, 1, 0, 0, place + len(body) + len(names), 0, place, 0, 0, row.size, len(rows), len(rows) - 1)
    header = struct.pack(f"{order}{'HHIQQQIHHHHHH' if wide else 'HHIIIIIHHHHHH'}", *fields)
    return ident + header + body + names + b"".join(row.pack(*each) for each in rows)


def portable(parts: Sections, *, wide: bool = True, base: int = 0x400000) -> bytes:
    """A PE file, whose sections' addresses count from the base of its image."""
    optional = struct.pack("<H26xI" if not wide else "<H22xQ", 0x20B if wide else 0x10B, base).ljust(240, b"\0")
    head = b"MZ" + bytes(58) + struct.pack("<I", 64) + b"PE\0\0"
    head += struct.pack("<HHIIIHH", 0x8664, len(parts), 0, 0, 0, len(optional), 0) + optional
    place, table, body = len(head) + 40 * len(parts), b"", b""
    for name, (address, data) in parts.items():
        row = (name.encode(), len(data), address - base, len(data), place + len(body))
        table += struct.pack("<8sIIIIIIHHI", *row, 0, 0, 0, 0, 0)
        body += data
    return head + table + body


def darwin(parts: Sections, *, wide: bool = True, order: str = "<") -> bytes:
    """A Mach-O file: a command that says nothing of segments, then one segment with all sections."""
    number = "Q" if wide else "I"
    form = f"{order}16s16s{number}{number}I{'28x' if wide else '24x'}"
    start = (32 if wide else 28) + 16 + (72 if wide else 56) + struct.calcsize(form) * len(parts)
    table, body = b"", b""
    for name, (address, data) in parts.items():
        table += struct.pack(form, name.encode(), b"__DATA", address, len(data), start + len(body))
        body += data
    segment = struct.pack(f"{order}16s{number * 4}IIII", b"__DATA", 0, 0, 0, 0, 3, 3, len(parts), 0) + table
    command = struct.pack(f"{order}II", 0x19 if wide else 0x01, len(segment) + 8) + segment
    commands = struct.pack(f"{order}IIQ", 0x0E, 16, 0) + command
    magic = struct.pack(f"{order}I", 0xFEEDFACF if wide else 0xFEEDFACE)
    head = magic + struct.pack(f"{order}IIIIII", 7, 3, 2, 2, len(commands), 0) + (bytes(4) if wide else b"")
    return head + commands + body


def fat(*programs: bytes, wide: bool = False) -> bytes:
    """A Mach-O file with a program for each of several processors."""
    start, rows, body = 1 << 12, b"", b""
    for number, program in enumerate(programs):
        row = (number, 0, start + len(body), len(program), 12)
        rows += struct.pack(">IIQQII", *row, 0) if wide else struct.pack(">IIIII", *row)
        body += program
    magic = b"\xca\xfe\xba\xbf" if wide else b"\xca\xfe\xba\xbe"
    return (magic + len(programs).to_bytes(4, "big") + rows).ljust(start, b"\0") + body


def listing(*modules: str, own: str = "example.com/own\t(devel)") -> str:
    """The list of modules that the linker writes: `path@version` each, a replacement behind `=>`."""
    lines = [f"path\t{own.partition(chr(9))[0]}", f"mod\t{own}\t"]
    for module in modules:
        required, arrow, instead = module.partition("=>")
        lines.append("dep\t" + required.replace("@", "\t") + "\th1:x=")
        lines += ["=>\t" + instead.replace("@", "\t") + "\th1:y="] if arrow else []
    return "\n".join(lines) + "\n"


def framed(information: str) -> bytes:
    """A list of modules between the marks that the go command puts around it."""
    return b"\x30" * 16 + information.encode() + b"\x31" * 16


def _varint(number: int) -> bytes:
    out = b""
    while number >= 0x80:
        out, number = out + bytes([number & 0x7F | 0x80]), number >> 7
    return out + bytes([number])


def go(information: str, version: str = "go1.22.1") -> bytes:
    """Build information as Go 1.18 and later has it: both texts behind the header."""
    texts = (version.encode(), framed(information))
    return MAGIC + b"\x08\x02" + bytes(16) + b"".join(_varint(len(text)) + text for text in texts)


def old_go(information: str, version: str = "go1.16.5", *, size: int = 8, order: str = "<") -> Sections:
    """Sections of a program of Go before 1.18: a header that points at texts by the addresses of their addresses."""
    one = "I" if size == 4 else "Q"
    texts = (version.encode(), framed(information) if information else b"")
    header = MAGIC + bytes([size, order == ">"]) + struct.pack(f"{order}2{one}", 0x500010, 0x500010 + 2 * size)
    places = (0x600008, 0x600008 + len(texts[0]))
    pointers = b"".join(
        struct.pack(f"{order}2{one}", place, len(text)) for place, text in zip(places, texts, strict=True)
    )
    return {
        ".buildinfo": (0x450000, header.ljust(32, b"\0")),
        ".data": (0x500000, bytes(16) + pointers),
        ".rodata": (0x600000, bytes(8) + b"".join(texts)),
    }


def rust(*crates: str, more: Mapping[str, object] | None = None) -> bytes:
    """The section `.dep-v0` of cargo-auditable: `name@version` each, then one with other fields."""
    named = [dict(zip(("name", "version"), crate.split("@"), strict=True)) for crate in crates]
    return zlib.compress(json.dumps({"packages": [*named, *([more] if more else [])]}).encode())
