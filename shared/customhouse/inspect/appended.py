"""Archives that nobody opens inside what is no archive: behind a program, or at the end of a large member."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO

from customhouse.inspect.identify import PROGRAMS, ends_as_zip
from customhouse.inspect.limits import LimitHit
from customhouse.inspect.spool import Spool
from customhouse.scanners.hyperscan_engine import Engine, TooMany, compiled

_SIGNATURES = (b"7z\\xbc\\xaf\\x27\\x1c", b"Rar!\\x1a\\x07", b"MSCF\\x00\\x00\\x00\\x00")
_LENGTHS = (6, 6, 8)
_MOST = 10_000
"""Signatures in one window whose headers are looked at."""
_HEADER = 64
"""Bytes of a header that are looked at behind a signature."""
_TAIL = 22 + 0xFFFF + 20 + 56
_TRAILER = 512


def unopened(kind: str, data: bytes) -> str:
    """What these bytes of a member of this kind hold and nobody opens; empty where there is none.

    A signature alone is no archive: archivers carry it in their code. The header behind it has to be one.
    """
    if data.startswith(b"koly\x00\x00\x00\x04", max(0, len(data) - _TRAILER)):
        return "a disk image (dmg) is not opened"
    if kind not in PROGRAMS:
        return ""
    try:
        name = next(filter(None, (_format(data, start) for start in _signatures(data))), "")
    except TooMany:
        return "more signatures of archives inside the program than are looked at"
    return f"a {name} archive inside the program is not opened" if name else ""


def _signatures(data: bytes) -> Iterator[int]:
    """Where signatures begin: hyperscan reads 15 times as fast as `re` does, and lets other threads run."""
    for index, ends in _engine().ends(data, _MOST).items():
        yield from (end - _LENGTHS[index] for end in ends)


@functools.cache
def _engine() -> Engine:
    return Engine(compiled(_SIGNATURES))


def _format(data: bytes, at: int) -> str:
    """Which archive's header stands at `at`: by its checksum, or by fields that cannot be chance."""
    head = data[at : at + _HEADER]
    if head.startswith(b"7z"):
        return "7z" if len(head) >= 32 and _crc(head[12:32]) == head[8:12] else ""  # noqa: PLR2004 -- 7zFormat.txt
    if head.startswith(b"MSCF"):
        return "cab" if head[24:26] == b"\x03\x01" and int.from_bytes(head[8:12], "little") else ""
    if head.startswith(b"Rar!\x1a\x07\x00"):
        return "rar" if head[9:10] == b"\x73" else ""
    size = head[12] if len(head) > 12 else 0  # noqa: PLR2004 -- RAR 5: checksum, then the header's own length
    return "rar" if 0 < size < _HEADER - 13 and _crc(head[12 : 13 + size]) == head[8:12] else ""


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


class Watch:
    """Looks at a large member's bytes on their way to the scanners, and keeps them where a spool is given.

    `found` says what was not opened in it, `zip` whether it ends as one.
    """

    def __init__(self, kind: str, spool: Spool | None = None) -> None:
        self._kind = kind
        self._spool = spool
        self.found = ""
        self.zip = False

    @property
    def file(self) -> BinaryIO | None:
        """All bytes for seeking, None where they were not kept."""
        return self._spool.file if self._spool is not None else None

    def through(self, blocks: Iterable[bytes]) -> Iterator[bytes]:
        """The same blocks; `found` and `zip` are set when they came to their end."""
        tail = b""
        for block in blocks:
            seen = tail[-_HEADER:] + block
            self.found = self.found or (unopened(self._kind, seen) if self._kind in PROGRAMS else "")
            tail = (tail + block)[-_TAIL:]
            self._keep(block)
            yield block
        self.found = self.found or unopened("", tail)
        self.zip = ends_as_zip(tail, whole=False)

    def _keep(self, block: bytes) -> None:
        """Where there is no room, the member is scanned all the same, and its zip is not opened."""
        try:
            if self._spool is not None:
                self._spool.write(block)
        except LimitHit:
            self._spool = None
