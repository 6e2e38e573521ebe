"""Which package an artifact itself is: the one its own manifest names, and whether its name says the same."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import unquote

from packageurl import PackageURL
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    canonicalize_version,
    parse_sdist_filename,
    parse_wheel_filename,
)

from customhouse.inspect.names import printable
from customhouse.model import Package, Severity

_JAVA = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
MANIFESTS = {
    "apk-alpine": re.compile(r"\.PKGINFO"),
    "apk-android": re.compile(r"AndroidManifest\.xml"),
    "conda": re.compile(r"(info-[^/]+\.tar\.zst!/)?info/index\.json"),
    "crate": re.compile(r"[^/]+/Cargo\.toml"),
    "deb": re.compile(r"control\.tar(\.[a-z0-9]+)?!/(\./)?control"),
    "docker-save": re.compile(r"manifest\.json"),
    "ear": _JAVA,
    "egg": re.compile(r"EGG-INFO/PKG-INFO"),
    "gem": re.compile(r"metadata\.gz!/metadata"),
    "go-module": re.compile(r"[^@]+@v[^/]+/go\.mod"),
    "helm": re.compile(r"[^/]+/Chart\.yaml"),
    "jar": _JAVA,
    "npm": re.compile(r"package/package\.json"),
    "nupkg": re.compile(r"[^/]+\.nuspec"),
    "oci-layout": re.compile(r"(\./)?index\.json"),
    "pacman": re.compile(r"\.PKGINFO"),
    "rpm": re.compile(r"header"),
    "sdist": re.compile(r"[^/]+/PKG-INFO"),
    "vsix": re.compile(r"extension\.vsixmanifest"),
    "war": _JAVA,
    "wheel": re.compile(r"[^/]+\.dist-info/METADATA"),
}
"""By kind, where in an artifact its manifest stands."""

_ONE = frozenset({"conda", "crate", "egg", "helm", "nupkg", "sdist", "wheel"})
"""Kinds whose manifest stands in a folder, or has a name, that may be there twice: installers want exactly one."""

_CLAIMS = {
    "apk-alpine": re.compile(r".+-[0-9][^-]*-r[0-9]+\.apk"),
    "conda": re.compile(r".+-[^-]+-[^-]+\.(?:conda|tar\.bz2)"),
    "crate": re.compile(r".+-[0-9]+\.[0-9]+\.[0-9]+.*\.crate"),
    "deb": re.compile(r"[^_]+_[0-9][^_]*_[^_]+\.deb"),
    "gem": re.compile(r".+-[0-9][\w.-]*\.gem"),
    "helm": re.compile(r".+-v?[0-9]+\.[0-9]+\.[0-9]+.*\.tgz"),
    "npm": re.compile(r".+-[0-9]+\.[0-9]+\.[0-9]+.*\.tgz"),
    "nupkg": re.compile(r".+?\.[0-9]+\.[0-9]+.*\.nupkg"),
    "rpm": re.compile(r".+-[^-]+-[^-]+\.[^.-]+\.rpm"),
}
"""File names that tell a package's name and version, as the ecosystem's own tools write them."""
_ENDING = re.compile(r"\.(?:tar\.bz2|[a-z]+)$")
_MARKS = re.compile(r"[^a-z0-9]+")
_REST = re.compile(r"(?:-0)*(?:-[a-z].*)?")
"""What may follow name and version: zeros that a version may do without, a platform."""

_LONGEST = 200
"""Characters of a name that are told."""

Disagreement = tuple[str, Severity, str, str]
"""Rule, severity, the member that it is about, message."""


def own(name: str, kind: str, packages: Iterable[Package]) -> PackageURL | None:
    """The package that the artifact called `name` is; None where it has no manifest, or several that disagree.

    A manifest names its own package before those it depends on. Of several (a jar with others shaded in), the one
    counts whose name the file's begins with.
    """
    found = dict(_manifests(printable(name), kind, packages).values())
    if len(found) > 1:
        file = _file(name)
        found = {text: one for text, one in found.items() if file.startswith(f"{one.name}-")}
    return next(iter(found.values())) if len(found) == 1 else None


def _manifests(name: str, kind: str, packages: Iterable[Package]) -> dict[str, tuple[str, PackageURL]]:
    """The first package of each manifest, by the manifest's path in the artifact."""
    manifest, first = MANIFESTS.get(kind), dict[str, str]()
    for package in packages:
        path = package.member.removeprefix(f"{name}!/")
        if manifest and path != package.member and manifest.fullmatch(path):
            first.setdefault(path, package.purl)
    return {path: (purl, read) for path, purl in first.items() if (read := _read(purl))}


