"""npm: package.json, package-lock.json and npm-shrinkwrap.json, bun.lock."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from customhouse.scanners.ecosystems.constraints import lowest
from customhouse.scanners.ecosystems.documents import json_table, jsonc_table, listing, mapping, understood, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_COMMIT = re.compile(r"(?:git\+|git:|ssh:|github:|gitlab:|bitbucket:|\.git#|codeload\.github\.com/).*")

_TARBALL = re.compile(r"https?://[^/]+/(?:[^/]+/)*?((?:@[^/]+/)?[^/]+)/-/(?:@[^/]+/)?([^/]+)\.tgz")


def package(source: Source) -> Iterator[Found]:
    """A package by its manifest; outside node_modules it is a project, so what it depends on counts too."""
    manifest = json_table(source.data)
    engines = mapping(manifest.get("engines"))
    name, version = word(manifest.get("name")), word(manifest.get("version"))
    if "vscode" in engines or manifest.get("contributes") or manifest.get("unity"):
        return
    installed = "node_modules" in source.path.split("/")
    if ".vsix/" in source.path and not installed:
        return
    if name and version:
        yield scoped("npm", name, version, license_text=_license(manifest.get("license")))
    for group in () if installed else ("dependencies", "optionalDependencies"):
        for dependency, constraint in mapping(manifest.get(group)).items():
            own, range_ = _aliased(dependency, word(constraint))
            least = lowest(range_)
            if least:
                yield scoped("npm", own, least)


def _aliased(name: str, version: str) -> tuple[str, str]:
    """The real name and version behind `npm:name@version`."""
    own, at, real = version.removeprefix("npm:").rpartition("@")
    return (own, real) if at and version.startswith("npm:") else (name, version)


def _license(value: object) -> str:
    declared = word(value)
    return "" if declared.upper().startswith(("SEE ", "UNLICENSED")) else declared


def fetched(url: str, version: str = "") -> Iterator[Found]:
    """The package that a registry's address of a tarball names: it is installed, whatever the lock file calls it.

    Registries leave out what stands in `version` behind a plus.
    """
    found = _TARBALL.match(url)
    if found:
        name = unquote(found[1])
        file = unquote(found[2]).removeprefix(name.rpartition("/")[2] + "-")
        yield scoped("npm", name, version if version.startswith(f"{file}+") else file)


def lock(source: Source) -> Iterator[Found]:
    """Lock files of npm 5 (`dependencies`, nested) and of npm 7 and later (`packages`, by path)."""
    document = json_table(source.data)
    understood(document.get("lockfileVersion"), 3)
    packages = mapping(document.get("packages"))
    if packages.keys() - {""}:
        for path, entry in packages.items():
            if path and not mapping(entry).get("link"):
                own = mapping(entry)
                yield scoped("npm", word(own.get("name")) or _last(path), word(own.get("version")))
                yield from fetched(word(own.get("resolved")), word(own.get("version")))
    else:
        yield from _nested(mapping(document.get("dependencies")))


def _last(path: str) -> str:
    """The package's name in `node_modules/a/node_modules/@scope/b`."""
    parts = path.split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 and parts[-2].startswith("@") else parts[-1]


def _nested(dependencies: Mapping[str, Any]) -> Iterator[Found]:
    waiting = [dependencies]
    while waiting:
        for name, entry in waiting.pop().items():
            own = mapping(entry)
            waiting.append(mapping(own.get("dependencies")))
            real, version = _aliased(name, word(own.get("version")))
            unlike = "://" in version or version.startswith("file:") or _COMMIT.search(version)
            yield scoped("npm", real, "" if unlike else version)
            yield from fetched(word(own.get("resolved")), version)


def bun(source: Source) -> Iterator[Found]:
    """bun.lock, JSON with comments and trailing commas; each package is a list that begins with `name@version`."""
    document = jsonc_table(source.data)
    understood(document.get("lockfileVersion"), 1)
    for entry in mapping(document.get("packages")).values():
        first, address = [*listing(entry), "", ""][:2]
        if isinstance(first, str) and first:
            name, _, version = first[1:].partition("@")
            if version.startswith("workspace:"):  # the project's own
                continue
            yield scoped("npm", first[0] + name, "" if "#" in version or version.startswith("file:") else version)
            yield from fetched(word(address), version)


PARSERS: Patterns = {
    "package.json": package,
    "package-lock.json": lock,
    "npm-shrinkwrap.json": lock,
    ".package-lock.json": lock,
    "bun.lock": bun,
}
