"""Microsoft cabinets: members by libarchive, and what lies between the parts that it reads (MS-CAB).

Reserved areas are whoever's who made the cabinet; Windows keeps a signature there, and its bytes behind the end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from customhouse.inspect.formats import libarchive
from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.model import SkipReason

_HEADER, _FOLDER, _FILE, _DATA = 36, 8, 16, 8
_PREVIOUS, _NEXT, _RESERVED = 1, 2, 4
_NAME_MOST = 256


def entries(source: Source) -> Iterator[Entry]:
    """The members, what is reserved, and what belongs to nobody."""
    yield from libarchive.members(source)
    try:
        cabinet = _Cabinet(source)
    except struct.error as error:
        raise Corrupt("a cabinet that breaks off") from error
    if cabinet.reserved.strip(b"\0"):
        yield Entry("reserved", iter((bytes(cabinet.reserved),)), len(cabinet.reserved))
    if cabinet.uncovered:
        source.high("hidden-data", "unpacked bytes of no member")
        source.skip(SkipReason.UNSUPPORTED, "unpacked bytes of no member are not looked at")
    for start, size in source.unclaimed(cabinet.spans):
        if (start, size) == cabinet.signature:
            yield Entry("signature", source.blocks(start, size), size)
            continue
        behind = start >= cabinet.size
        source.high("trailing-data" if behind else "hidden-data", f"{size:,} bytes of no member")
        yield Entry("trailing-data" if behind else f"hidden-data-{start}", source.blocks(start, size), size)


class _Cabinet:
    """Where the parts of a cabinet lie, and what its reserved areas hold."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.reserved = bytearray()
        self.signature = (0, 0)
        self.size, files, folders, members, flags = struct.unpack("<8xL4xL6xHHH4x", source.at(0, _HEADER))
        place, per_folder, per_data = self._head(flags)
        self._blocks = source.size // _DATA
        self._parts: list[list[tuple[int, int]]] = [[] for _ in range(folders)]
        self.uncovered = False
        self.spans = [(0, place + folders * (_FOLDER + per_folder)), (files, self._files(files, members))]
        for parts in self._parts:
            start, count = struct.unpack("<LH2x", source.at(place, _FOLDER))
            self.reserved += source.at(place + _FOLDER, per_folder)
            end, unpacked = self._data(start, count, per_data)
            self.spans.append((start, end))
            self.uncovered |= _covered(parts) < unpacked
            place += _FOLDER + per_folder

    def _head(self, flags: int) -> tuple[int, int, int]:
        """Where the folders begin, and how much is reserved for each, and for each block of data."""
        place, sizes = _HEADER, (0, 0, 0)
        if flags & _RESERVED:
            sizes = struct.unpack("<HBB", self._source.at(place, 4))
            self.reserved += self._source.at(place + 4, sizes[0])
            place += 4 + sizes[0]
            if sizes[0] == 20:  # noqa: PLR2004 -- the size that signers reserve
                self.signature = struct.unpack("<4xLL8x", self.reserved)
        for _ in range(2 * (flags & _PREVIOUS) + (flags & _NEXT)):
            place += len(self._text(place))
        return place, sizes[1], sizes[2]

    def _files(self, place: int, count: int) -> int:
        """Where the list of members ends."""
        for _ in range(count):
            size, start, folder = struct.unpack("<LLH6x", self._source.at(place, _FILE))
            if folder < len(self._parts):
                self._parts[folder].append((start, start + size))
            place += _FILE + len(self._text(place + _FILE))
        return place

    def _data(self, place: int, count: int, reserved: int) -> tuple[int, int]:
        """Where a folder's blocks of data end, and how many bytes they are unpacked."""
        self._blocks -= count
        if self._blocks < 0:
            raise Corrupt("more blocks of data than there is room for", "overlap")
        unpacked = 0
        for _ in range(count):
            size, out = struct.unpack("<4xHH", self._source.at(place, _DATA))
            unpacked += out
            self.reserved += self._source.at(place + _DATA, reserved)
            place += _DATA + reserved + size
        return place, unpacked

    def _text(self, place: int) -> bytes:
        """A text with the zero at its end."""
        text, zero, _ = self._source.at(place, _NAME_MOST).partition(b"\0")
        if not zero:
            raise Corrupt("a name that does not end", "nul-name")
        return text + zero


def _covered(parts: list[tuple[int, int]]) -> int:
    """How many bytes from the first on belong to members without a gap."""
    end = 0
    for start, stop in sorted(parts):
        if start > end:
            break
        end = max(end, stop)
    return end
