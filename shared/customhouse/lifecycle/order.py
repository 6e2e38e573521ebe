"""The ecosystems' version orders, as ranks that both the interpreter and DuckDB can compare as numbers."""

from __future__ import annotations

from collections.abc import Iterable

from customhouse import versions
from customhouse.lifecycle.words import Artifact

OSV = {
    "apk": "Alpine",
    "cargo": "crates.io",
    "cocoapods": "CocoaPods",
    "composer": "Packagist",
    "conan": "ConanCenter",
    "cran": "CRAN",
    "deb": "Debian",
    "gem": "RubyGems",
    "golang": "Go",
    "hackage": "Hackage",
    "hex": "Hex",
    "maven": "Maven",
    "npm": "npm",
    "nuget": "NuGet",
    "pub": "Pub",
    "pypi": "PyPI",
    "rpm": "Red Hat",
    "swift": "SwiftURL",
}
"""The ecosystem whose order a purl type follows; Semantic Versioning (as npm has it) for the rest."""


def version_ranks(inventory: Iterable[Artifact]) -> dict[tuple[str, str], int]:
    """A rank for each (ecosystem, version) that occurs, higher for newer within one ecosystem."""
    return ranks({(item.ecosystem, item.package_version) for item in inventory})


def ranks(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Ranks of distinct (ecosystem, version) pairs; equal versions written differently are told apart by text."""
    ordered = sorted(pairs, key=lambda pair: (pair[0], _key(*pair), pair[1]))
    return {pair: rank for rank, pair in enumerate(ordered)}


def _key(ecosystem: str, version: str) -> tuple[int, versions.Key]:
    """What a version sorts by; one that the ecosystem's grammar refuses comes before every valid one."""
    try:
        return 1, versions.sort_key(OSV.get(ecosystem, "npm"), version)
    except ValueError:
        return 0, version
