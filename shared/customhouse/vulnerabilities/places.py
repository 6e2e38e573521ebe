"""Where OSV speaks of a package: from a purl to the ecosystem (with its release) and the name that advisories use."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import NamedTuple

from customhouse.vulnerabilities.purls import Purl, split

_RUN = re.compile(r"[-_.]+")
_RELEASES = {
    "deb": re.compile(r"[+~]deb([0-9]+)u"),
    "rpm": re.compile(r"\.(?:module\+)?(?:el|ael|amzn|azl|cm|ph|mga)([0-9]+)"),
}
"""Where a version tells for which release of its distribution it was built."""
_UBUNTU = {"9": "16.04", "10": "18.04", "11": "20.04", "12": "22.04", "13": "24.04"}
"""Releases by the number of their base-files."""
TELLING = (
    "pkg:generic/",
    "pkg:apk/alpine/alpine-release@",
    "pkg:deb/debian/base-files@",
    "pkg:deb/ubuntu/base-files@",
)
"""How purls begin that can tell a distribution's release."""
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

UNWRITTEN = frozenset({"CocoaPods", "ConanCenter", "Kubernetes"})
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


_PACKAGED = {"deb": frozenset({"Debian", "Ubuntu"}), "apk": frozenset({"Alpine", "Chainguard", "MinimOS", "Wolfi"})}
"""Distributions by their kind of package; all others have rpm."""
_OTHERS = frozenset[str]().union(*_PACKAGED.values())


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
    """The distribution that a member's packages tell: by os-release, else by one that is made for one release."""
    told = by_package = ""
    for purl in purls:
        if not purl.startswith(TELLING):
            continue
        parts = split(purl)
        if parts.type == "generic":
            told = parts.qualifier("distro") or told
        elif parts.name == "alpine-release" and parts.type == "apk":
            by_package = f"alpine-{parts.version}"
        elif parts.name == "base-files" and parts.type == "deb":
            major = _major(parts.version)
            by_package = f"ubuntu-{_UBUNTU.get(major, major)}" if "ubuntu" in parts.version else f"debian-{major}"
    return told or by_package


@lru_cache(maxsize=1 << 18)
def place(purl: str, distro: str = "") -> Place | None:
    """Where to look a purl up; None for types that have no advisories, and without a version.

    A system package whose distribution or release nobody tells has the ecosystem "". `distro` is the artifact's;
    a purl's own qualifier wins.
    """
    parts = split(purl)
    if not parts.version:
        return None
    if parts.type in SYSTEMS:
        return _system(parts, distro)
    known = _NAMES.get(parts.type)
    if known is None:
        return None
    ecosystem, spell = known
    return Place(ecosystem, spelling(ecosystem, spell(parts.namespace, parts.name)), parts.version.removeprefix("v"))


def _system(parts: Purl, distro: str) -> Place:
    ecosystem = distribution(parts.qualifier("distro") or distro)
    if not ecosystem:
        told = _RELEASES[parts.type].search(parts.version) if parts.type in _RELEASES else None
        ecosystem = distribution(f"{parts.namespace}-{told[1]}") if told else ""
    if (ecosystem.partition(":")[0] in _PACKAGED.get(parts.type, _OTHERS)) is (parts.type not in _PACKAGED):
        ecosystem = ""  # of another distribution than its kind of package: what that one says means nothing
    if parts.type == "rpm":
        epoch = parts.qualifier("epoch")
        return Place(ecosystem, parts.name, f"{epoch}:{parts.version}" if epoch else parts.version)
    upstream, _, own = parts.qualifier("upstream").partition("@")
    return Place(ecosystem, upstream or parts.name, own or parts.version)
