"""Whether a wheel holds what its RECORD lists: an installer that trusts the one sees other files than one of the other.

https://packaging.python.org/specifications/recording-installed-packages/#the-record-file
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from customhouse.inspect.formats.entry import Source
from customhouse.model import Severity

_RECORD = re.compile(r"[^/]+\.dist-info/RECORD")
_SIGNED = ("RECORD.jws", "RECORD.p7s")
_MOST = 16 << 20
_SHOWN = 3


def record(names: Iterable[str], sizes: Callable[[], Mapping[str, int]]) -> Record | None:
    """The one RECORD among an archive's names; None where there is none, or more."""
    found = [name for name in names if name.endswith("/RECORD") and _RECORD.fullmatch(name)]
    return Record(found[0], sizes()) if len(found) == 1 else None


class Record:
    """Watches a wheel's RECORD on its way to the scanners, and compares it with the members when all are seen."""

    def __init__(self, name: str, sizes: Mapping[str, int]) -> None:
        self.name = name
        self._sizes = {name: size for name, size in sizes.items() if not name.endswith("/")}
        self._text = bytearray()

    def watch(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The blocks of the RECORD itself, kept."""
        for block in blocks:
            self._text += block[: max(0, _MOST - len(self._text))]
            yield block

    def check(self, source: Source) -> None:
        """Say which members it does not list, lists with another size, or lists without their being there."""
        try:
            listed = {row[0]: row[2] for row in csv.reader(self._text.decode().splitlines()) if len(row) == 3}  # noqa: PLR2004 -- path, hash, size
        except (UnicodeDecodeError, csv.Error):
            self._say(source, "no list that can be read", [self.name])
            return
        ours = {self.name, *(f"{self.name.rpartition('/')[0]}/{name}" for name in _SIGNED)}
        self._say(source, "members that it does not list", self._sizes.keys() - listed.keys() - ours)
        self._say(source, "files that are not there", listed.keys() - self._sizes.keys() - ours)
        other = [name for name, size in listed.items() if size and size != str(self._sizes.get(name, size))]
        self._say(source, "files of another size", other)

    def _say(self, source: Source, what: str, names: set[str] | list[str]) -> None:
        if names:
            shown = ", ".join(sorted(names)[:_SHOWN])
            message = f"{what}: {shown}" + (f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else "")
            source.finding("record-mismatch", Severity.MEDIUM, message, self.name)
