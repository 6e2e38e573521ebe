"""Archives that nobody opens inside what is no archive: behind a program or a picture, or at the end of a large member.

Their readers look for them: 7-Zip, unrar and cabextract find their signatures wherever they are, programs unpack what
they carry themselves.
"""

from __future__ import annotations

import functools
import itertools
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, Literal

from customhouse.inspect.formats import FORMATS, UNOPENED
from customhouse.inspect.identify import PROGRAMS, beneath, ends_as_zip, identify
from customhouse.inspect.limits import LimitHit
from customhouse.inspect.spool import Spool
from customhouse.model import Fact, Skip, SkipReason
from customhouse.scanners import Batch, Member
from customhouse.scanners.hyperscan_engine import Engine, TooMany, compiled

_MOST = 10_000
"""Signatures in one window whose headers are looked at."""
_HEADER = 96
"""Bytes of a header that are looked at behind a signature."""
_TAIL = 22 + 0xFFFF + 20 + 56
_TRAILER = 512
_TAR_MAGIC = 257
_LINE = re.compile(rb"[\t\r -~]{2,512}\n")
_IMAGE = b"koly\x00\x00\x00\x04"
"""What a disk image (dmg) ends with, and the block that begins so."""
_PAYLOADS = frozenset({"gzip", "xz", "bzip2", "zstd", "lz4", "lzma", "compress", "lzip"})
"""What a script may carry behind its last line, and a tar; archives that are found wherever they are come besides."""


def unopened(kind: str, data: bytes) -> str:
    """What these bytes of a member of this kind hold and nobody opens; empty where there is none.

    A signature alone is no archive: archivers carry it in their code. The header behind it has to be one.
    """
    if data.startswith(_IMAGE, max(0, len(data) - _TRAILER)):
        return "a disk image (dmg) is not opened"
    if data.isascii() or kind in FORMATS or kind in UNOPENED:  # nothing is packed in it; or it is said of the whole
        return ""
    if kind == "ole" and "EncryptedPackage".encode("utf-16-le") in data:
        return "an encrypted document is not opened"
    carried = CARRIED if kind in PROGRAMS else ANYWHERE
    try:
        name = next((name for name, at in _found(carried, data) if _HEADERS[name](data[at : at + _HEADER])), "")
    except TooMany:
        return "more signatures of archives inside it than are looked at"
    return f"a {name} archive inside it is not opened" if name else ""


def scripted(kind: str, data: bytes) -> bool:
    """Whether a shell would run it: lines of text, at least the first of them."""
    return kind in {"script", "text"} or (kind == "data" and _LINE.match(data) is not None)


def payload(data: bytes) -> int | None:
    """Where the archive begins that this script unpacks, if it carries one."""
    if data.isascii():
        return None
    return next((at for _, at in _found(_LINES, data) if _carries(data[at : at + 512])), None)


def zip_within(data: bytes) -> bool:
    """Whether a member of a zip may begin in these bytes."""
    return _engine(_ZIP).matches(data)


def missing(kind: str, data: bytes) -> str:
    """What these bytes of a member of this kind should hold behind its beginning, and do not."""
    if kind in {"crx", "jmod"}:
        return "the zip behind its header is not there"
    return "what follows the lines of the script is not understood" if kind == "script" and b"\0" in data else ""


def _carries(head: bytes) -> bool:
    return identify(head, "x.lzma") in _PAYLOADS or beneath(head) == "tar"


def _found(signatures: tuple[tuple[str, bytes, int], ...], data: bytes) -> Iterator[tuple[str, int]]:
    """Signatures and where what they are the signatures of begins, in that order."""
    ends = _engine(signatures).ends(data, _MOST).items()
    found = [(end - signatures[index][2], signatures[index][0]) for index, places in ends for end in places]
    return ((name, start) for start, name in sorted(found) if start >= 0)


@functools.cache
def _engine(signatures: tuple[tuple[str, bytes, int], ...]) -> Engine:
    """Hyperscan reads 15 times as fast as `re` does, and lets other threads run."""
    return Engine(compiled([pattern for _, pattern, _ in signatures]))


def _seven_zip(head: bytes) -> bool:
    return len(head) >= 32 and _crc(head[12:32]) == head[8:12]  # noqa: PLR2004 -- 7zFormat.txt


def _cab(head: bytes) -> bool:
    return head[24:26] == b"\x03\x01" and _number(head[8:12]) > 0


def _rar(head: bytes) -> bool:
    if head[6:7] == b"\0":
        return head[9:10] == b"\x73"
    size = head[12] if len(head) > 12 else 0  # noqa: PLR2004 -- RAR 5: checksum, then the header's own length
    return 0 < size < 64 and _crc(head[12 : 13 + size]) == head[8:12]  # noqa: PLR2004 -- a main header is short


def _squashfs(head: bytes) -> bool:
    """Version 4, and a block size that is said twice (kernel, squashfs_fs.h)."""
    return head[28:32] == b"\4\0\0\0" and _number(head[12:16]) == 1 << min(32, _number(head[22:24]))


def _pyinstaller(head: bytes) -> bool:
    """Its cookie: lengths, and Python's version as 27 or 311 (PyInstaller's archive/writers.py)."""
    return int.from_bytes(head[8:12], "big") > 0 and 20 < int.from_bytes(head[20:24], "big") < 1000  # noqa: PLR2004 -- as it says


def _nsis(head: bytes) -> bool:
    return _number(head[16:20]) > 0 and _number(head[20:24]) > 0


