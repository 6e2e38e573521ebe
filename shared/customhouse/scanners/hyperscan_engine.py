"""Hyperscan as it is used here: where expressions match, for any number of threads."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Sequence

import hyperscan

_EDGE = re.compile(rb"\((?:\?:)?\^\|(?:\\n|\[\^[^\]\\]*\])\)|\((?:\?:)?(?:\\s|\[\^[^\]\\]*\])\|\$\)")
"""The beginning or the end of the data, or a byte there that may be a line feed."""
_PLAIN = re.compile(rb"\\[^AzZG]|\[\^?\]?[^\]]*\]")


VERSION = str(vars(hyperscan)["__version__"])


class TooMany(Exception):  # noqa: N818 -- says what is too many: places
    """The data matches at more places than are worth looking at."""


class Engine:
    """One database; each thread gets scratch space of its own."""

    def __init__(self, database: hyperscan.Database) -> None:
        self._database = database
        self._scratch = threading.local()

    def ends(self, data: bytes, most: int) -> dict[int, list[int]]:
        """Where matches end, in order, by the expression's index; raises TooMany at `most` of them."""
        found: dict[int, list[int]] = {}
        count = 0

        def seen(index: int, _start: int, end: int, _flags: int, _context: object) -> bool:
            nonlocal count
            count += 1
            found.setdefault(index, []).append(end)
            return count >= most

        with contextlib.suppress(hyperscan.ScanTerminated):
            self._database.scan(data, match_event_handler=seen, scratch=self._own_scratch())
        if count >= most:
            raise TooMany
        return found

    def matches(self, data: bytes) -> bool:
        """Whether anything matches; other threads run meanwhile, as they do not while `in` searches."""
        try:
            return bool(self.ends(data, 1))
        except TooMany:
            return True

    def _own_scratch(self) -> hyperscan.Scratch:
        own: hyperscan.Scratch | None = getattr(self._scratch, "value", None)
        if own is None:
            own = self._scratch.value = hyperscan.Scratch(self._database)
        return own


def floats(expression: bytes) -> bool:
    """Whether it matches in a text that stands between line feeds wherever it matches in that text alone."""
    rest = _PLAIN.sub(b"", _EDGE.sub(b"", expression))
    return not set(rest) & set(b"^$\\")


def compiled(expressions: Sequence[bytes]) -> hyperscan.Database:
    """A database of the expressions; raises hyperscan.HyperscanError for one that it cannot take."""
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    database.compile(expressions=expressions, ids=list(range(len(expressions))), flags=[0] * len(expressions))
    return database
