"""The ecosystems' version orders, as ranks that both the interpreter and DuckDB can compare as numbers."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from packaging.version import Version

from customhouse.lifecycle.words import Artifact

PART = re.compile(r"[0-9]+|[A-Za-z]+")
NOUGHT = (1, 0, "")

Key = tuple[object, ...]


def version_ranks(inventory: Iterable[Artifact]) -> dict[tuple[str, str], int]:
    """A rank for each (ecosystem, version) that occurs, higher for newer within one ecosystem."""
    return ranks({(item.ecosystem, item.package_version) for item in inventory})


def ranks(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Ranks of distinct (ecosystem, version) pairs; equal versions written differently are told apart by text."""
    ordered = sorted(pairs, key=lambda pair: (pair[0], version_key(*pair), pair[1]))
    return {pair: rank for rank, pair in enumerate(ordered)}


@functools.lru_cache(maxsize=65_536)
def version_key(ecosystem: str, version: str) -> Key:
    """A sortable key: PEP 440 for pypi, Semantic Versioning 2.0 precedence (section 11) for the rest.

    A version that the ecosystem's grammar refuses sorts before every valid one.
    """
    if ecosystem == "pypi":
        try:
            return (1, Version(version))
        except ValueError:  # InvalidVersion, or more digits than Python turns into a number
            return (0, _semantic(version))
    return (1, _semantic(version))


def _semantic(version: str) -> Key:
    release, dash, pre = version.lstrip("vV").partition("+")[0].partition("-")
    numbers = tuple(_part(part) for part in PART.findall(release))
    while numbers and numbers[-1] == NOUGHT:
        numbers = numbers[:-1]
    return (numbers, not dash, tuple(_identifier(part) for part in pre.split(".")) if dash else ())


def _part(text: str) -> tuple[int, int, str]:
    """A release part: a letter suffix (`1.0.rc1`) is older than the number that is not there."""
    return _number(text) if text.isdigit() else (0, 0, text)


def _identifier(text: str) -> tuple[int, int, str]:
    """A pre-release identifier: numeric ones compare as numbers and are older than text."""
    return _number(text) if text.isascii() and text.isdigit() else (2, 0, text)


def _number(text: str) -> tuple[int, int, str]:
    """A number of any length as a key: its digits' count, then its digits."""
    digits = text.lstrip("0")
    return (1, len(digits), digits)
