"""What kind of package an archive is, by the names in it: a library calls a wheel and a jar a zip."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ZIP = (
    ("wheel", re.compile(r"^[^/]+\.dist-info/WHEEL$")),
    ("egg", re.compile(r"^EGG-INFO/PKG-INFO$")),
    ("nupkg", re.compile(r"^[^/]+\.nuspec$")),
    ("vsix", re.compile(r"^extension\.vsixmanifest$")),
    ("conda", re.compile(r"^pkg-[^/]+\.tar\.zst$")),
    ("apk-android", re.compile(r"^AndroidManifest\.xml$")),
    ("ear", re.compile(r"^META-INF/application\.xml$")),
    ("war", re.compile(r"^WEB-INF/")),
    ("jar", re.compile(r"^META-INF/MANIFEST\.MF$", re.IGNORECASE)),
    ("ipa", re.compile(r"^Payload/[^/]+\.app/")),
    ("docx", re.compile(r"^word/document\.xml$")),
    ("xlsx", re.compile(r"^xl/workbook\.xml$")),
    ("pptx", re.compile(r"^ppt/presentation\.xml$")),
    ("torch", re.compile(r"^[^/]+/data\.pkl$")),
    ("npz", re.compile(r"^[^/]+\.npy$")),
    ("go-module", re.compile(r"^[^@]+@v[^/]+/")),
    ("sdist", re.compile(r"^[^/]+(?<!\.egg-info)/PKG-INFO$")),
    ("epub", re.compile(r"^META-INF/container\.xml$")),
    ("odf", re.compile(r"^META-INF/manifest\.xml$")),
)
_TAR = (
    ("docker-save", re.compile(r"^manifest\.json$")),
    ("oci-layout", re.compile(r"^oci-layout$")),
    ("npm", re.compile(r"^package/package\.json$")),
    ("sdist", re.compile(r"^[^/]+(?<!\.egg-info)/PKG-INFO$")),
    ("crate", re.compile(r"^[^/]+/Cargo\.toml\.orig$")),
    ("helm", re.compile(r"^[^/]+/Chart\.yaml$")),
    ("pacman", re.compile(r"^\.(?:BUILDINFO|MTREE)$")),
    ("apk-alpine", re.compile(r"^\.PKGINFO$")),
    ("conda", re.compile(r"^info/index\.json$")),
    ("gem", re.compile(r"^data\.tar\.gz$")),
)
_AR = (("deb", re.compile(r"^debian-binary$")),)
_RULES = {"zip": _ZIP, "tar": _TAR, "ar": _AR}

_ANY = re.compile(
    "|".join(f"(?:\\./)?{p.pattern.removeprefix('^')}" for p in (r[1] for r in (*_ZIP, *_TAR, *_AR))), re.IGNORECASE
)

TARS = frozenset({"tar", *(kind for kind, _ in _TAR)}) - {"gem"}
"""Kinds that a compressed tar may be: then that is what the compressed file is, too."""

_ROOTED: dict[str, tuple[str, ...]] = {
    "deb": ("",),
    "rpm": ("",),
    "apk-alpine": (".apk",),
    "pacman": (".pkg.tar", ".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar.gz"),
}
"""Packages that are unpacked as a file system of their own, links and set-user-id programs included.

Those that are a plain tar are so only under the names that their tools take: any tar may hold a .PKGINFO.
"""


def rooted_kind(kind: str, path: str) -> bool:
    """Whether a container of this kind at this path is unpacked as a file system of its own."""
    endings = _ROOTED.get(kind)
    return endings is not None and path.lower().endswith(endings)


IN_PLACE = frozenset({"jar", "apk-android"})
"""Packages that are read as they are, where names that differ by case are ordinary: shrinkers make them so."""

PARTED = frozenset({"deb", "gem", "conda"})
"""Packages whose parts are archives by name: one that is none would hide what it holds."""

LAYER = re.compile(r"^(?:blobs/sha256/[0-9a-f]{64}|[0-9a-f]{64}(?:/layer)?\.tar(?:\.gz)?|[^/]+/layer\.tar)$")
"""What image archives call their layers: a file system each, wherever the manifest comes in the archive."""

LAYERED = frozenset({"tar", "docker-save", "oci-layout"})
"""What an image archive is while it is read: its manifest may come last."""

BLOB = re.compile(r"^blobs/sha256/([0-9a-f]{64})$")
"""A blob of an image layout, named by the digest of its bytes (OCI image layout specification, "Blobs")."""


class Probe:
    """Sees one container's names as they come; `kind` is the best guess so far, the first rule of the list wins."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._rules = list(_RULES.get(kind, ()))

    def see_all(self, names: Iterable[str]) -> None:
        """All names of a container that lists them first."""
        for name in names:
            self.see(name)

    def see(self, name: str) -> None:
        """One more name."""
        if not self._rules or not _ANY.match(name):
            return
        plain = name.removeprefix("./")
        for place, (kind, pattern) in enumerate(self._rules):
            if pattern.match(plain):
                self.kind = kind
                del self._rules[place:]
                return
