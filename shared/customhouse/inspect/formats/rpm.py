"""RPM packages (version 3 and 4 of the file format): lead, signature, header, and a compressed cpio."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.inspect.identify import HEAD, identify
from customhouse.model import SkipReason

_PAYLOADS = frozenset({"cpio", "gzip", "bzip2", "xz", "lzma", "zstd"})
_LEAD, _MAGIC, _HEADER_MOST = 96, b"\x8e\xad\xe8\x01", 64 << 20


def entries(source: Source) -> Iterator[Entry]:
    """The header, whose scripts run when the package is installed, and the payload."""
    reader = source.reader
    reader.read(_LEAD)
    signature = _header(source)
    reader.read(-len(signature) % 8)
    header = _header(source)
    yield Entry("header", iter((header,)), len(header))
    kind = identify(reader.peek(HEAD)) if reader.peek(1) else "missing"
    yield Entry("payload", reader.blocks(), transparent=True)
    if kind not in _PAYLOADS:
        source.skip(SkipReason.CORRUPT, f"its payload is {kind}, not a compressed cpio")


def _header(source: Source) -> bytes:
    head = source.reader.read(16)
    if not head.startswith(_MAGIC) or len(head) < 16:  # noqa: PLR2004 -- magic, reserved, two counts
        raise Corrupt("a malformed RPM header")
    size = 16 * int.from_bytes(head[8:12], "big") + int.from_bytes(head[12:16], "big")
    if size > min(_HEADER_MOST, source.limits.directory):
        raise Corrupt(f"an RPM header of {size:,} bytes")
    body = source.reader.read(size)
    if len(body) < size:
        raise Corrupt("the package breaks off within its header")
    return head + body
