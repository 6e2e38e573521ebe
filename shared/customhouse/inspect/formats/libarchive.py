"""rar, cab and the long tail through libarchive, where the system has it; elsewhere they are honest skips."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Type, Unopened
from customhouse.model import SkipReason

_TYPES: dict[int, Type] = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "folder", stat.S_IFREG: "file", 0: "file"}


def entries(source: Source) -> Iterator[Entry]:
    """The members as libarchive reads them, one after the other."""
    try:
        import libarchive  # noqa: PLC0415 -- needs a system library that functions do not have
    except (ImportError, OSError, AttributeError, TypeError) as error:
        raise Unopened(SkipReason.UNSUPPORTED, "this format needs libarchive, which is not here") from error
    source.file.seek(0)
    try:
        with libarchive.stream_reader(source.file, block_size=1 << 16) as archive:
            for member in archive:
                yield _entry(member)
    except libarchive.ArchiveError as error:
        reason = SkipReason.ENCRYPTED if "ncrypt" in str(error) else SkipReason.CORRUPT
        raise Unopened(reason, f"libarchive: {error}") from error


def _entry(member: object) -> Entry:
    mode = int(getattr(member, "mode", 0))
    kind = _TYPES.get(stat.S_IFMT(mode), "device")
    size = getattr(member, "size", None)
    link = str(getattr(member, "linkpath", "") or "")
    entry = Entry(
        str(getattr(member, "pathname", "")), None, size, "hardlink" if link and kind == "file" else kind, mode
    )
    entry.link = link
    if kind == "file" and not link:
        entry.data = _blocks(member)
    return entry


def _blocks(member: object) -> Iterator[bytes]:
    import libarchive  # noqa: PLC0415 -- as above

    try:
        yield from member.get_blocks(1 << 18)  # type: ignore[attr-defined] # libarchive-c has no types
    except libarchive.ArchiveError as error:
        if "ncrypt" in str(error) or "assphrase" in str(error):
            raise Unopened(SkipReason.ENCRYPTED, "encrypted") from error
        raise Corrupt(f"libarchive: {error}") from error
