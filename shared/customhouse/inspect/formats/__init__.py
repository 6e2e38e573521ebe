"""The container formats: one line each. Adding one is a file here and a line in this table."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from customhouse.inspect.formats.entry import Entry, Source
from customhouse.model import SkipReason

Entries = Callable[[Source], Iterator[Entry]]


@dataclass(frozen=True, slots=True)
class Format:
    """`module` has `entries(source)`, or the function after a colon; `seeks`: needs a file rather than a stream."""

    module: str
    seeks: bool = False

    def entries(self, source: Source) -> Iterator[Entry]:
        """The members; imported on first use, as most artifacts need one or two of these."""
        module, _, function = self.module.partition(":")
        opened: Entries = getattr(importlib.import_module(f"{__name__}.{module}"), function or "entries")
        return opened(source)


FORMATS: dict[str, Format] = {
    "zip": Format("zip", seeks=True),
    "tar": Format("tar_lists"),
    "gzip": Format("gzip"),
    "bzip2": Format("streams:bzip2"),
    "xz": Format("streams:xz"),
    "lzma": Format("streams:lzma"),
    "lzip": Format("streams:lzip"),
    "lz4": Format("streams:lz4"),
    "brotli": Format("streams:brotli"),
    "zstd": Format("zstd"),
    "zlib": Format("streams:zlib"),
    "asar": Format("asar", seeks=True),
    "ar": Format("ar"),
    "cpio": Format("cpio"),
    "rpm": Format("rpm"),
    "7z": Format("sevenzip", seeks=True),
    "iso9660": Format("iso9660", seeks=True),
    "rar": Format("rar", seeks=True),
    "cab": Format("cab", seeks=True),
    "lha": Format("lha", seeks=True),
    "xar": Format("libarchive:xar", seeks=True),
    "compress": Format("libarchive:compress", seeks=True),
    "cpio-binary": Format("libarchive", seeks=True),
}

COMPRESSORS = frozenset({"gzip", "bzip2", "xz", "lzma", "lzip", "lz4", "brotli", "zstd", "zlib", "compress"})
"""Formats that hold one thing."""

UNOPENED = frozenset(
    {
        *("ar-thin", "lz4-legacy", "wim", "squashfs", "vhd", "vhdx", "vmdk", "qcow2", "pack200", "snappy", "chm"),
        *("arj", "ace", "dmg", "installshield", "stuffit", "zoo", "lzop", "lrzip", "zpaq", "lzfse", "pack"),
        *("alz", "egg-archive", "freearc", "szdd", "kwaj", "rzip", "bzip3", "git-pack", "git-bundle"),
        *("cd-sectors", "isz", "zisofs", "cpio-stripped", "chd", "jffs2", "apfs", "udf", "f2fs"),
        *("pyinstaller", "disk", "vdi", "ext", "xfs", "ntfs", "fat", "hfs", "erofs", "cramfs", "romfs", "ubi"),
    }
)
"""Containers that are known and not opened: an honest skip, never clean."""

ENCRYPTED = frozenset({"luks", "age", "openssl-enc"})
"""What nobody can see into without a key."""


def closed(kind: str) -> tuple[SkipReason, str] | None:
    """Why a kind is not opened; None where it is, or where there is nothing to open."""
    if kind in UNOPENED:
        return SkipReason.UNSUPPORTED, f"{kind} is not opened"
    return (SkipReason.ENCRYPTED, f"encrypted ({kind})") if kind in ENCRYPTED else None
