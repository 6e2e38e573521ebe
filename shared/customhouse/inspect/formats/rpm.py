"""RPM packages (version 3 and 4 of the file format): lead, signature, header, and a compressed cpio."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator

from customhouse.inspect.formats.digests import Stated, checked, hexadecimal
from customhouse.inspect.formats.entry import Corrupt, Entry, Source
from customhouse.inspect.identify import HEAD, identify
from customhouse.model import SkipReason

_PAYLOADS = frozenset({"cpio", "gzip", "bzip2", "xz", "lzma", "zstd"})
_LEAD, _MAGIC, _HEADER_MOST = 96, b"\x8e\xad\xe8\x01", 64 << 20
_INTRO = 16
_HEADER_SUMS = {269: "sha1", 273: "sha256"}
_HEADER_AND_PAYLOAD, _PAYLOAD, _PAYLOAD_ALGORITHM = 1004, 5092, 5093
_ALGORITHMS = {8: "sha256", 9: "sha384", 10: "sha512"}
"""OpenPGP's numbers (RFC 9580, 9.5)."""


def entries(source: Source) -> Iterator[Entry]:
    """Both headers (scripts of the second run when the package is installed), and the payload."""
    reader = source.reader
    reader.read(_LEAD)
    signature = _header(source)
    filled = reader.read(-len(signature) % 8)
    if filled.strip(b"\0"):
        source.high("hidden-data", "bytes between its headers")
    yield Entry("signature", iter((signature + filled,)), len(signature) + len(filled))
    header = _header(source)
    told = "the package's signature header"
    yield Entry("header", checked(source, "header", iter((header,)), _of_header(signature), told), len(header))
    kind = identify(reader.peek(HEAD)) if reader.peek(1) else "missing"
    yield Entry("payload", _summed(source, signature, header), transparent=True)
    if kind not in _PAYLOADS:
        source.skip(SkipReason.CORRUPT, f"its payload is {kind}, not a compressed cpio")


def _of_header(signature: bytes) -> list[Stated]:
    """Digests of the header that the signature header states."""
    found = ((algorithm, _text(signature, tag)) for tag, algorithm in _HEADER_SUMS.items())
    return [(algorithm, hexadecimal(text)) for algorithm, text in found if text]


def _summed(source: Source, signature: bytes, header: bytes) -> Iterator[bytes]:
    """The payload, compared with its digest in the header, or with that of both in packages older than 2017."""
    blocks = source.reader.blocks()
    if text := _text(header, _PAYLOAD):
        algorithm = _ALGORITHMS.get(int.from_bytes(_field(header, _PAYLOAD_ALGORITHM, 4), "big"))
        stated = [(algorithm, hexadecimal(text))] if algorithm else []
        return checked(source, "payload", blocks, stated, "the package's header")
    whole = _field(signature, _HEADER_AND_PAYLOAD, 16)
    return _with_header(source, blocks, header, whole) if whole else blocks


def _with_header(source: Source, blocks: Iterator[bytes], header: bytes, stated: bytes) -> Iterator[bytes]:
    digest = hashlib.md5(header, usedforsecurity=False)
    for block in blocks:
        digest.update(block)
        yield block
    if digest.digest() != stated:
        source.high(
            "digest-mismatch", "header and payload are not those of their digest in the signature header", "payload"
        )


def _text(header: bytes, tag: int) -> str:
    """The (first) text of a tag; nothing where there is none."""
    return _field(header, tag, len(header)).partition(b"\0")[0].decode("latin-1")


def _field(header: bytes, tag: int, size: int) -> bytes:
    """At most so many bytes of a tag's value; nothing where the header has no such tag."""
    end = _INTRO * (1 + int.from_bytes(header[8:12], "big"))
    for found, _, offset, _ in struct.iter_unpack(">IIII", header[_INTRO:end]):
        if found == tag:
            return header[end + offset : end + offset + size]
    return b""


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
