"""Where OSV speaks of a package: from a purl to the ecosystem (with its release) and the name that advisories use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

_RUN = re.compile(r"[-_.]+")
_RPM_RELEASE = re.compile(r"\.(?:module\+)?(?:el|ael|amzn|azl|cm|ph|mga)([0-9]+)")
_MAJOR = re.compile(r"[0-9]+")


class Place(NamedTuple):
    """An OSV ecosystem as the index spells it (`PyPI`, `Debian:12`), a name in its spelling, and a version."""

    ecosystem: str
    name: str
    version: str


def _maven(namespace: str, name: str) -> str:
    return f"{namespace}:{name}"


def _path(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


_NAMES: dict[str, tuple[str, Callable[[str, str], str]]] = {
    "bitnami": ("Bitnami", _path),
    "cargo": ("crates.io", _path),
    "cocoapods": ("CocoaPods", _path),
    "composer": ("Packagist", _path),
    "conan": ("ConanCenter", lambda _, name: name),
    "cran": ("CRAN", _path),
    "gem": ("RubyGems", _path),
    "golang": ("Go", _path),
    "hackage": ("Hackage", _path),
    "hex": ("Hex", _path),
    "julia": ("Julia", _path),
    "k8s": ("Kubernetes", _path),
    "maven": ("Maven", _maven),
    "npm": ("npm", _path),
    "nuget": ("NuGet", _path),
    "opam": ("opam", _path),
    "pub": ("Pub", _path),
    "pypi": ("PyPI", _path),
    "swift": ("SwiftURL", _path),
}
SYSTEMS = frozenset({"deb", "apk", "rpm"})
"""Purl types whose advisories depend on the release of the distribution."""

UNWRITTEN = frozenset({"CocoaPods"})
"""Ecosystems with names and versions for which OSV has no advisories at all: their absence says nothing."""


def _whole(version: str) -> str:
    return version


def _major(version: str) -> str:
    found = _MAJOR.match(version)
    return found[0] if found else version


def _alpine(version: str) -> str:
    return "v" + ".".join(version.split(".")[:2])


_DISTRIBUTIONS: dict[str, tuple[str, Callable[[str], str]]] = {
    "almalinux": ("AlmaLinux", _major),
    "alpine": ("Alpine", _alpine),
    "amzn": ("Amazon Linux", _major),
    "azurelinux": ("Azure Linux", _major),
    "centos": ("Red Hat", _major),
    "chainguard": ("Chainguard", lambda _: ""),
    "debian": ("Debian", _major),
    "mageia": ("Mageia", _major),
    "mariner": ("Azure Linux", _major),
    "minimos": ("MinimOS", lambda _: ""),
    "ol": ("Oracle Linux", _major),
    "openeuler": ("openEuler", _whole),
    "opensuse-leap": ("openSUSE", lambda version: f"Leap {version}"),
    "opensuse-tumbleweed": ("openSUSE", lambda _: "Tumbleweed"),
    "oracle": ("Oracle Linux", _major),
    "photon": ("Photon OS", _whole),
    "redhat": ("Red Hat", _major),
    "rhel": ("Red Hat", _major),
    "rocky": ("Rocky Linux", _major),
    "sles": ("SUSE", lambda version: "Linux Enterprise Server " + version.replace(".", " SP")),
    "ubuntu": ("Ubuntu", _whole),
    "wolfi": ("Wolfi", lambda _: ""),
}


def spelling(ecosystem: str, name: str) -> str:
    """A name as the index has it: ecosystems that ignore case or dashes have one spelling each."""
    if ecosystem == "PyPI":
        return _RUN.sub("-", name).lower()
    if ecosystem in {"NuGet", "Packagist", "Hex", "Pub"}:
        return name.lower()
    if ecosystem == "SwiftURL":
        return name.removeprefix("https://").removesuffix(".git").lower()
    return name


def release(ecosystem: str) -> str:
    """An OSV ecosystem as the index has it: support tiers and product names that purls do not know are cut away."""
    family, _, rest = ecosystem.partition(":")
    if not rest:
        return family
    if family == "Ubuntu":
        return f"Ubuntu:{rest.removesuffix(':LTS')}"
    if family == "Red Hat":
        product, _, version = rest.partition(":")
        return f"Red Hat:{_major(version)}" if product == "enterprise_linux" else ecosystem
    if family in {"Rocky Linux", "AlmaLinux", "Azure Linux"}:
        return f"{family}:{_major(rest)}"
    return ecosystem


def distribution(distro: str) -> str:
    """The ecosystem of a `distro` qualifier such as `debian-12`, "" where nobody writes advisories for it."""
    name, _, version = distro.rpartition("-") if any(part.isdigit() for part in distro) else (distro, "", "")
    known = _DISTRIBUTIONS.get(name.lower())
    if known is None:
        return ""
    family, shorten = known
    suffix = shorten(version) if version else shorten("")
    return f"{family}:{suffix}".rstrip(":")


def distro_of(purls: Iterable[str]) -> str:
    """The distribution that an artifact's own os-release told (`pkg:generic/debian@12?distro=debian-12`)."""
    found = ""
    for purl in purls:
        if purl.startswith("pkg:generic/") and "?distro=" in purl:
            found = unquote(purl.partition("?distro=")[2])
    return found


@lru_cache(maxsize=1 << 18)
def place(purl: str, distro: str = "") -> Place | None:
    """Where to look a purl up; None for types that have no advisories, and without a version.

    A system package whose distribution or release nobody tells has the ecosystem "". `distro` is the artifact's;
    a purl's own qualifier wins.
    """
    head, _, tail = purl.partition("?")
    kind, _, rest = head.partition("#")[0].removeprefix("pkg:").partition("/")
    coordinates, _, version = rest.rpartition("@")
    if not coordinates:
        return None
    if "%" in rest:
        coordinates, version = unquote(coordinates), unquote(version)
    if kind in SYSTEMS:
        return _system(kind, coordinates, version, tail, distro)
    known = _NAMES.get(kind)
    if known is None:
        return None
    ecosystem, spell = known
    namespace, _, name = coordinates.rpartition("/")
    return Place(ecosystem, spelling(ecosystem, spell(namespace, name)), version.removeprefix("v"))


def _system(kind: str, coordinates: str, version: str, tail: str, distro: str) -> Place:
    namespace, _, name = coordinates.rpartition("/")
    pairs = (pair.partition("=") for pair in tail.split("&"))
    qualifiers = {key: unquote(value) for key, _, value in pairs}
    ecosystem = distribution(qualifiers.get("distro", "") or distro)
    if not ecosystem and kind == "rpm":
        told = _RPM_RELEASE.search(version)
        ecosystem = distribution(f"{namespace}-{told[1]}") if told else ""
    if kind == "rpm":
        epoch = qualifiers.get("epoch", "")
        return Place(ecosystem, name, f"{epoch}:{version}" if epoch else version)
    upstream, _, own = qualifiers.get("upstream", "").partition("@")
    return Place(ecosystem, upstream or name, own or version)
