"""Archives with the marker, changed at random, and what the engine must have said of them all the same."""

from __future__ import annotations

from collections.abc import Sequence

from customhouse.inspect import Limits
from customhouse.model import Inspection, SkipReason
from tests.inspect.support import MARKER, clean, found
from tests.inspect.wraps import WRAPS

SMALL = Limits(depth=4, members=500, expanded=8 << 20, ratio_floor=1 << 20, seconds=20, dictionary=8 << 20)
SEEDS = {kind: wrap(b"before" * 20 + MARKER + b"after" * 20, "inner") for kind, wrap in WRAPS.items()}
_UNCHECKED = frozenset(
    {
        *("tar", "ustar.tar", "gnu.tar", "v7.tar", "sparse.tar", "docker.tar", "cpio", "odc.cpio", "bin.cpio"),
        *("a", "cab", "iso", "br", "lzma", "tar.br", "tar.lzma", "rar", "4.rar", "asar"),
    }
)
"""Wrappers without a checksum of what they hold, or one that libarchive does not check."""
_PLAIN = frozenset({"data", "text", "pe", "pickle", "safetensors"})

Edit = tuple[int, int]


def changed(data: bytes, edits: Sequence[Edit], cut: int) -> bytes:
    """`data` with bytes replaced (place, value) and some of its end cut off."""
    out = bytearray(data)
    for place, value in edits:
        out[place % len(out)] = value
    return bytes(out[: len(out) - cut % (len(out) // 2)])


def over_budget(inspection: Inspection, limits: Limits = SMALL) -> str:
    """Which budget was passed, or which of our own errors was met."""
    coverage = inspection.coverage
    if coverage.bytes > limits.expanded + (1 << 20):
        return f"{coverage.bytes} bytes inflated"
    if coverage.members > limits.members + 1:
        return f"{coverage.members} members"
    ours = [skip.detail for skip in coverage.skipped if skip.reason is SkipReason.ENGINE]
    return ours[0] if ours else ""


def lost(kind: str, data: bytes, inspection: Inspection) -> bool:
    """Whether the marker is gone and nobody says so.

    It may be gone where the change hit the marker itself in a wrapper without checksums, or made the wrapper none.
    """
    if found(inspection) or not clean(inspection) or not data[13:].strip(b"\0"):  # of which nothing is left but zeros
        return False
    return MARKER in data if kind in _UNCHECKED else inspection.kind not in _PLAIN
