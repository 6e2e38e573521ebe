"""cpio in its portable forms: newc with and without checksums (SVR4) and the octal one of POSIX.1."""

from __future__ import annotations

import itertools
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Type
from customhouse.inspect.names import decode

_TYPES: dict[int, Type] = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "folder", stat.S_IFREG: "file", 0: "file"}
_NAME_MOST = 1 << 16
_END = b"TRAILER!!!"
_EARLY = ("kernel/x86/microcode/", "kernel/firmware/acpi/")
"""What Linux looks for in archives of their own in front of the initial file system (x86/microcode, acpi)."""
_FOLDERS = frozenset({".", "kernel", "kernel/x86", "kernel/x86/microcode", "kernel/firmware", "kernel/firmware/acpi"})
_MARK = "early_cpio"


@dataclass(frozen=True, slots=True)
class _Header:
    mode: int
    size: int
    name_size: int
    align: int
    sum: int | None = None


def entries(source: Source) -> Iterator[Entry]:
    """The members up to the trailer; behind those that only a starting Linux takes, what it unpacks."""
    reader = source.reader
    early: bool | None = None
    while True:
        start = reader.position
        header = _header(source)
        if not 0 < header.name_size <= _NAME_MOST:
            raise Corrupt("a name of no or excessive length")
        raw = reader.read(header.name_size)
        reader.read(-(reader.position - start) % header.align)
        name, _ = decode(raw[:-1])
        if raw[-1:] != b"\0":
            raise Corrupt("a name that does not end where its header says", "nul-name")
        if raw[:-1] == _END:
            if header.size:
                source.high("special-with-data", f"a trailer with {header.size:,} bytes of its own")
            elif early:
                yield from _initial(source)
            return
        early = early is not False and _is_early(name.removeprefix("./"))
        begin = reader.position
        yield _entry(source, header, name)
        reader.skip(begin + header.size - reader.position)
        if reader.position < begin + header.size:
            raise Corrupt("the archive breaks off within a member")
        reader.read(-header.size % header.align)


def _is_early(name: str) -> bool:
    return name in _FOLDERS or name == _MARK or name.startswith(_EARLY)


def _initial(source: Source) -> Iterator[Entry]:
    """What follows the zeros behind an early archive: another, or the initial file system, most often packed."""
    while block := source.reader.peek(1 << 16):
        source.reader.read(len(block) - len(block.lstrip(b"\0")))
        if block.strip(b"\0"):
            yield Entry("initial", source.reader.blocks())
            return


def _header(source: Source) -> _Header:
    magic = source.reader.read(6)
    try:
        if magic in {b"070701", b"070702"}:
            text = source.reader.read(104)
            _only(text, b"0123456789abcdefABCDEF")
            fields = [int(text[at : at + 8], 16) for at in range(0, 104, 8)]
            return _Header(fields[1], fields[6], fields[11], 4, fields[12] if magic == b"070702" else None)
        if magic == b"070707":
            text = source.reader.read(70)
            _only(text, b"01234567")
            return _Header(int(text[12:18], 8), int(text[59:70], 8), int(text[53:59], 8), 1)
    except ValueError as error:
        raise Corrupt("a malformed cpio header") from error
    raise Corrupt("the archive breaks off" if not magic else "a malformed cpio header")


def _only(text: bytes, digits: bytes) -> None:
    """Digits and nothing else: signs, spaces and underscores are numbers to some readers only."""
    if text.translate(None, digits):
        raise ValueError(text)


def _summed(source: Source, blocks: Iterable[bytes], stated: int, name: str) -> Iterator[bytes]:
    """The blocks, and then whether their bytes sum to what the header says."""
    total = 0
    for block in blocks:
        total += sum(block)
        yield block
    if total & 0xFFFFFFFF != stated:
        source.high("bad-checksum", "its bytes have another checksum than stated", name)


def _entry(source: Source, header: _Header, name: str) -> Entry:
    kind = _TYPES.get(stat.S_IFMT(header.mode), "device")
    entry = Entry(name, None, header.size, kind, header.mode)
    if kind == "symlink":
        target = source.reader.read(min(header.size, _NAME_MOST))
        entry.link, entry.data = (
            decode(target)[0],
            itertools.chain((target,), source.reader.blocks(header.size - len(target))),
        )
    elif header.size or kind == "file":
        entry.data = source.reader.blocks(header.size)
    if entry.data is not None and header.sum is not None and kind == "file":
        entry.data = _summed(source, entry.data, header.sum, name)
    if header.size and kind in {"folder", "device"}:
        source.high("special-with-data", f"a {kind} with {header.size:,} bytes of its own", name)
    return entry
