"""The header of a 7z archive (7zFormat.txt of the LZMA SDK); no count in it is believed beyond what bytes can hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from customhouse.inspect.formats.entry import Corrupt

END, HEADER, STREAMS, FILES, PACK, FOLDERS, SUBSTREAMS, SIZES, CRCS = 0, 1, 4, 5, 6, 7, 8, 9, 10
FOLDER, UNPACK_SIZES, COUNTS, EMPTY_STREAM, EMPTY_FILE, ANTI, NAMES, ATTRIBUTES, ENCODED = (
    11,
    12,
    13,
    14,
    15,
    16,
    17,
    21,
    23,
)
_CODERS_MOST = 32


class Bytes:
    """A header's bytes from front to back."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def left(self) -> int:
        """How many are left."""
        return len(self._data) - self._place

    def take(self, size: int) -> bytes:
        """`size` bytes; Corrupt where there are fewer."""
        if size > self.left:
            raise Corrupt("the header breaks off")
        self._place += size
        return self._data[self._place - size : self._place]

    def byte(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def number(self) -> int:
        """A number of one to nine bytes: the first byte's leading ones say how many follow."""
        first = self.byte()
        mask, value = 0x80, 0
        for place in range(8):
            if not first & mask:
                return value + ((first & (mask - 1)) << (8 * place))
            value |= self.byte() << (8 * place)
            mask >>= 1
        return value

    def count(self, most: int | None = None) -> int:
        """A number of things that each take at least one byte or bit of what is left."""
        value = self.number()
        if value > (self.left * 8 if most is None else most):
            raise Corrupt(f"a header that counts {value:,} things in {self.left:,} bytes", "lying-size")
        return value

    def bits(self, count: int) -> list[bool]:
        """`count` bits, the highest first."""
        data = self.take((count + 7) // 8)
        return [bool(data[place >> 3] & 0x80 >> (place & 7)) for place in range(count)]

    def optional_bits(self, count: int) -> list[bool]:
        """`count` bits, or one byte that says all are set."""
        return [True] * count if self.byte() else self.bits(count)

    def digests(self, count: int) -> list[int | None]:
        """Checksums where they are defined."""
        return [int.from_bytes(self.take(4), "little") if there else None for there in self.optional_bits(count)]


@dataclass(slots=True)
class Coder:
    """One step of decompression: its method and properties."""

    method: bytes
    properties: bytes


@dataclass(slots=True)
class Folder:
    """A packed stream and the steps to unpack it, the last to be applied first; `linear` where it is one chain."""

    coders: list[Coder]
    outputs: int
    packed: int
    main: int
    linear: bool
    sizes: list[int] = field(default_factory=list)
    crc: int | None = None
    parts: list[tuple[int, int | None]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Bytes of the unpacked stream."""
        return self.sizes[self.main]


@dataclass(slots=True)
class Streams:
    """Where packed streams lie and what they unpack to."""

    start: int = 0
    packed: list[int] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)


@dataclass(slots=True)
class File:
    """A member: `data` tells whether it has bytes."""

    name: str = ""
    data: bool = True
    folder: bool = False
    attributes: int = 0


def streams(data: Bytes) -> Streams:
    """The description of packed streams, as in the main header and for a packed header."""
    found = Streams()
    parts = False
    while (kind := data.number()) != END:
        if kind == PACK:
            _pack(data, found)
        elif kind == FOLDERS:
            _folders(data, found)
        elif kind == SUBSTREAMS:
            _parts(data, found)
            parts = True
        else:
            raise Corrupt("an unknown part of the header")
    if not parts:
        for folder in found.folders:
            folder.parts = [(folder.size, folder.crc)]
    return found


def _pack(data: Bytes, found: Streams) -> None:
    found.start = data.number()
    count = data.count()
    while (kind := data.number()) != END:
        if kind == SIZES:
            found.packed = [data.number() for _ in range(count)]
        elif kind == CRCS:
            data.digests(count)
        else:
            raise Corrupt("an unknown part of the header")


def _folders(data: Bytes, found: Streams) -> None:
    if data.number() != FOLDER:
        raise Corrupt("a header without its folders")
    count = data.count()
    if data.byte():
        raise Corrupt("a header that is kept elsewhere")
    found.folders = [_folder(data) for _ in range(count)]
    if data.number() != UNPACK_SIZES:
        raise Corrupt("a header without unpacked sizes")
    for folder in found.folders:
        folder.sizes = [data.number() for _ in range(folder.outputs)]
    while (kind := data.number()) != END:
        if kind != CRCS:
            raise Corrupt("an unknown part of the header")
        for folder, crc in zip(found.folders, data.digests(count), strict=True):
            folder.crc = crc


def _folder(data: Bytes) -> Folder:
    coders, simple, inputs, outputs = [], True, 0, 0
    for _ in range(data.count(_CODERS_MOST)):
        flags = data.byte()
        method = data.take(flags & 15)
        ins, outs = (data.count(_CODERS_MOST), data.count(_CODERS_MOST)) if flags & 0x10 else (1, 1)
        simple = simple and ins == outs == 1
        inputs, outputs = inputs + ins, outputs + outs
        coders.append(Coder(method, data.take(data.count()) if flags & 0x20 else b""))
    if not outputs:
        raise Corrupt("a folder without coders")
    pairs = [(data.number(), data.number()) for _ in range(outputs - 1)]
    packed = inputs - len(pairs)
    if packed > 1:
        for _ in range(packed):
            data.number()
    main = next(iter(set(range(outputs)) - {out for _, out in pairs}), -1)
    if main < 0:
        raise Corrupt("a folder whose coders go in a circle")
    order, linear = _chain(main, pairs, outputs) if simple else ([], False)
    return Folder([coders[place] for place in order] or coders, outputs, packed, main, linear)


def _chain(main: int, pairs: list[tuple[int, int]], count: int) -> tuple[list[int], bool]:
    """Coders from the unpacked end to the packed one."""
    feeds = dict(pairs)
    order = [main]
    while order[-1] in feeds and len(order) <= count:
        order.append(feeds[order[-1]])
    good = len(order) == count and all(place < count for place in order)
    return (order, True) if good else ([], False)


def _parts(data: Bytes, found: Streams) -> None:
    counts = [1] * len(found.folders)
    kind = data.number()
    if kind == COUNTS:
        counts = [data.count(1 << 24) for _ in found.folders]
        kind = data.number()
    if sum(counts) > data.left * 8 + len(counts):
        raise Corrupt(f"a header that counts {sum(counts):,} streams", "lying-size")
    sizes = [
        _part_sizes(data, folder, count, told=kind == SIZES)
        for folder, count in zip(found.folders, counts, strict=True)
    ]
    if kind == SIZES:
        kind = data.number()
    unknown = [
        f for f, count in zip(found.folders, counts, strict=True) for _ in range(count) if count != 1 or f.crc is None
    ]
    digests: list[int | None] = [None] * len(unknown)
    while kind != END:
        if kind == CRCS:
            digests = data.digests(len(unknown))
        else:
            raise Corrupt("an unknown part of the header")
        kind = data.number()
    rest = iter(digests)
    for folder, own in zip(found.folders, sizes, strict=True):
        known = len(own) == 1 and folder.crc is not None
        folder.parts = [(size, folder.crc if known else next(rest)) for size in own]


def _part_sizes(data: Bytes, folder: Folder, count: int, *, told: bool) -> list[int]:
    """Sizes of the streams in a folder: all are stated but the last, which is the rest."""
    if not count:
        return []
    sizes = [data.number() for _ in range(count - 1)] if told else []
    rest = folder.size - sum(sizes)
    if rest < 0 or len(sizes) != count - 1:
        raise Corrupt("streams larger than their folder", "lying-size")
    return [*sizes, rest]


def files(data: Bytes) -> list[File]:
    """The members' names, types and attributes."""
    count = data.count(data.left // 2)
    found = [File() for _ in range(count)]
    empty: list[File] = []
    while (kind := data.number()) != END:
        part = Bytes(data.take(data.number()))
        if kind == EMPTY_STREAM:
            for file, without in zip(found, part.bits(count), strict=True):
                file.data, file.folder = not without, without
            empty = [file for file in found if not file.data]
        elif kind == EMPTY_FILE:
            for file, is_file in zip(empty, part.bits(len(empty)), strict=True):
                file.folder = not is_file
        elif kind == NAMES:
            _read_names(part, found)
        elif kind == ATTRIBUTES:
            _read_attributes(part, found)
    return found


def _read_names(part: Bytes, found: list[File]) -> None:
    if part.byte():
        raise Corrupt("names that are kept elsewhere")
    names = part.take(part.left).decode("utf-16-le", "surrogatepass").split("\0")
    if len(names) != len(found) + 1 or names[-1]:
        raise Corrupt("another number of names than of members", "lying-size")
    for file, name in zip(found, names, strict=False):
        file.name = name


def _read_attributes(part: Bytes, found: list[File]) -> None:
    there = part.optional_bits(len(found))
    if part.byte():
        raise Corrupt("attributes that are kept elsewhere")
    for file, known in zip(found, there, strict=True):
        if known:
            file.attributes = int.from_bytes(part.take(4), "little")


Unpack = Callable[[Folder, int, int], bytes]
"""Unpacks a small folder whose packed bytes lie at an offset."""
