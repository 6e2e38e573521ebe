"""What a model format's reader reports: claims about one file, which the scanner turns into findings and skips."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from customhouse.model import Severity

_RULES = Path(__file__).parent / "rules" / "models"
_PARTS = 2_000_000
_PATH = 4096
HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Claim:
    """Something wrong with a model: the rule, how bad, and a sentence."""

    rule: str
    severity: Severity
    message: str


class Unreadable(Exception):  # noqa: N818 -- what the file is
    """The file is not what it claims to be, or ends early; says why."""


class Unsupported(Exception):  # noqa: N818 -- what the file is
    """The file is of a form that is not read; says which."""


class TooLarge(Exception):  # noqa: N818 -- what the header is
    """A part that has to be in memory is larger than it may be; says which."""


def is_hdf5(data: bytes) -> bool:
    """Whether this is an HDF5 file: its signature stands first or behind a block of the user's (HDF5 format, III.A).

    A block has 512 bytes or twice as many, and again, without end; those in the window at hand are looked behind.
    """
    if HDF5[0] not in data[::512]:  # most files
        return False
    return data.startswith(HDF5) or any(
        data.startswith(HDF5, 512 << doubled) for doubled in range(max(0, len(data) // 512).bit_length())
    )


def listed(file: str) -> dict[str, frozenset[str]]:
    """The names of a file under `rules/models`, by what stands before the colon."""
    lines = (_RULES / file).read_text(encoding="utf-8").splitlines()
    pairs = (line.partition(":") for line in lines if not line.startswith("#"))
    return {heading: frozenset(names.split()) for heading, _, names in pairs}


def counted(document: bytes, what: str) -> bytes:
    """The same JSON; TooLarge where it has more parts than fit into memory: each takes some 100 bytes."""
    if sum(map(document.count, (b"{", b"[", b","))) > _PARTS:
        raise TooLarge(what)
    return document


def outside(place: str) -> bool:
    """Whether a path leads out of a model's folder, into memory (ONNX Runtime's own sign for that), or is too long."""
    parts = re.split(r"[/\\]", place)
    leads = bool(place) and (not parts[0] or ".." in parts or ":" in parts[0] or "\0" in place)
    return leads or place.startswith("*/_ORT_MEM_ADDR_") or len(place) >= _PATH


def take(file: BinaryIO, count: int) -> bytes:
    """Exactly `count` bytes; Unreadable where there are fewer."""
    data = file.read(count)
    if len(data) < count:
        raise Unreadable("ends early")
    return data


def shown(data: bytes | str, most: int = 80) -> str:
    """Untrusted text made fit for a report."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    return "".join(character if character.isprintable() else "?" for character in text[:most])
