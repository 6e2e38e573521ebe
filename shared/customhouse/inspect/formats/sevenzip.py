"""7z: solid folders are inflated once, front to back, and cut into their members as they come."""

from __future__ import annotations

import bz2
import lzma
import stat
import struct
import zlib
from collections.abc import Callable, Iterator

from isal import isal_zlib

from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Type, Unopened
from customhouse.inspect.formats.sevenzip_header import (
    ENCODED,
    FILES,
    HEADER,
    STREAMS,
    Bytes,
    File,
    Folder,
    Streams,
    files,
    streams,
)
from customhouse.inspect.formats.streams import BAD_DEFLATE, Inflater, Standard, Zlib, inflate
from customhouse.inspect.formats.zstd import frames
from customhouse.inspect.reader import Reader
from customhouse.model import SkipReason

_MAGIC_SIZE = 32
_AES, _COPY = b"\x06\xf1\x07\x01", b"\x00"
_TYPES: dict[int, Type] = {stat.S_IFLNK: "symlink", stat.S_IFDIR: "folder", stat.S_IFREG: "file", 0: "file"}
_LINK_MOST = 1 << 16
_OVERHEAD = 1024
"""Bytes that a compressor's own tables and padding may take where nothing is packed."""
_BAD: tuple[type[Exception], ...] = (*BAD_DEFLATE, lzma.LZMAError, OSError, EOFError)

Step = Callable[[Source, Iterator[bytes], bytes, int], Iterator[bytes]]
"""Undoes one coder: takes packed blocks, its properties and the unpacked size."""


def entries(source: Source) -> Iterator[Entry]:
    """The members in the order of their bytes; what lies behind the header is one more."""
    start, size, crc = struct.unpack("<QQL", source.at(12, 20))
    end = _MAGIC_SIZE + start + size
    if size > source.limits.directory:
        raise Unopened(SkipReason.LIMIT, f"a header of {size:,} bytes")
    data = source.at(_MAGIC_SIZE + start, size)
    if len(data) < size or (size and zlib.crc32(data) != crc):
        raise Corrupt("a header that is not there, or has another checksum")
    spans = [(0, _MAGIC_SIZE), (_MAGIC_SIZE + start, end)]
    found, members = _header(source, data, spans) if size else (Streams(), [])
    yield from _members(source, found, members)
    if end < source.size:
        source.high("trailing-data", "bytes follow the end of the archive")
        yield Entry("trailing-data", source.blocks(end, source.size - end), source.size - end)
    spans += [_span(found), (end, source.size)]
    for place, length in source.unclaimed(spans):
        source.high("hidden-data", f"{length:,} bytes of no member")
        yield Entry(f"hidden-data-{place}", source.blocks(place, length), length)
    if found.packed and _span(found)[1] > _MAGIC_SIZE + start:
        source.high("overlap", "packed streams and header share bytes")


def _span(found: Streams) -> tuple[int, int]:
    """Where the packed streams begin and end."""
    return _MAGIC_SIZE + found.start, _MAGIC_SIZE + found.start + sum(found.packed)


def _header(source: Source, data: bytes, spans: list[tuple[int, int]]) -> tuple[Streams, list[File]]:
    """The header, unpacked where it is packed itself (at most twice, as no writer does more)."""
    header = Bytes(data)
    for _ in range(3):
        kind = header.number()
        if kind == HEADER:
            return _plain(header)
        if kind != ENCODED:
            break
        found = streams(header)
        if len(found.folders) != 1 or len(found.packed) != 1:
            break
        folder = found.folders[0]
        if folder.size > source.limits.directory:
            raise Unopened(SkipReason.LIMIT, f"a header of {folder.size:,} bytes")
        spans.append(_span(found))
        header = Bytes(b"".join(_unpack(source, folder, _MAGIC_SIZE + found.start, found.packed[0])))
    raise Corrupt("a malformed header")


def _plain(header: Bytes) -> tuple[Streams, list[File]]:
    found, members = Streams(), []
    while kind := header.number():
        if kind == STREAMS:
            found = streams(header)
        elif kind == FILES:
            members = files(header)
        else:
            raise Corrupt("an unknown part of the header")
    return found, members


