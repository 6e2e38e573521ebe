"""Extended headers of tar: pax records, GNU long names and sparse maps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from customhouse.inspect.formats.entry import Corrupt, Source

EXTENDED = 1 << 20
"""Bytes an extended header may have, as Go's archive/tar has it; a name needs a few hundred."""

_TEXTS = ("path", "linkpath", "uname", "gname")
_BINARY = ("SCHILY.xattr.", "SCHILY.acl.", "LIBARCHIVE.xattr.", "RHT.security.")
_NUMBERS = dict.fromkeys(("uid", "gid"), re.compile(rb"-?\d{1,20}")) | dict.fromkeys(
    ("mtime", "atime", "ctime"), re.compile(rb"-?\d{1,20}(?:\.\d{0,20})?")
)
_UTF8 = b"ISO-IR 10646 2000 UTF-8"
"""What every header is in that does not say otherwise (POSIX.1-2017, pax, hdrcharset)."""
_SHIFTY = ("path", "linkpath", "size", "hdrcharset")


@dataclass(slots=True)
class Extras:
    """What the headers before a member said about it: pax records, GNU long name and link."""

    pax: dict[str, bytes] = field(default_factory=dict)
    sparse: list[tuple[str, bytes]] = field(default_factory=list)
    name: bytes | None = None
    link: bytes | None = None

    @property
    def mapped(self) -> bool:
        """Whether there is a sparse map of formats 0.0 or 0.1."""
        return "GNU.sparse.map" in self.pax or "GNU.sparse.numblocks" in self.pax

    @property
    def any(self) -> bool:
        """Whether there was any."""
        return bool(self.pax) or self.name is not None or self.link is not None


def records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The records of POSIX pax (length, space, key, `=`, value, newline); Corrupt where one is malformed."""
    place = 0
    while place < len(data):
        space = data.find(b" ", place, place + 20)
        digits = data[place:space]
        if space < 0 or not digits.isdigit():
            raise Corrupt("an extended header with a record that has no length", "bad-pax")
        end = place + int(digits)
        record = data[space + 1 : end]
        if end > len(data) or end <= space + 1 or not record.endswith(b"\n") or record.find(b"=") < 1:
            raise Corrupt("an extended header with a malformed record", "bad-pax")
        key, _, value = record[:-1].partition(b"=")
        yield key.decode("utf-8", "surrogateescape"), value
        place = end


def read(source: Source, data: bytes, extras: Extras) -> None:
    """Take the records of one member's header."""
    for key, value in records(data):
        check(source, key, value)
        if key.startswith("GNU.sparse."):
            extras.sparse.append((key, value))
        elif extras.pax.get(key, value) != value:
            source.high("pax-order", f"two records of {key} in one extended header: readers disagree which one counts")
        extras.pax[key] = value


def check(source: Source, key: str, value: bytes) -> None:
    """What is odd about one record, whether it is for one member or for all."""
    if "\0" in key or (b"\0" in value and not key.startswith(_BINARY)):
        source.high("nul-name", "an extended header holds a NUL, where some readers end it")
    if key == "hdrcharset" and value != _UTF8:
        source.high("pax-charset", "an extended header changes the character set of names, which most readers ignore")
    if key in _NUMBERS and not _NUMBERS[key].fullmatch(value):
        source.high("bad-pax", f"an extended header's {key} is no number: some readers end there")
    if key in _TEXTS and b"\0" not in value:
        try:
            value.decode()
        except UnicodeDecodeError:
            source.high("bad-utf8", f"an extended header's {key} is no valid UTF-8")


def check_global(source: Source, data: bytes) -> None:
    """A header for all members: none but these may change what every member is called or holds."""
    for key, value in records(data):
        check(source, key, value)
        if key in _SHIFTY or key.startswith("GNU.sparse"):
            source.high("pax-global", f"a global header sets {key} for all members, which readers treat differently")


def number(pax: Mapping[str, bytes], key: str, default: int) -> int:
    """A record's decimal number."""
    value = pax.get(key)
    if value is None:
        return default
    if not value.isdigit() or len(value) > 20:  # noqa: PLR2004 -- 64 bits have 20 digits
        raise Corrupt(f"an extended header's {key} is no number", "bad-pax")
    return int(value)


Map = list[tuple[int, int]]


def sparse_map(source: Source, extras: Extras) -> Map | None:
    """The map (offset, length) that pax records of GNU formats 0.0 and 0.1 hold, None where there is none."""
    pax = extras.pax
    if "GNU.sparse.map" in pax:
        numbers = [_decimal(item) for item in pax["GNU.sparse.map"].split(b",")]
        pairs = list(zip(numbers[::2], numbers[1::2], strict=False))
        odd = len(numbers) % 2
    elif "GNU.sparse.numblocks" in pax:
        offsets = [_decimal(value) for key, value in extras.sparse if key == "GNU.sparse.offset"]
        lengths = [_decimal(value) for key, value in extras.sparse if key == "GNU.sparse.numbytes"]
        pairs = list(zip(offsets, lengths, strict=False))
        odd = len(offsets) != len(lengths)
    else:
        return None
    if odd or number(pax, "GNU.sparse.numblocks", len(pairs)) != len(pairs):
        source.high("sparse-lie", "a sparse map that does not have as many parts as it says")
    return pairs


def _decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > 20:  # noqa: PLR2004 -- 64 bits have 20 digits
        raise Corrupt("a sparse map with something else than numbers", "sparse-lie")
    return int(value)
