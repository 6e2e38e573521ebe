"""Digests that a package states of its members, compared with their bytes while these pass to the scanners."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Collection, Iterator, Sequence
from typing import Protocol

from customhouse.inspect.formats.entry import Source
from customhouse.inspect.names import printable

Stated = tuple[str, bytes]
"""An algorithm as hashlib calls it, and the digest; one that no text stands for is empty, and so no member's."""


class List(Protocol):
    """What a package states of its own members."""

    def watch(self, source: Source, name: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """A member's bytes, compared on their way with what the list states of them."""
        ...

    def check(self, source: Source) -> None:
        """Compare what is left when all members were seen."""
        ...


_SHOWN = 3
_URL_SAFE = str.maketrans("-_", "+/")


def checked(
    source: Source, name: str, blocks: Iterator[bytes], stated: Sequence[Stated], teller: str
) -> Iterator[bytes]:
    """A member's bytes; when all have passed, a finding where `teller` states other digests of them."""
    hashes = {algorithm: hashlib.new(algorithm, usedforsecurity=False) for algorithm, _ in stated}
    for block in blocks:
        for digest in hashes.values():
            digest.update(block)
        yield block
    if any(hashes[algorithm].digest() != digest for algorithm, digest in stated):
        source.high("digest-mismatch", f"its bytes are not those of its digest in {teller}", name)


def some(names: Collection[str]) -> str:
    """The first few of these names, and how many more there are."""
    shown = ", ".join(printable(name) for name in sorted(names)[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")


def base64(text: str) -> bytes:
    """The bytes of standard or urlsafe base64, padded or not; nothing where it is neither."""
    try:
        return binascii.a2b_base64(text.rstrip("=").translate(_URL_SAFE) + "==")
    except ValueError:
        return b""


def hexadecimal(text: str) -> bytes:
    """The bytes of hex digits of either case; nothing where it is none."""
    try:
        return binascii.unhexlify(text)
    except ValueError:
        return b""
