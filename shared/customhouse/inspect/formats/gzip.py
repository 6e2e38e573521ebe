"""gzip (RFC 1952): members in a row are one file, and each has a header that may hold anything."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.inspect.formats import apk, gzip_header
from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.inspect.formats.streams import BAD_DEFLATE, Zlib, as_corrupt, content, inflate

_HEADERS = 4 << 20
"""Bytes that the headers of all members but the first may hold."""


def entries(source: Source) -> Iterator[Entry]:
    """What headers hold, and the one file that the members are, as Alpine's packages and bgzip rely on."""
    if held := gzip_header.held(source):
        yield Entry("gzip-header", iter((held,)), len(held))
    later = bytearray()
    package = apk.Parts() if source.name.lower().endswith(".apk") else None

    def more(head: bytes) -> bool:
        if not head.startswith(b"\x1f\x8b"):
            return False
        later.extend(gzip_header.held(source))
        if len(later) > _HEADERS:
            raise Corrupt("headers that hold more than is looked at")
        return True

    blocks = inflate(source.reader, package.next if package else lambda: Zlib(31), more)
    yield from content(source, as_corrupt(blocks, BAD_DEFLATE))
    if package and not source.broken:
        package.check(source)
    if later:
        yield Entry("gzip-headers", iter((bytes(later),)), len(later))
