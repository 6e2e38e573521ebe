"""Parsers of what names packages: pure functions of a file's bytes, chosen by the file's name and path."""

from __future__ import annotations

import fnmatch
import posixpath
import re

from customhouse.scanners.ecosystems import (
    alpine,
    android,
    apple,
    beam,
    conan,
    debian,
    deno,
    dotnet,
    golang,
    gradle,
    images,
    infrastructure,
    jar,
    maven,
    npm,
    others,
    paket,
    php,
    pnpm,
    python_installed,
    python_locks,
    python_requirements,
    rpmdb,
    ruby,
    rust,
    sboms,
    vscode,
    yarn,
)
from customhouse.scanners.ecosystems.found import Found, Parser, Source, limited

__all__ = ["Found", "Parser", "Source", "contained", "parser_for"]

MODULES = (
    alpine,
    apple,
    beam,
    conan,
    debian,
    deno,
    dotnet,
    golang,
    gradle,
    infrastructure,
    jar,
    maven,
    npm,
    others,
    paket,
    php,
    pnpm,
    python_installed,
    python_locks,
    python_requirements,
    rpmdb,
    ruby,
    rust,
    sboms,
    vscode,
    yarn,
)

_LONGEST = 1024
"""Characters of a path, counted from its end, that patterns are held against; no more is ever needed to tell."""
_ALL: dict[str, Parser] = {pattern: limited(parser) for module in MODULES for pattern, parser in module.PARSERS.items()}
_NAMES = {pattern: parser for pattern, parser in _ALL.items() if "*" not in pattern and "/" not in pattern}
_GLOBS = [(pattern, parser) for pattern, parser in _ALL.items() if pattern not in _NAMES]
_ENDS = tuple({end for pattern, _ in _GLOBS if (end := pattern.rpartition("*")[2].rpartition("/")[2])})
_OPEN = [pattern.rstrip("*") for pattern, _ in _GLOBS if pattern.endswith("*")]
"""How a path ends if a pattern fits, or what it holds where the pattern's end is open: most are told by this."""
_ANY = re.compile("|".join(f"(?:.*/)?{fnmatch.translate(pattern)}" for pattern, _ in _GLOBS))

_CONTAINED: dict[tuple[str, str], Parser] = {
    ("apk-android", "AndroidManifest.xml"): android.manifest,
    ("conda", "info/index.json"): python_installed.conda,
    ("docker-save", "manifest.json"): images.saved,
    ("docker-save", "index.json"): images.layout,
    ("oci-layout", "index.json"): images.layout,
    ("tar", "index.json"): images.layout,
    ("rpm", "header"): rpmdb.package,
}
"""Manifests whose names say nothing outside the kind of container that they are the manifest of."""


def contained(container: str, inside: str) -> Parser | None:
    """The parser of a member at `inside` of a container of this kind that describes the whole container."""
    if container == "go-module" and inside.endswith("/go.mod") and inside.rpartition("@")[2].count("/") == 1:
        return limited(golang.zipped)
    parser = _CONTAINED.get((container, inside.removeprefix("./")))
    return limited(parser) if parser else None


def _plain(path: str) -> str:
    """A path as extracting makes it: no empty, `.` and `..` parts; archives of Windows have backslashes."""
    path = path.replace("\\", "/")
    return posixpath.normpath(path) if "//" in path or "./" in path else path


def parser_for(path: str) -> Parser | None:
    """The parser of a file at `path` (`/` between containers and members), None where it names no packages."""
    path = _plain(path[-_LONGEST:])
    name = path.rpartition("/")[2]
    if name in _NAMES:
        return _NAMES[name]
    if not name.endswith(_ENDS) and not any(part in path for part in _OPEN):
        return None
    if not _ANY.match(path):
        return None
    return next(
        parser
        for pattern, parser in _GLOBS
        if fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"*/{pattern}")
    )
