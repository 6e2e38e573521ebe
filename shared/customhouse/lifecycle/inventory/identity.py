"""Which package an artifact itself is, among all that were found inside it: the one its own manifest names."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packageurl import PackageURL

from customhouse.model import Package

_JAVA = re.compile(r"META-INF/maven/[^/]+/[^/]+/pom\.properties")
MANIFESTS = {
    "apk-alpine": re.compile(r"\.PKGINFO"),
    "conda": re.compile(r"(info-[^/]+\.tar\.zst!/)?info/index\.json"),
    "crate": re.compile(r"[^/]+/Cargo\.toml"),
    "ear": _JAVA,
    "egg": re.compile(r"EGG-INFO/PKG-INFO"),
    "jar": _JAVA,
    "npm": re.compile(r"package/package\.json"),
    "nupkg": re.compile(r"[^/]+\.nuspec"),
    "sdist": re.compile(r"[^/]+/PKG-INFO"),
    "war": _JAVA,
    "wheel": re.compile(r"[^/]+\.dist-info/METADATA"),
}
"""By kind, where in an artifact its manifest stands."""


def own(name: str, kind: str, packages: Iterable[Package]) -> PackageURL | None:
    """The package that the artifact called `name` is; None where it has no manifest, or several that disagree.

    A manifest names its own package before those it depends on. Of several (a jar with others shaded in), the one
    counts whose name the file's begins with.
    """
    manifest, first = MANIFESTS.get(kind), dict[str, Package]()
    for package in packages:
        path = package.member.removeprefix(f"{name}!/")
        if manifest and path != package.member and manifest.fullmatch(path):
            first.setdefault(path, package)
    found = {one.purl: PackageURL.from_string(one.purl) for one in first.values()}
    if len(found) > 1:
        file = name.rpartition("/")[2]
        found = {text: one for text, one in found.items() if file.startswith(f"{one.name}-")}
    return next(iter(found.values())) if len(found) == 1 else None
