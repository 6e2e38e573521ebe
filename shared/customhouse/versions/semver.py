"""Semantic versions and their relatives: npm, crates.io, Go, NuGet, Pub, Conan; and plain numbers: CRAN, Hackage."""

from __future__ import annotations

import re
from typing import TypeAlias

Identifier: TypeAlias = tuple[int, int, str]
Identifiers: TypeAlias = tuple[Identifier, ...]
Key: TypeAlias = tuple[tuple[int, ...], int, Identifiers]

_SHAPE = re.compile(r"[vV]?((?:[0-9]+\.?)*)(.*)", re.DOTALL)
_PLAIN = re.compile(r"([0-9]+)\.([0-9]+)\.([0-9]+)")
_NUMBER = re.compile(r"[0-9]+")


def _identifiers(text: str) -> Identifiers:
    """Dot-separated identifiers: numbers order as numbers and before words (semver.org, item 11)."""
    return tuple((0, int(part), "") if _NUMBER.fullmatch(part) else (1, 0, part) for part in text.split("."))


_NONE = _identifiers("")


def _trimmed(numbers: list[int]) -> tuple[int, ...]:
    """Without trailing zeros, because absent parts count as zero."""
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _split(version: str, most: int | None) -> tuple[tuple[int, ...], str, str]:
    """Numbers (at most `most`), pre-release and build; numbers beyond `most` count as pre-release."""
    shape = _SHAPE.fullmatch(version)
    numbers = [int(part) for part in _NUMBER.findall(shape[1])] if shape else []
    rest = shape[2] if shape else version
    prerelease, _, build = rest.partition("+")
    if most is not None and len(numbers) > most:
        prerelease += "".join(f".{number}" for number in numbers[most:])
    return _trimmed(numbers[:most]), prerelease.removeprefix("-"), build


def _key(version: str, most: int | None) -> Key:
    numbers, prerelease, _ = _split(version, most)
    return numbers, not prerelease, _identifiers(prerelease)


def key(version: str) -> Key:
    """Semantic Versioning 2.0.0, lenient: a leading `v`, fewer parts, build metadata ignored."""
    if plain := _PLAIN.fullmatch(version):  # as nearly all are, and read several times faster
        return _trimmed([*map(int, plain.groups())]), True, _NONE
    return _key(version, 3)


def conan(version: str) -> Key:
    """As semantic versions with any count of numbers (https://docs.conan.io/2/tutorial/versioning/versions.html)."""
    return _key(version, None)


def nuget(version: str) -> Key:
    """Four numbers, pre-release labels without case (https://learn.microsoft.com/nuget/concepts/package-versioning)."""
    return _key(version.lower(), 4)


def pub(version: str) -> tuple[Key, bool, Identifiers]:
    """As semantic versions, and builds have an order too: none before some (pub_semver, Julia's VersionNumber)."""
    numbers, prerelease, build = _split(version, 3)
    return (numbers, not prerelease, _identifiers(prerelease)), bool(build), _identifiers(build)


def numbers(version: str) -> tuple[int, ...]:
    """Numbers between dots or dashes; of two that begin alike the longer is newer (R's package_version, Cabal)."""
    parts = _NUMBER.findall(version)
    if not parts or re.search(r"[^0-9.\-]", version):
        raise ValueError(f"no version: {version!r}")
    return tuple(int(part) for part in parts)