def _upx(head: bytes) -> bool:
    """Version, format, method and level (UPX's packhead.cpp)."""
    version, form, method, level = head[4:8].ljust(4, b"\0")
    return 10 <= version <= 15 and form > 0 and 2 <= method <= 16 and 1 <= level <= 10  # noqa: PLR2004 -- as it says


def _sure(_head: bytes) -> bool:
    return True


ANYWHERE = (("7z", b"7z\\xbc\\xaf\\x27\\x1c", 6), ("rar", b"Rar!\\x1a\\x07", 6), ("cab", b"MSCF\\x00{4}", 8))
"""Archives by signature (hyperscan's syntax), and the signature's length."""
CARRIED = (
    *ANYWHERE,
    ("squashfs", b"hsqs", 4),
    ("PyInstaller", b"MEI\\x0c\\x0b\\x0a\\x0b\\x0e", 8),
    ("NSIS", b"\\xef\\xbe\\xad\\xdeNullsoftInst", 16),
    ("Inno Setup", b"rDlPtS\\xcd\\xe6\\xd7\\x7b\\x0b\\x2a", 12),
    ("UPX", b"UPX!", 4),
    ("AutoIt", b"\\xa3HK\\xbe\\x98lJ\\xa9\\x99LS\\n\\x86\\xd6H\\x7dAU3!EA0", 23),
    ("Nuitka", b"KAY\\x28\\xb5\\x2f\\xfd", 7),
)
"""What programs carry, too."""
_HEADERS: dict[str, Callable[[bytes], bool]] = {
    "7z": _seven_zip,
    "rar": _rar,
    "cab": _cab,
    "squashfs": _squashfs,
    "PyInstaller": _pyinstaller,
    "NSIS": _nsis,
    "Inno Setup": _sure,
    "UPX": _upx,
    "AutoIt": _sure,
    "Nuitka": _sure,
}
_ANY = (*CARRIED, ("dmg", b"koly\\x00\\x00\\x00\\x04", 8))
_ZIP = (("zip", b"PK\\x03\\x04", 4),)
_LINES = (
    ("gzip", b"\\n\\x1f\\x8b\\x08", 3),
    ("xz", b"\\n\\xfd7zXZ\\x00", 6),
    ("bzip2", b"\\nBZh[1-9]", 4),
    ("zstd", b"\\n\\x28\\xb5\\x2f\\xfd", 4),
    ("lz4", b"\\n\\x04\\x22\\x4d\\x18", 4),
    ("lzma", b"\\n\\x5d\\x00\\x00", 3),
    ("compress", b"\\n\\x1f\\x9d", 2),
    ("lzip", b"\\nLZIP\\x01", 5),
    ("tar", b"ustar", 5 + _TAR_MAGIC),
)


def _number(field: bytes) -> int:
    return int.from_bytes(field, "little")


def _crc(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "little")


class Carried:
    """The scanner that finds archives which nobody opens, in everything but small scripts: those may be opened."""

    name = "archive"
    version = "1"
    reads: Literal["windows", "stream"] = "windows"

    def wants(self, member: Member) -> bool:
        """Whether it is not said of the member already, when it is looked at from its end."""
        return not member.whole or not scripted(member.kind, member.data)

    def scan(self, member: Member) -> Iterable[Fact]:
        """A skip for the first one that there is."""
        if why := unopened(member.kind, member.data):
            yield Skip(member.path, SkipReason.UNSUPPORTED, why)

    def glance(self, batch: Batch) -> Iterable[int]:
        """Where a signature is, and documents, whose encryption has none."""
        documents = {place for place, member in enumerate(batch.members) if member.kind == "ole"}
        ends = _engine(_ANY).ends(batch.data, _MOST).values()
        return documents | batch.holding(itertools.chain.from_iterable(ends))


class Watch:
    """Looks at a large member's windows on their way to the scanners, and keeps them where a spool is given.

    `found` says what a script carries and nobody opens, `zip` whether it ends as one, when it is closed.
    """

    def __init__(self, kind: str, spool: Spool | None = None) -> None:
        self._kind = kind
        self._spool = spool
        self._script: bool | None = None
        self._missing, self._tail = "", b""
        self.found = ""
        self.zip = False

    @property
    def file(self) -> BinaryIO | None:
        """All bytes for seeking, None where they were not kept."""
        return self._spool.file if self._spool is not None else None

    def see(self, window: bytes, fresh: int) -> None:
        """The next window: its last `fresh` bytes were not in the one before, with which it overlaps by a header."""
        self._look(window)
        self._missing = self._missing or missing(self._kind, window)
        new = memoryview(window)[len(window) - fresh :]
        self._tail = window[-_TAIL:] if len(window) >= _TAIL else (self._tail + new)[-_TAIL:]
        self._keep(new)

    def close(self) -> None:
        """That was all of it."""
        self.zip = ends_as_zip(self._tail, whole=False)
        if not self.zip and not self.found:
            self.found = self._missing

    def _look(self, data: bytes) -> None:
        if self._script is None:
            self._script = scripted(self._kind, data)
        if not self.found and self._script and payload(data) is not None:
            self.found = "the archive behind the script is not opened: it is too large"

    def _keep(self, block: memoryview) -> None:
        """Where there is no room, the member is scanned all the same, and its zip is not opened."""
        try:
            if self._spool is not None:
                self._spool.write(block)
        except LimitHit:
            self._spool = None
