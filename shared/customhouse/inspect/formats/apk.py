"""Alpine packages: gzip members in a row, of which the control part states the digest of the data as it is packed.

https://wiki.alpinelinux.org/wiki/Apk_spec#Package_Format_V2; apk refuses a package whose data is not what it says.
"""

from __future__ import annotations

import hashlib
import re

from customhouse.inspect.formats.digests import hexadecimal
from customhouse.inspect.formats.entry import Source
from customhouse.inspect.formats.streams import Zlib

_DATA = re.compile(rb"^datahash = ([0-9A-Fa-f]{64})\s*$", re.MULTILINE)
_MOST = 64 << 10
"""Bytes of a part in which its statement stands."""
_PARTS = 3
"""Signature, control and data; the signature may not be there."""


class _Part(Zlib):
    """One gzip member; remembers how its content begins, and the digest of its packed bytes."""

    def __init__(self) -> None:
        super().__init__(31)
        self.text = bytearray()
        self.digest = hashlib.sha256()
        self._last = b""

    def step(self, data: bytes, most: int) -> bytes:
        """As `Inflater.step`."""
        if data:
            self.digest.update(self._last)
            self._last = data
        out = super().step(data, most)
        self.text += out[: _MOST - len(self.text)]
        if self.eof:
            self.digest.update(self._last[: len(self._last) - len(self.unused)])
            self._last = b""
        return out


class Parts:
    """The first parts of a package, as they are inflated."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._more = False

    def next(self) -> Zlib:
        """What inflates the next part."""
        self._more = len(self._parts) == _PARTS
        if self._more:
            return Zlib(31)
        self._parts.append(_Part())
        return self._parts[-1]

    def check(self, source: Source) -> None:
        """Compare the last part with what the one before it states, when all are inflated."""
        stated = _DATA.search(self._parts[-2].text) if len(self._parts) > 1 and not self._more else None
        if stated is not None and self._parts[-1].digest.digest() != hexadecimal(stated[1].decode()):
            source.high("digest-mismatch", "its data is not that of its digest in .PKGINFO")
