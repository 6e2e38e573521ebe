"""Whether a wheel holds what its RECORD lists: an installer that trusts the one sees other files than one of the other.

https://packaging.python.org/specifications/recording-installed-packages/#the-record-file
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Collection, Iterator, Mapping

from customhouse.inspect.formats.digests import Stated, base64, checked, hexadecimal, some
from customhouse.inspect.formats.entry import Source
from customhouse.model import Severity

_RECORD = re.compile(r"[^/]+\.dist-info/RECORD")
_SIGNED = ("RECORD.jws", "RECORD.p7s")
_ALGORITHMS = {"sha256": 64, "sha384": 96, "sha512": 128}
"""Those that tools write, of those that the specification allows, and how long their digests are in hex."""
_MOST = 16 << 20
"""Bytes of a RECORD that are read; it lists 150,000 files then."""


def record(sizes: Mapping[str, int], read: Callable[[str, int], bytes]) -> Record | None:
    """The one RECORD among an archive's members, which `read` gives ahead of its turn; None for none, or more."""
    found = [name for name in sizes if name.endswith("/RECORD") and _RECORD.fullmatch(name)]
    return Record(found[0], read(found[0], _MOST), sizes) if len(found) == 1 else None


class Record:
    """A wheel's RECORD: compares the digests with the members on their way, then names and sizes."""

    def __init__(self, name: str, text: bytes, sizes: Mapping[str, int]) -> None:
        self.name = name
        self._sizes = {name: size for name, size in sizes.items() if not name.endswith("/")}
        self._rows = _rows(text)
        self._digests: dict[str, list[Stated]] = {}
        for path, digest, _ in self._rows or ():
            if digest:
                self._digests.setdefault(path, []).extend(_stated(digest))

    def watch(self, source: Source, name: str, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """A member's bytes, compared with every digest that its rows state."""
        stated = self._digests.get(name)
        return checked(source, name, blocks, stated, "RECORD") if stated else blocks

    def check(self, source: Source) -> None:
        """Say which members it does not list, lists with another size, or lists without their being there."""
        if self._rows is None:
            self._say(source, "no list that can be read", [self.name])
            return
        listed = {path for path, _, _ in self._rows}
        ours = {self.name, *(f"{self.name.rpartition('/')[0]}/{name}" for name in _SIGNED)}
        self._say(source, "members that it does not list", self._sizes.keys() - listed - ours)
        self._say(source, "files that are not there", listed - self._sizes.keys() - ours)
        other = {path for path, _, size in self._rows if size and size != str(self._sizes.get(path, size))}
        self._say(source, "files of another size", other)

    def _say(self, source: Source, what: str, names: Collection[str]) -> None:
        if names:
            source.finding("record-mismatch", Severity.MEDIUM, f"{what}: {some(names)}", self.name)


def _stated(text: str) -> Iterator[Stated]:
    """One digest in urlsafe base64 without padding; some tools write hex, which is told by its length."""
    name, _, digest = text.partition("=")
    algorithm = name.lower()
    if algorithm in _ALGORITHMS:
        written = hexadecimal if len(digest) == _ALGORITHMS[algorithm] else base64
        yield algorithm, written(digest)


def _rows(text: bytes) -> list[tuple[str, str, str]] | None:
    """Path, digest and size of every row; paths may have been written on Windows. None where it is no such list."""
    if len(text) > _MOST:
        return None
    try:
        rows = [row for row in csv.reader(io.StringIO(text.decode(), newline="")) if len(row) == 3]  # noqa: PLR2004 -- path, hash, size
    except (UnicodeDecodeError, csv.Error):
        return None
    return [(path.replace("\\", "/"), digest, size) for path, digest, size in rows]