def _members(source: Source, found: Streams, members: list[File]) -> Iterator[Entry]:
    source.listing = [member.name for member in members]
    source.listed = True
    full = iter([member for member in members if member.data])
    offset, packed = _MAGIC_SIZE + found.start, iter(found.packed)
    for folder in found.folders:
        sizes = [next(packed, -1) for _ in range(folder.packed)]
        if min(sizes) < 0:
            raise Corrupt("a folder without its packed stream", "lying-size")
        yield from _cut(source, folder, (offset, sum(sizes)), full)
        offset += sum(sizes)
    if (lost := next(full, None)) is not None:
        source.high("lying-size", "a member with bytes that are not there", lost.name)
        source.skip(SkipReason.CORRUPT, "its bytes are not there", lost.name)
    for member in members:
        if not member.data:
            yield Entry(member.name, iter(()) if not member.folder else None, 0, "folder" if member.folder else "file")


def _cut(source: Source, folder: Folder, place: tuple[int, int], full: Iterator[File]) -> Iterator[Entry]:
    """One folder's members; after an error in one, the others of the folder cannot be had."""
    why = _unreadable(folder)
    if place[1] > _most(folder):
        source.high("hidden-data", f"{place[1]:,} packed bytes for {folder.size:,} unpacked ones")
    reader = Reader(() if why else _unpack(source, folder, *place))
    position = 0
    for size, crc in folder.parts:
        member = next(full, None)
        if member is None:
            source.high("hidden-member", "a packed stream that no name belongs to")
            member = File("unnamed")
        entry = _entry(member, size)
        position += size
        if why:
            entry.skip = why
        else:
            if entry.type == "symlink":  # readers without links make it a file: its bytes are scanned too
                entry.link = reader.peek(min(size, _LINK_MOST)).decode("utf-8", "surrogateescape")
            entry.data = _checked(source, reader, size, crc, member.name)
            entry.consumed = lambda: place[1]
        yield entry
        reader.skip(position - reader.position)


def _most(folder: Folder) -> int:
    """How many packed bytes its members can account for: what packs nothing costs a little."""
    if not folder.parts:
        return 0
    copied = all(coder.method == _COPY for coder in folder.coders)
    return folder.size if copied else folder.size + folder.size // 8 + _OVERHEAD


def _entry(member: File, size: int) -> Entry:
    mode = member.attributes >> 16 if member.attributes & 0x8000 else 0
    return Entry(member.name, None, size, _TYPES.get(stat.S_IFMT(mode), "device"), mode)


def _checked(source: Source, reader: Reader, size: int, crc: int | None, name: str) -> Iterator[bytes]:
    found = 0
    for block in reader.blocks(size):
        found = isal_zlib.crc32(block, found)
        yield block
    if crc is not None and found != crc:
        source.high("bad-checksum", "its bytes have another checksum than stated", name)


def _unreadable(folder: Folder) -> tuple[SkipReason, str] | None:
    if any(coder.method == _AES for coder in folder.coders):
        return SkipReason.ENCRYPTED, "encrypted"
    strange = [coder.method.hex() for coder in folder.coders if coder.method not in _STEPS]
    if strange or not folder.linear or folder.packed != 1:
        return SkipReason.UNSUPPORTED, f"compression method {', '.join(strange) or 'with several streams'}"
    return None


def _unpack(source: Source, folder: Folder, offset: int, packed: int) -> Iterator[bytes]:
    """Exactly the folder's unpacked bytes; fewer only with Corrupt."""
    if why := _unreadable(folder):
        raise Unopened(*why)
    if offset + packed > source.size:
        raise Corrupt("a packed stream beyond the archive's end", "lying-size")
    blocks = source.blocks(offset, packed, 1 << 16)
    for coder in reversed(folder.coders):
        blocks = _STEPS[coder.method](source, blocks, coder.properties, folder.size)
    left = folder.size
    try:
        for block in blocks:
            yield block[:left]
            left -= min(left, len(block))
            if not left:
                return
    except _BAD as error:
        raise Corrupt(f"bad compressed data: {error}") from error
    if left:
        raise Corrupt(f"{left:,} bytes fewer than stated", "lying-size")


