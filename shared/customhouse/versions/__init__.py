"""Version order as each ecosystem means it: one sort key per OSV ecosystem, so every order is a Python order."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeAlias

from customhouse.versions import alpine, debian, maven, packagist, pypi, rpm, rubygems, semver

Key: TypeAlias = Any
"""What a version sorts by: compare keys of one ecosystem with `<` and `==`, and no others."""

LONGEST = 512
"""Characters; what is longer is no version, and would make integers that Python refuses to parse."""

_FAMILIES: dict[Callable[[str], Key], tuple[str, ...]] = {
    alpine.key: ("Alpaquita", "Alpine", "BellSoft Hardened Containers", "Chainguard", "MinimOS", "Wolfi"),
    debian.key: ("Debian", "Docker Hardened Images", "Echo", "Ubuntu"),
    maven.key: ("Maven",),
    packagist.key: ("Packagist",),
    pypi.key: ("PyPI",),
    rpm.key: (
        "AlmaLinux",
        "Amazon Linux",
        "Azure Linux",
        "Mageia",
        "Oracle Linux",
        "Photon OS",
        "Red Hat",
        "Rocky Linux",
        "SUSE",
        "openEuler",
        "openSUSE",
    ),
    rubygems.key: ("CocoaPods", "RubyGems"),
    semver.key: (
        "Bioconductor",
        "Bitnami",
        "GHC",
        "Go",
        "Hex",
        "Kubernetes",
        "SwiftURL",
        "VSCode",
        "crates.io",
        "npm",
    ),
    semver.conan: ("ConanCenter",),
    semver.nuget: ("NuGet",),
    semver.pub: ("Julia", "Pub"),
    semver.numbers: ("CRAN", "Hackage"),
}
_KEYS = {name: key for key, names in _FAMILIES.items() for name in names}
ECOSYSTEMS = frozenset(_KEYS)
"""OSV ecosystems whose versions have an order here, without release suffixes (`Debian`, not `Debian:12`)."""


@lru_cache(maxsize=1 << 16)
def sort_key(ecosystem: str, version: str) -> Key:
    """The key that orders `version` in `ecosystem` (a release suffix such as `:12` is ignored).

    ValueError where the ecosystem has no order here or the text is none of its versions.
    Ecosystem names: https://ossf.github.io/osv-schema/#affectedpackage-field
    """
    make = _KEYS.get(ecosystem.partition(":")[0])
    if make is None:
        raise ValueError(f"no version order for {ecosystem!r}")
    if not version or len(version) > LONGEST:
        raise ValueError(f"no version: {version[:40]!r}")
    return make(version)


def compare(ecosystem: str, one: str, other: str) -> int:
    """-1, 0 or 1 as `one` comes before, equals or comes after `other`; ValueError as `sort_key`."""
    left, right = sort_key(ecosystem, one), sort_key(ecosystem, other)
    if left == right:
        return 0
    return -1 if left < right else 1
