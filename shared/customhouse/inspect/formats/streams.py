"""Compressed files that hold one thing: gzip, bzip2, xz, lzma, lz4, brotli; several streams in a row are one file."""

from __future__ import annotations

import bz2
import lzma as _lzma
import struct
import zlib as _zlib
from collections.abc import Callable, Iterator
from typing import Protocol, cast

import brotli as _brotli
from isal import igzip_lib, isal_zlib
from lz4 import frame as _lz4

from customhouse.inspect.formats import skippable
from customhouse.inspect.formats.entry import Corrupt, Entry, Source, Unopened
from customhouse.inspect.reader import Reader
from customhouse.model import SkipReason

BAD_DEFLATE: tuple[type[Exception], ...] = (_zlib.error, cast("type[Exception]", igzip_lib.IsalError))
"""What inflating bad data raises."""
_LZ4 = b"\x04\x22\x4d\x18"
_IN = 64 << 10
_OUT = 1 << 20
_METADATA = 1024
"""Bytes that a Brotli file may have beside what its content accounts for."""
_SUFFIXES = {".tgz": ".tar", ".tbz2": ".tar", ".tbz": ".tar", ".txz": ".tar", ".tzst": ".tar", ".crate": ".tar"}


class Inflater(Protocol):
    """One compressed stream: at most `most` bytes per step, whatever the input would expand to."""

    def step(self, data: bytes, most: int) -> bytes:
        """Inflate; `data` is empty while the last input is not used up."""
        ...

    @property
    def eof(self) -> bool:
        """Whether the stream has ended."""
        ...

    @property
    def hungry(self) -> bool:
        """Whether the next step needs input."""
        ...

    @property
    def unused(self) -> bytes:
        """Input after the stream's end."""
        ...


class Zlib:
    """DEFLATE with zlib's, gzip's or no wrapper (`bits` as zlib's wbits)."""

    def __init__(self, bits: int) -> None:
        self._object = isal_zlib.decompressobj(wbits=bits)

    def step(self, data: bytes, most: int) -> bytes:
        """As `Inflater.step`."""
        out: bytes = self._object.decompress(data or self._object.unconsumed_tail, most)
        return out

    @property
    def eof(self) -> bool:
        """As `Inflater.eof`."""
        return bool(self._object.eof)

    @property
    def hungry(self) -> bool:
        """As `Inflater.hungry`."""
        return not self._object.unconsumed_tail

    @property
    def unused(self) -> bytes:
        """As `Inflater.unused`."""
        return bytes(self._object.unused_data)


class Standard:
    """The decompressors that follow the standard library's pattern: bz2, lzma, lz4."""

    def __init__(self, decompressor: bz2.BZ2Decompressor | _lzma.LZMADecompressor | _lz4.LZ4FrameDecompressor) -> None:
        self._object = decompressor

    def step(self, data: bytes, most: int) -> bytes:
        """As `Inflater.step`."""
        return bytes(self._object.decompress(data, most))

    @property
    def eof(self) -> bool:
        """As `Inflater.eof`."""
        return bool(self._object.eof)

    @property
    def hungry(self) -> bool:
        """As `Inflater.hungry`."""
        return bool(self._object.needs_input)

    @property
    def unused(self) -> bytes:
        """As `Inflater.unused`."""
        return bytes(self._object.unused_data or b"")


