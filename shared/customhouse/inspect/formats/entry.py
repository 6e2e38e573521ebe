"""What a format says about one member, and how it says that something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal

import msgspec

from customhouse.inspect.ledger import Ledger
from customhouse.inspect.limits import Limits
from customhouse.inspect.names import printable
from customhouse.inspect.reader import Reader
from customhouse.inspect.section import part
from customhouse.model import Severity, SkipReason

Type = Literal["file", "folder", "symlink", "hardlink", "device"]


class Corrupt(Exception):  # noqa: N818 -- bad bytes are no error of ours
    """Bytes that are not what the format says; `rule` names a finding where readers could disagree about them."""

    def __init__(self, detail: str, rule: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.rule = rule


class Unopened(Exception):  # noqa: N818 -- an honest skip is no error of ours
    """A container, or the rest of it, that cannot be opened, and why."""

    def __init__(self, reason: SkipReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Entry(msgspec.Struct):
    """One member as its container lists it.

    `data` are its inflated bytes, None where it has none; they are taken before the next entry is asked for. `size`
    is the stated size where there is one, `consumed` the packed bytes read for it so far where it is compressed.
    `open` gives them as a file where they lie on a disk as they are. `skip` says why they cannot be had. `transparent`
    is the one content of a compressed file, `leading` what stands in front of the container and may carry it.
    """

    name: str
    data: Iterator[bytes] | None = None
    size: int | None = None
    type: Type = "file"
    mode: int = 0
    link: str = ""
    consumed: Callable[[], int] | None = None
    open: Callable[[], BinaryIO | None] | None = None
    skip: tuple[SkipReason, str] | None = None
    transparent: bool = False
    leading: bool = False


@dataclass(slots=True)
class Source:
    """A container's bytes: `reader` from front to back, or `file` of `size` bytes for formats that seek.

    For the others it is empty, or holds what `reader` gives.
    """

    path: str
    name: str
    limits: Limits
    ledger: Ledger
    reader: Reader
    file: BinaryIO
    size: int = 0
    broken: bool = False
    listing: list[str] = field(default_factory=list)
    listed: bool = False

    def take_listing(self) -> list[str]:
        """All names, once, where a format knows them before its first entry."""
        names, self.listing = self.listing, []
        return names

    def at(self, offset: int, size: int) -> bytes:
        """`size` bytes from `offset`, fewer at the end."""
        if offset < 0 or offset > self.size:
            return b""
        self.file.seek(offset)
        return self.file.read(size)

    def blocks(self, offset: int, size: int, block: int = 1 << 18) -> Iterator[bytes]:
        """`size` bytes from `offset` in blocks."""
        while size > 0 and (piece := self.at(offset, min(block, size))):
            yield piece
            offset += len(piece)
            size -= len(piece)

    def part(self, offset: int, size: int) -> BinaryIO | None:
        """`size` bytes from `offset` as a file; None where they do not lie on a disk."""
        return part(self.file, offset, size)

    def unclaimed(self, spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Offset and size of what lies in none of `spans` (start, end) and is not all zeros."""
        place = 0
        for start, end in (*sorted(spans), (self.size, self.size)):
            if start > place and any(block.strip(b"\0") for block in self.blocks(place, start - place)):
                yield place, start - place
            place = max(place, end)

    def high(self, rule: str, message: str, member: str = "") -> None:
        """A finding about which readers could disagree, or that harms who unpacks it."""
        self.finding(rule, Severity.HIGH, message, member)

    def finding(self, rule: str, severity: Severity, message: str, member: str = "") -> None:
        """A finding about the container or one of its members."""
        self.ledger.finding(rule, severity, self.inside(member), message)

    def skip(self, reason: SkipReason, detail: str, member: str = "") -> None:
        """A part that was not looked at."""
        self.ledger.skip(self.inside(member), reason, detail)

    def inside(self, member: str) -> str:
        """The path of a member of this container."""
        return f"{self.path}!/{printable(member)}" if member else self.path