def _read(purl: str) -> PackageURL | None:
    """A purl as a manifest made it; None for one that is none, which a policy's own tools may have written."""
    try:
        return PackageURL.from_string(purl)
    except ValueError:
        return None


def _file(name: str) -> str:
    return name.rpartition("/")[2]


def disagreements(name: str, kind: str, packages: Iterable[Package]) -> Iterator[Disagreement]:
    """Where an artifact's name (as members' paths begin), its folders and its manifests tell of different packages."""
    manifests = _manifests(name, kind, packages)
    if kind in _ONE and len({purl for purl, _ in manifests.values()}) > 1:
        named = ", ".join(sorted(purl[:_LONGEST] for purl, _ in manifests.values())[:3])
        yield "two-identities", Severity.HIGH, name, f"its manifests name different packages: {named}"
    for path, (purl, package) in manifests.items():
        where, message = f"{name}!/{path}", f"its manifest names {purl[:_LONGEST]}"
        if kind == "wheel" and not _same_folder(path, package):
            yield (
                "identity-mismatch",
                Severity.HIGH,
                where,
                f"{message}, its folder {_file(path.rpartition('/')[0])[:_LONGEST]}",
            )
        elif len(manifests) == 1 and not _agrees(unquote(_file(name)), kind, package):
            severity = Severity.HIGH if kind in {"wheel", "sdist"} else Severity.MEDIUM
            yield "identity-mismatch", severity, where, f"{message}, its file is called {_file(name)[:_LONGEST]}"


def _same_folder(path: str, package: PackageURL) -> bool:
    """Whether a `name-version.dist-info` is what the METADATA in it says: installers go by the one or the other."""
    told, _, version = path.partition(".dist-info/")[0].rpartition("-")
    return _python(told, version) == _python(package.name, package.version or "")


def _python(name: str, version: str) -> tuple[str, str]:
    """As installers compare them (https://packaging.python.org/specifications/name-normalization/)."""
    return canonicalize_name(name), canonicalize_version(version.replace("_", "-"))


def _agrees(file: str, kind: str, package: PackageURL) -> bool:
    """Whether a file's name, where it tells name and version at all, tells these."""
    version = package.version or ""
    if kind in {"wheel", "sdist"}:
        told = _told(file, kind)
        return told is None or told == _python(package.name, version)
    claim = _CLAIMS.get(kind)
    if claim is None or not claim.fullmatch(file):
        return True
    stem = _folded(_ENDING.sub("", file))
    names = {package.name, f"{package.namespace or ''}-{package.name}"}
    versions = {version, version.partition("+")[0], version.partition(":")[2]} - {""}
    spelt = (_folded(f"{one}-{other}") for one in names for other in versions)
    return any(stem.startswith(text) and _rest(stem[len(text) :], package) for text in spelt)


def _rest(rest: str, package: PackageURL) -> bool:
    qualifiers = package.qualifiers if isinstance(package.qualifiers, dict) else {}
    return bool(_REST.fullmatch(rest)) or rest == f"-{_folded(qualifiers.get('build', ''))}"


def _folded(text: str) -> str:
    return _MARKS.sub("-", text.lower()).strip("-")


def _told(file: str, kind: str) -> tuple[str, str] | None:
    """Name and version that a wheel's or an sdist's file name tells; None where installers do not take it for one."""
    try:
        name, version = parse_wheel_filename(file)[:2] if kind == "wheel" else parse_sdist_filename(file)
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None
    return name, canonicalize_version(version)
