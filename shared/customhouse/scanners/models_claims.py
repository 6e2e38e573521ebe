"""What a model format's reader reports: claims about one file, which the scanner turns into findings and skips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import BinaryIO

from customhouse.model import Severity

HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True, slots=True)
class Claim:
    """Something wrong with a model: the rule, how bad, and a sentence."""

    rule: str
    severity: Severity
    message: str


class Unreadable(Exception):  # noqa: N818 -- what the file is
    """The file is not what it claims to be, or ends early; says why."""


class TooLarge(Exception):  # noqa: N818 -- what the header is
    """A part that has to be in memory is larger than it may be; says which."""


def is_hdf5(data: bytes) -> bool:
    """Whether this is an HDF5 file: its signature stands first or behind a block of the user's (HDF5 format, III.A)."""
    return any(data.startswith(HDF5, at) for at in (0, 512, 1024, 2048, 4096))


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
