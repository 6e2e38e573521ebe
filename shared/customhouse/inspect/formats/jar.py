"""Whether a signed jar holds what its manifest states: Java refuses what was changed, and lets pass what was added.

https://docs.oracle.com/en/java/javase/21/docs/specs/jar/jar.html#signed-jar-file; Android's packages have the same.
A manifest that nobody signed is left alone: it keeps digests that its jar once had.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from customhouse.inspect.formats.digests import Stated, base64, checked, some
from customhouse.inspect.formats.entry import Source
from customhouse.inspect.names import decode
from customhouse.model import Severity

_MANIFEST = "META-INF/MANIFEST.MF"
_META = re.compile(r"META-INF/", re.IGNORECASE)
_SIGNED = re.compile(r"META-INF/([^/]+)\.SF", re.IGNORECASE)
_BLOCK = re.compile(r"META-INF/([^/]+)\.(?:RSA|DSA|EC)", re.IGNORECASE)
_ALGORITHMS = {
    "sha1": "sha1",
    "sha-1": "sha1",
    "sha": "sha1",
    "sha-256": "sha256",
    "sha-384": "sha384",
    "sha-512": "sha512",
}
_MOST = 16 << 20
_LINE = rb"(?:\r\n|\r(?!\n)|\n)"
_LINES, _SECTIONS, _FOLDED = re.compile(_LINE), re.compile(_LINE + b"{2,}"), re.compile(_LINE + b" ")
_DIGEST = "-digest"


def manifest(sizes: Mapping[str, int], read: Callable[[str, int], bytes]) -> Manifest | None:
    """The manifest of a signed jar with these members, which `read` gives ahead of its turn; None for others."""
    stems = [{match[1].upper() for name in sizes if (match := kind.fullmatch(name))} for kind in (_SIGNED, _BLOCK)]
    found = [name for name in sizes if name.upper() == _MANIFEST] if stems[0] & stems[1] else []
    return Manifest(found[0], read(found[0], _MOST), sizes) if found else None


class Manifest:
    """A signed jar's manifest: compares its digests with the members on their way."""

    def __init__(self, name: str, text: bytes, sizes: Mapping[str, int]) -> None:
        self.name = name
        self._sizes = sizes
        self._whole = len(text) <= _MOST
        self._digests: dict[str, list[Stated]] = {}
        for section in _SECTIONS.split(_FOLDED.sub(b"", text)):
            self._section(section)

    def _section(self, text: bytes) -> None:
        """The digests of one section, which are of the member it names."""
        fields = [decode(line)[0].partition(": ") for line in _LINES.split(text)]
        names = [value for key, _, value in fields if key.lower() == "name"]
        stated = [
            (algorithm, base64(value))
            for key, _, value in fields
            if key.lower().endswith(_DIGEST) and (algorithm := _ALGORITHMS.get(key.lower().removesuffix(_DIGEST)))
        ]
        if names and stated:
            self._digests.setdefault(names[0], []).extend(stated)

    def watch(self, source: Source, name: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """A member's bytes, compared with every digest that the manifest states."""
        stated = self._digests.get(name)
        return checked(source, name, blocks, stated, "the signed manifest") if stated else blocks

    def check(self, source: Source) -> None:
        """Say which members the signature is not about; what is in META-INF mostly is not."""
        if not self._whole:
            source.finding("record-mismatch", Severity.MEDIUM, "a manifest too long to be compared", self.name)
            return
        known = self._digests.keys()
        added = [name for name, size in self._sizes.items() if size and name not in known and not _META.match(name)]
        if added:
            message = f"members that nobody signed beside those that are: {some(added)}"
            source.finding("record-mismatch", Severity.MEDIUM, message, self.name)
