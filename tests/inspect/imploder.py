"""PKZIP 1's implode, written after APPNOTE 5.3, so that imploded members can be built in code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

LARGE_WINDOW, LITERAL_TREE = 2, 4
FLAT = {256: [8] * 256, 64: [6] * 64}


@dataclass
class Out:
    """Bits, each byte's lowest first."""

    bits: list[int] = field(default_factory=list)

    def put(self, value: int, count: int) -> None:
        self.bits += [value >> at & 1 for at in range(count)]

    def data(self) -> bytes:
        padded = self.bits + [0] * (-len(self.bits) % 8)
        return bytes(sum(bit << at for at, bit in enumerate(padded[i : i + 8])) for i in range(0, len(padded), 8))


def codes(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """APPNOTE 5.3.8 to the letter: (code with its bits reversed, number of bits) of each symbol."""
    order = sorted(range(len(lengths)), key=lambda symbol: (lengths[symbol], symbol))
    found: dict[int, tuple[int, int]] = {}
    code = increment = last = 0
    for symbol in reversed(order):
        code += increment
        if lengths[symbol] != last:
            last = lengths[symbol]
            increment = 1 << (16 - last)
        found[symbol] = (int(f"{code:016b}"[::-1], 2), last)
    return [found[symbol] for symbol in range(len(lengths))]


def described(lengths: Sequence[int]) -> bytes:
    """A tree as it stands ahead of the data: runs of up to 16 symbols with codes of one length."""
    runs: list[list[int]] = []
    for length in lengths:
        if runs and runs[-1][0] == length and runs[-1][1] < 16:
            runs[-1][1] += 1
        else:
            runs.append([length, 1])
    return bytes([len(runs) - 1, *((count - 1) << 4 | length - 1 for length, count in runs)])


def implode(
    data: bytes,
    flags: int = 0,
    literals: Sequence[int] = FLAT[256],
    lengths: Sequence[int] = FLAT[64],
    distances: Sequence[int] = FLAT[64],
) -> bytes:
    """Compress, taking the longest match there is; the three sequences are bit lengths of the trees' codes."""
    trees = [*([literals] if flags & LITERAL_TREE else []), lengths, distances]
    out, low, shortest = Out(), 7 if flags & LARGE_WINDOW else 6, 3 if flags & LITERAL_TREE else 2
    literal, length, distance = codes(literals), codes(lengths), codes(distances)
    at = 0
    while at < len(data):
        size, back = _match(data, at, 64 << low, shortest)
        if size:
            out.put(0, 1)
            out.put((back - 1) & ((1 << low) - 1), low)
            out.put(*distance[(back - 1) >> low])
            over = size - shortest
            out.put(*length[min(over, 63)])
            if over >= 63:
                out.put(over - 63, 8)
        else:
            out.put(1, 1)
            out.put(*(literal[data[at]] if flags & LITERAL_TREE else (data[at], 8)))
        at += size or 1
    return b"".join(map(described, trees)) + out.data()


def _match(data: bytes, at: int, window: int, shortest: int) -> tuple[int, int]:
    """The longest match that begins before `at`: its size and how far back; it may run into itself."""
    best, back = 0, 0
    for start in range(max(0, at - window), at):
        size = 0
        while size < shortest + 63 + 255 and at + size < len(data) and data[start + size] == data[at + size]:
            size += 1
        if size >= shortest and size >= best:
            best, back = size, at - start
    return best, back
