"""rar, cab and the long tail through libarchive, where the system has it; elsewhere they are honest skips."""

from __future__ import annotations

import ctypes
import stat
from collections.abc import Callable, Generator, Iterator
from typing import Any

from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Type, Unopened
from customhouse.inspect.formats.streams import content
from customhouse.model import SkipReason

_TYPES: dict[int, Type] = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "folder", stat.S_IFREG: "file", 0: "file"}
_END_RECORD = 16
"""Bytes of an end record that libarchive may leave unread."""


def entries(source: Source) -> Iterator[Entry]:
    """The members as libarchive reads them, one after the other, and what lies behind the end unless it is zeros."""
    end = yield from members(source)
    if any(source.unclaimed([(0, min(end + _END_RECORD, source.size))])):
        source.high("trailing-data", "bytes follow the end of the archive")
        yield Entry("trailing-data", source.blocks(end, source.size - end), source.size - end)


def members(source: Source) -> Generator[Entry, None, int]:
    """The members alone, and where they end."""
    return _read(source, "all", "none", _entry)


def xar(source: Source) -> Iterator[Entry]:
    """The members; they lie anywhere, and libarchive does not tell what lies between them."""
    yield from members(source)
    source.skip(SkipReason.UNSUPPORTED, "what lies between its members is not looked at")


def compress(source: Source) -> Iterator[Entry]:
    """What Unix's compress packed, which has no end of its own; whatever it is, the walk opens it."""
    yield from _read(source, "raw", "compress", lambda _, member: next(content(source, _blocks(member))))


def _read(source: Source, format_: str, filter_: str, tell: Callable[[Any, Any], Entry]) -> Generator[Entry, None, int]:
    """What libarchive reads; where that ends."""
    try:
        import libarchive  # noqa: PLC0415 -- needs a system library that functions do not have
    except (ImportError, OSError, AttributeError, TypeError) as error:
        raise Unopened(SkipReason.UNSUPPORTED, "this format needs libarchive, which is not here") from error
    source.file.seek(0)
    try:
        with libarchive.stream_reader(source.file, format_, filter_, block_size=1 << 16) as archive:
            for member in archive:
                yield tell(libarchive.ffi, member)
            return int(libarchive.ffi.filter_bytes(archive._pointer, -1))  # noqa: SLF001 -- libarchive-c hides it
    except libarchive.ArchiveError as error:
        reason = SkipReason.ENCRYPTED if "ncrypt" in str(error) else SkipReason.CORRUPT
        raise Unopened(reason, f"libarchive: {error}") from error


def _entry(ffi: Any, member: Any) -> Entry:  # noqa: ANN401 -- libarchive-c has no types
    mode = int(member.mode)
    kind = _TYPES.get(stat.S_IFMT(mode), "device")
    link = str(member.linkpath or "")
    entry = Entry(str(member.pathname or ""), None, member.size, "hardlink" if link and kind == "file" else kind, mode)
    entry.link = link
    if kind == "file" and not link:
        entry.data = _blocks(member)
        if _encrypted(ffi, member):
            entry.data, entry.skip = None, (SkipReason.ENCRYPTED, "encrypted")
    return entry


def _encrypted(ffi: Any, member: Any) -> bool:  # noqa: ANN401 -- as above
    """Whether the bytes are encrypted; of a stored member libarchive would give them as they are."""
    ask = ffi.ffi("entry_is_encrypted", [ffi.c_archive_entry_p], ctypes.c_int)
    return bool(ask(member._entry_p))  # noqa: SLF001 -- libarchive-c does not ask


def _blocks(member: Any) -> Iterator[bytes]:  # noqa: ANN401 -- as above
    import libarchive  # noqa: PLC0415 -- as above

    try:
        yield from member.get_blocks(1 << 18)
    except libarchive.ArchiveError as error:
        if "ncrypt" in str(error) or "assphrase" in str(error):
            raise Unopened(SkipReason.ENCRYPTED, "encrypted") from error
        raise Corrupt(f"libarchive: {error}") from error
