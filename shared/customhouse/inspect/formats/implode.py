"""PKZIP 1's implode (zip method 6): sliding dictionary and Shannon-Fano trees, APPNOTE 5.3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from customhouse.inspect.formats.entry import Corrupt

_LARGE_WINDOW = 1 << 1
_LITERAL_TREE = 1 << 2
_LONGEST = 63
"""The length code that another byte is added to."""
_BLOCK = 64 << 10

Tree = dict[tuple[int, int], int]
"""A symbol by the length of its code and the code, its first bit the highest."""


class Bits:
    """Bits of a byte stream, each byte's lowest first; Corrupt where it breaks off."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._bytes = (byte for piece in pieces for byte in piece)
        self._held = self._count = 0

    def take(self, count: int) -> int:
        """The next `count` bits, the first the lowest."""
        while self._count < count:
            byte = next(self._bytes, None)
            if byte is None:
                raise Corrupt("its compressed data breaks off", "lying-size")
            self._held |= byte << self._count
            self._count += 8
        value = self._held & ((1 << count) - 1)
        self._held >>= count
        self._count -= count
        return value

    def symbol(self, tree: Tree) -> int:
        """The symbol whose code comes next."""
        code = 0
        for length in range(1, 17):
            code = code << 1 | self.take(1)
            found = tree.get((length, code))
            if found is not None:
                return found
        raise Corrupt("a code that its tree does not have")

    def tree(self, size: int) -> Tree:
        """A tree of `size` symbols as it is written ahead of the data."""
        lengths: list[int] = []
        for _ in range(self.take(8) + 1):
            length = self.take(4) + 1
            lengths += [length] * (self.take(4) + 1)
        if len(lengths) != size or sum(1 << 16 - length for length in lengths) != 1 << 16:
            raise Corrupt("a malformed Shannon-Fano tree")
        return _codes(lengths)


@dataclass(frozen=True, slots=True)
class _Stream:
    """What the flags and the head of the stream say."""

    literals: Tree | None
    lengths: Tree
    distances: Tree
    low: int
    shortest: int

    @classmethod
    def read(cls, bits: Bits, flags: int) -> _Stream:
        literals = bits.tree(256) if flags & _LITERAL_TREE else None
        lengths, distances = bits.tree(64), bits.tree(64)
        return cls(literals, lengths, distances, 7 if flags & _LARGE_WINDOW else 6, 3 if literals else 2)

    def literal(self, bits: Bits) -> int:
        return bits.symbol(self.literals) if self.literals else bits.take(8)

    def match(self, bits: Bits) -> tuple[int, int]:
        """How far back, and how many bytes."""
        low = bits.take(self.low)
        distance = (bits.symbol(self.distances) << self.low | low) + 1
        length = bits.symbol(self.lengths)
        return distance, length + self.shortest + (bits.take(8) if length == _LONGEST else 0)


def explode(pieces: Iterable[bytes], size: int, flags: int) -> Iterator[bytes]:
    """Expand to `size` bytes in blocks of about 64 KiB; `flags` are the zip record's. Corrupt where it cannot be."""
    bits = Bits(pieces)
    stream = _Stream.read(bits, flags)
    window = 64 << stream.low
    out, sent = bytearray(window), window  # what lies before the beginning reads as zeros
    left = size
    while left > 0:
        if bits.take(1):
            out.append(stream.literal(bits))
            left -= 1
        else:
            distance, length = stream.match(bits)
            length = min(length, left)
            for at in range(len(out) - distance, len(out) - distance + length):
                out.append(out[at])
            left -= length
        if len(out) - sent >= _BLOCK:
            yield bytes(out[sent:])
            del out[: len(out) - window]
            sent = window
    yield bytes(out[sent:])


def _codes(lengths: list[int]) -> Tree:
    """The codes of APPNOTE 5.3.8: given out from the longest and last symbol on, counting up."""
    tree: Tree = {}
    code = step = last = 0
    for symbol in sorted(range(len(lengths)), key=lambda symbol: (lengths[symbol], symbol), reverse=True):
        code += step
        if lengths[symbol] != last:
            last = lengths[symbol]
            step = 1 << 16 - last
        tree[last, code >> 16 - last] = symbol
    return tree
