"""How a zip packs its members (APPNOTE 6.3.10, 4.4.5): their bytes as they inflate."""

from __future__ import annotations

import bz2
import lzma
from collections.abc import Callable, Iterator

import zstandard
from isal import isal_zlib

from customhouse.inspect.formats.entry import Corrupt, Source
from customhouse.inspect.formats.streams import BAD_DEFLATE, Inflater, Standard, Zlib
from customhouse.inspect.formats.zip_records import Placed

STORED, _IMPLODE, _DEFLATE, _DEFLATE64, _BZIP2, _LZMA, _ZSTD, _XZ = 0, 6, 8, 9, 12, 14, 93, 95
BAD: tuple[type[Exception], ...] = (*BAD_DEFLATE, OSError, EOFError, lzma.LZMAError, zstandard.ZstdError, ValueError)
"""What inflating bad data raises."""
_OUT = 1 << 20


def at_once(member: Placed) -> bytes:
    """A small member's bytes if they are what its headers say; if not, reading them block by block tells why."""
    record = member.record
    if len(member.packed) != record.packed or record.method != _DEFLATE or record.size > _OUT:
        return b""
    stream = isal_zlib.decompressobj(wbits=-15)
    try:
        data: bytes = stream.decompress(member.packed, record.size + 1)
    except BAD_DEFLATE:
        return b""
    whole = stream.eof and not stream.unused_data and len(data) == record.size
    return data if whole and isal_zlib.crc32(data) == record.crc else b""


def _stored(source: Source, member: Placed) -> Iterator[bytes]:
    return source.blocks(member.data, member.record.packed)


def _stream(new: Callable[[Source], Inflater]) -> Callable[[Source, Placed], Iterator[bytes]]:
    """A method whose stream has an end of its own: exactly the stated bytes must have been used by then."""

    def run(source: Source, member: Placed) -> Iterator[bytes]:
        stream = new(source)
        used = 0
        for piece in source.blocks(member.data, member.record.packed, 64 << 10):
            if stream.eof:
                break
            used += len(piece)
            data = piece
            while not stream.eof and (data or not stream.hungry):
                block = stream.step(data, _OUT)
                data = b""
                if block:
                    yield block
        while not stream.eof and (block := stream.step(b"", _OUT)):
            yield block
        if not stream.eof:
            raise Corrupt("its compressed data breaks off", "lying-size")
        if used - len(stream.unused) != member.record.packed:
            source.high("lying-size", "its compressed data ends before the stated size", member.name)

    return run


def _lzma(source: Source, member: Placed) -> Iterator[bytes]:
    """Method 14: a four-byte header, the LZMA properties, then a stream with or without an end mark."""
    head = source.at(member.data, 9)
    if head[2:4] != b"\x05\0" or len(head) < 9:  # noqa: PLR2004 -- APPNOTE 5.8.8
        raise Corrupt("a malformed LZMA header")
    alone = head[4:9] + member.record.size.to_bytes(8, "little")
    if member.record.flags & 2:
        alone = head[4:9] + b"\xff" * 8
    stream = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=source.limits.dictionary)
    total = len(stream.decompress(alone, 0))
    for piece in source.blocks(member.data + 9, member.record.packed - 9, 64 << 10):
        block = stream.decompress(piece, _OUT)
        while block:
            total += len(block)
            yield block
            block = b"" if stream.eof or stream.needs_input else stream.decompress(b"", _OUT)
        if stream.eof:
            break


def _zstd(source: Source, member: Placed) -> Iterator[bytes]:
    from customhouse.inspect.formats.zstd import frames  # noqa: PLC0415 -- most zips have no such member
    from customhouse.inspect.reader import Reader  # noqa: PLC0415 -- as above

    return frames(Reader(source.blocks(member.data, member.record.packed)), source.limits)


def _deflate64(source: Source, member: Placed) -> Iterator[bytes]:
    """Method 9; the library has no bound on what one step puts out, so it gets small steps."""
    import inflate64  # noqa: PLC0415 -- rare

    stream = inflate64.Inflater()
    for piece in source.blocks(member.data, member.record.packed, 1 << 10):
        if block := stream.inflate(piece):
            yield block
    if not stream.eof:
        raise Corrupt("its compressed data breaks off", "lying-size")


def _imploded(source: Source, member: Placed) -> Iterator[bytes]:
    from customhouse.inspect.formats.implode import explode  # noqa: PLC0415 -- rare

    record = member.record
    return explode(source.blocks(member.data, record.packed), record.size, record.flags)


METHODS: dict[int, Callable[[Source, Placed], Iterator[bytes]]] = {
    STORED: _stored,
    _DEFLATE: _stream(lambda _: Zlib(-15)),
    _IMPLODE: _imploded,
    _DEFLATE64: _deflate64,
    _BZIP2: _stream(lambda _: Standard(bz2.BZ2Decompressor())),
    _LZMA: _lzma,
    _ZSTD: _zstd,
    _XZ: _stream(lambda source: Standard(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=source.limits.dictionary))),
}