def inflate(reader: Reader, new: Callable[[], Inflater], more: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Inflate stream after stream while `more` says of what follows that it is another one."""
    while True:
        stream = new()
        while not stream.eof:
            data = reader.read(_IN) if stream.hungry else b""
            out = stream.step(data, _OUT)
            if out:
                yield out
            elif not data and not stream.eof:
                raise Corrupt("the compressed data breaks off")
        reader.give_back(stream.unused)
        if not more(reader.peek(12)):
            return


def content(source: Source, blocks: Iterator[bytes], name: str = "") -> Iterator[Entry]:
    """The one entry of a compressed file, named like the file without its last suffix unless it has a name."""
    base = source.name.rpartition("/")[2]
    stem, dot, suffix = base.rpartition(".")
    if not name:
        name = stem + _SUFFIXES.get(dot + suffix.lower(), "") if dot and stem else f"{base or 'data'}.content"
    start = source.reader.position
    yield Entry(name, _followed(source, blocks), consumed=lambda: source.reader.position - start, transparent=True)


def _followed(source: Source, blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Mark the source broken until the blocks came to their end: only then can what follows be told."""
    source.broken = True
    yield from blocks
    source.broken = False


def zlib(source: Source) -> Iterator[Entry]:
    """RFC 1950, as joblib and Git write it; known by two bytes only, so what follows is a skip and no accusation."""

    def blocks() -> Iterator[bytes]:
        yield from inflate(source.reader, lambda: Zlib(15), lambda _: False)
        if source.reader.peek(1):
            source.skip(SkipReason.UNSUPPORTED, "what follows the compressed data is not looked at")
            source.reader.skip_all()

    return content(source, as_corrupt(blocks(), BAD_DEFLATE), source.name.rpartition("/")[2] or "data")


def bzip2(source: Source) -> Iterator[Entry]:
    """The bzip2 format, several streams too."""
    blocks = inflate(source.reader, lambda: Standard(bz2.BZ2Decompressor()), lambda head: head.startswith(b"BZh"))
    return content(source, as_corrupt(blocks, (OSError, ValueError)))


def xz(source: Source) -> Iterator[Entry]:
    """The xz format with its stream padding (zeros in fours)."""

    def new() -> Inflater:
        return Standard(_lzma.LZMADecompressor(_lzma.FORMAT_XZ, memlimit=source.limits.dictionary))

    def more(head: bytes) -> bool:
        while head.startswith(bytes(4)):
            head = source.reader.peek(_IN)
            source.reader.read((len(head) - len(head.lstrip(b"\0"))) // 4 * 4)
            head = source.reader.peek(6)
        return head.startswith(b"\xfd7zXZ")

    return content(source, as_corrupt(inflate(source.reader, new, more), (_lzma.LZMAError,)))


def lzma(source: Source) -> Iterator[Entry]:
    """The older .lzma format; it has no end mark of its own where the size is stated."""

    def new() -> Inflater:
        return Standard(_lzma.LZMADecompressor(_lzma.FORMAT_ALONE, memlimit=source.limits.dictionary))

    return content(source, as_corrupt(inflate(source.reader, new, lambda _: False), (_lzma.LZMAError,)))


def lzip(source: Source) -> Iterator[Entry]:
    """The lzip format (https://www.nongnu.org/lzip/manual/lzip_manual.html#File-format), several members too."""
    return content(source, as_corrupt(_lzip_members(source), (_lzma.LZMAError,)))


def _lzip_members(source: Source) -> Iterator[bytes]:
    reader = source.reader
    while True:
        start = reader.position
        new = _lzip_decoder(source, reader.read(6)[5:])
        total = crc = 0
        for block in inflate(reader, new, lambda _: False):
            total, crc = total + len(block), isal_zlib.crc32(block, crc)
            yield block
        end = struct.pack("<IQQ", crc, total, reader.position + 20 - start)
        if reader.read(20) != end:
            raise Corrupt("its end says something else than what is there", "bad-checksum")
        if not reader.peek(5).startswith(b"LZIP\x01"):
            return


def _lzip_decoder(source: Source, code: bytes) -> Callable[[], Inflater]:
    """For a dictionary of the coded size: a power of two less some sixteenths of it."""
    whole = 1 << (code[0] & 31) if code else 0
    size = whole - (whole >> 4) * (code[0] >> 5) if code else 0
    if not 1 << 12 <= size <= 1 << 29:
        raise Corrupt("a dictionary of no possible size")
    if size > source.limits.dictionary:
        raise Unopened(SkipReason.LIMIT, "its dictionary needs more memory than is allowed")
    filters = [{"id": _lzma.FILTER_LZMA1, "dict_size": size, "lc": 3, "lp": 0, "pb": 2}]
    return lambda: Standard(_lzma.LZMADecompressor(_lzma.FORMAT_RAW, filters=filters))


def lz4(source: Source) -> Iterator[Entry]:
    """The LZ4 frame format, several frames too; what skippable frames hold is a member of its own."""
    yield from skippable.entries(source)
    between = skippable.Between(source.reader)

    def more(_: bytes) -> bool:
        between.take()
        return source.reader.peek(4) == _LZ4

    blocks = inflate(source.reader, lambda: Standard(_lz4.LZ4FrameDecompressor()), more)
    yield from content(source, as_corrupt(blocks, (RuntimeError,)))
    yield from between.entries()
    yield from skippable.entries(source)


def brotli(source: Source) -> Iterator[Entry]:
    """RFC 7932, which has neither magic number nor checksum: told by the name alone."""

    def blocks() -> Iterator[bytes]:
        stream = _brotli.Decompressor()
        start, total = source.reader.position, 0
        while not stream.is_finished():
            data = source.reader.read(_IN) if stream.can_accept_more_data() else b""
            if not data and stream.can_accept_more_data():
                raise Corrupt("the compressed data breaks off")
            if out := stream.process(data, output_buffer_limit=_OUT):
                total += len(out)
                yield out
        if source.reader.position - start > total + total // 8 + _METADATA:
            raise Corrupt(
                "far more bytes than its content takes: readers pass over what is called metadata", "hidden-data"
            )

    return content(source, as_corrupt(blocks(), (_brotli.error,)))


def as_corrupt(blocks: Iterator[bytes], errors: tuple[type[Exception], ...]) -> Iterator[bytes]:
    """Say a library's complaint in our words; one about memory is a limit."""
    try:
        yield from blocks
    except errors as error:
        if "emory" in str(error):
            raise Unopened(SkipReason.LIMIT, "its dictionary needs more memory than is allowed") from error
        raise Corrupt(f"bad compressed data: {error}") from error