def _raw(filters: dict[str, int], source: Source, blocks: Iterator[bytes]) -> Iterator[bytes]:
    if filters["dict_size"] > source.limits.dictionary:
        raise Unopened(SkipReason.LIMIT, f"a dictionary of {filters['dict_size']:,} bytes")
    stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[filters])
    while not stream.eof:
        data = next(blocks, b"") if stream.needs_input else b""
        if out := stream.decompress(data, 1 << 20):
            yield out
        elif not data:
            return


def _lzma1(source: Source, blocks: Iterator[bytes], properties: bytes, size: int) -> Iterator[bytes]:
    if len(properties) != 5 or properties[0] >= 9 * 5 * 5:  # noqa: PLR2004 -- lc, lp and pb in one byte, then the dictionary
        raise Corrupt("malformed LZMA properties")
    value = properties[0]
    dictionary = min(int.from_bytes(properties[1:], "little"), max(size, 4096))
    filters = {"id": lzma.FILTER_LZMA1, "lc": value % 9, "lp": value // 9 % 5, "pb": value // 45}
    return _raw(filters | {"dict_size": max(dictionary, 4096)}, source, blocks)


def _lzma2(source: Source, blocks: Iterator[bytes], properties: bytes, size: int) -> Iterator[bytes]:
    if len(properties) != 1 or properties[0] > 40:  # noqa: PLR2004 -- 4 GiB
        raise Corrupt("malformed LZMA2 properties")
    value = properties[0]
    dictionary = (2 | value & 1) << (value // 2 + 11)
    return _raw({"id": lzma.FILTER_LZMA2, "dict_size": max(4096, min(dictionary, size))}, source, blocks)


def _copy(source: Source, blocks: Iterator[bytes], properties: bytes, size: int) -> Iterator[bytes]:  # noqa: ARG001 -- a Step
    return blocks


def _delta(source: Source, blocks: Iterator[bytes], properties: bytes, size: int) -> Iterator[bytes]:  # noqa: ARG001 -- a Step
    distance = (properties[0] if properties else 0) + 1
    history = bytearray(distance)
    place = 0
    for block in blocks:
        out = bytearray(block)
        for at, byte in enumerate(out):
            out[at] = history[place] = byte + history[place] & 0xFF
            place = (place + 1) % distance
        yield bytes(out)


def _bcj(name: str) -> Step:
    def run(source: Source, blocks: Iterator[bytes], properties: bytes, size: int) -> Iterator[bytes]:  # noqa: ARG001 -- a Step
        import bcj  # noqa: PLC0415 -- rare

        decoder = getattr(bcj, name)(size)
        for block in blocks:
            yield decoder.decode(block)
        yield decoder.decode(b"")

    return run


def _simple(new: Callable[[], Inflater]) -> Step:
    def run(source: Source, blocks: Iterator[bytes], properties: bytes, size: int) -> Iterator[bytes]:  # noqa: ARG001 -- a Step
        return inflate(Reader(blocks), new, lambda _: False)

    return run


def _zstd(source: Source, blocks: Iterator[bytes], properties: bytes, size: int) -> Iterator[bytes]:  # noqa: ARG001 -- a Step
    return frames(Reader(blocks), source.limits)


_STEPS: dict[bytes, Step] = {
    _COPY: _copy,
    b"\x21": _lzma2,
    b"\x03\x01\x01": _lzma1,
    b"\x03": _delta,
    b"\x04": _bcj("BCJDecoder"),
    b"\x03\x03\x01\x03": _bcj("BCJDecoder"),
    b"\x03\x03\x02\x05": _bcj("PPCDecoder"),
    b"\x03\x03\x05\x01": _bcj("ARMDecoder"),
    b"\x03\x03\x07\x01": _bcj("ARMTDecoder"),
    b"\x03\x03\x08\x05": _bcj("SparcDecoder"),
    b"\x04\x01\x08": _simple(lambda: Zlib(-15)),
    b"\x04\x02\x02": _simple(lambda: Standard(bz2.BZ2Decompressor())),
    b"\x04\xf7\x11\x01": _zstd,
}
