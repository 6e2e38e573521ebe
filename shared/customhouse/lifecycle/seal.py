"""A plan's seal: the digest of its file in its header, so that what is applied is what was planned, to the byte."""

from __future__ import annotations

import hashlib
import os
import re
from typing import BinaryIO

OPEN = "sha256:" + "0" * 64
"""Holds the seal's place until all is written, and while the digest is taken."""
PLACE = re.compile(rb'"seal":"(sha256:[0-9a-f]{64})"')
PARQUET = b"PAR1"
CHUNK = 1 << 20


def digest(file: BinaryIO) -> str:
    """`sha256:…` over a plan's file as it was before it was sealed; empty where its header has no place for a seal."""
    start, head, (begin, end) = _parts(file)
    place = _place(head)
    if place is None:
        return ""
    unsealed = head[: place.start(1)] + OPEN.encode() + head[place.end(1) :]
    found = hashlib.sha256(unsealed if start < begin else b"")
    file.seek(begin)
    while begin < end and (chunk := file.read(min(CHUNK, end - begin))):
        found.update(chunk)
        begin += len(chunk)
    found.update(b"" if start < end else unsealed)
    return f"sha256:{found.hexdigest()}"


def seal(file: BinaryIO) -> None:
    """Put the digest in its place."""
    start, head, _ = _parts(file)
    if place := _place(head):
        found = digest(file)
        file.seek(start + place.start(1))
        file.write(found.encode())


def _place(head: bytes) -> re.Match[bytes] | None:
    """Where the seal is. A quote inside a text is escaped, and Parquet's statistics come before the header."""
    return max(PLACE.finditer(head), key=lambda found: found.start(), default=None)


def _parts(file: BinaryIO) -> tuple[int, bytes, tuple[int, int]]:
    """Where the part with the header begins, that part, and from where to where the rest is.

    It is the first line, or a Parquet file's footer, whose length and a magic number are the last eight bytes:
    https://parquet.apache.org/docs/file-format
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    if file.read(len(PARQUET)) != PARQUET:
        file.seek(0)
        head = file.readline()
        return 0, head, (len(head), size)
    file.seek(max(size - 8, 0))
    start = max(size - 8 - int.from_bytes(file.read(4), "little"), 0)
    file.seek(start)
    return start, file.read(), (0, start)
