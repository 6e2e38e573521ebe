"""Ecosystems whose one file takes a few lines: Dart, Haskell, Julia, Lua, OCaml, Perl, R, Nix."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import (
    json_table,
    lines,
    listing,
    mapping,
    text,
    toml_table,
    understood,
    word,
    yaml_table,
)
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_CABAL = re.compile(r"\bany\.([\w-]+) ==([^\s,]+)")
_STACK = re.compile(r"hackage:\s*([a-zA-Z0-9-]+)-([0-9.]+)@")
_INSTALLED = re.compile(r"^installed:\s*+\[", re.MULTILINE)
_OPAM = re.compile(r'"([^".\n]++)\.([^"\n]++)"')
_ROCK = re.compile(r"(.+)-((?:[0-9][\w.]*|scm|dev|cvs)-[0-9]+)\.rockspec")


def pub(source: Source) -> Iterator[Found]:
    """pubspec.lock."""
    document = yaml_table(source.data)
    if not document:
        raise Malformed("an empty pubspec.lock")
    for name, entry in mapping(document.get("packages")).items():
        yield Found("pub", name, word(mapping(entry).get("version")))


def cabal(source: Source) -> Iterator[Found]:
    """cabal.project.freeze."""
    for line in lines(source.data):
        if not line.startswith("--"):
            yield from (Found("hackage", found[1], found[2]) for found in _CABAL.finditer(line))


def stack(source: Source) -> Iterator[Found]:
    """stack.yaml.lock."""
    for found in _STACK.finditer(text(source.data)):
        yield Found("hackage", found[1], found[2])


def julia(source: Source) -> Iterator[Found]:
    """Manifest.toml, formats 1 (packages at the top) and 2 (under `deps`); the standard library has no version."""
    document = toml_table(source.data)
    understood(document.get("manifest_format"), 2)
    for name, entries in mapping(document.get("deps") if "manifest_format" in document else document).items():
        for entry in listing(entries):
            version = word(mapping(entry).get("version"))
            if version:
                yield Found("julia", name, version, qualifiers={"uuid": word(mapping(entry).get("uuid"))})


def rockspec(source: Source) -> Iterator[Found]:
    """A Lua rock by its specification's name, `name-version-revision.rockspec`."""
    found = _ROCK.fullmatch(source.name)
    if found:
        yield Found("luarocks", found[1], found[2])


def opam(source: Source) -> Iterator[Found]:
    """.opam-switch/install: `name.version`, one a line."""
    for line in lines(source.data):
        entry = line.split()[0] if line.strip() else "#"
        name, _, version = entry.partition(".")
        if entry.startswith("#"):
            continue
        if not name or not version:
            raise Malformed(f"an opam entry without a version: {entry[:40]!r}")
        yield Found("opam", name, version)


def switch(source: Source) -> Iterator[Found]:
    """What is installed in an opam switch: `installed: ["name.version" …]` of its state."""
    content = text(source.data)
    begun = _INSTALLED.search(content)
    for found in _OPAM.finditer(content[begun.end() :].partition("]")[0] if begun else ""):
        yield Found("opam", found[1], found[2])


def cpan_json(source: Source) -> Iterator[Found]:
    """META.json of a Perl distribution."""
    document = json_table(source.data)
    if word(document.get("name")) and word(document.get("version")):
        yield Found("cpan", word(document["name"]), word(document["version"]))


def cpan_yaml(source: Source) -> Iterator[Found]:
    """META.yml of a Perl distribution."""
    document = yaml_table(source.data)
    if word(document.get("name")) and word(document.get("version")):
        yield Found("cpan", word(document["name"]), word(document["version"]))


def described(source: Source) -> Iterator[Found]:
    """An R package by its DESCRIPTION; those of Bioconductor say what they are about in terms of its own.

    https://cran.r-project.org/doc/manuals/r-release/R-exts.html#The-DESCRIPTION-file
    """
    pairs = (line.partition(":") for line in lines(source.data) if line[:1].isalpha())
    fields = {key: value.strip() for key, colon, value in pairs if colon}
    if fields.get("Package") and fields.get("Version"):
        kind = "bioconductor" if "biocViews" in fields else "cran"
        yield Found(kind, fields["Package"], fields["Version"])


def renv(source: Source) -> Iterator[Found]:
    """renv.lock: packages from CRAN; checkouts and Bioconductor have other versions under the same names."""
    for entry in mapping(json_table(source.data).get("Packages")).values():
        package = mapping(entry)
        if word(package.get("Repository")) == "CRAN" and word(package.get("Package")):
            yield Found("cran", word(package["Package"]), word(package.get("Version")))


def flake(source: Source) -> Iterator[Found]:
    """flake.lock of Nix: what is locked on a code host, by commit."""
    document = json_table(source.data)
    understood(document.get("version"), 7)
    for node in mapping(document.get("nodes")).values():
        locked = mapping(mapping(node).get("locked"))
        kind, owner, repository = (word(locked.get(key)) for key in ("type", "owner", "repo"))
        if kind in {"github", "gitlab"} and owner and repository:
            yield Found(kind, repository, word(locked.get("rev")), owner)


PARSERS: Patterns = {
    "pubspec.lock": pub,
    "cabal.project.freeze": cabal,
    "*.freeze": cabal,
    "stack.yaml.lock": stack,
    "Manifest.toml": julia,
    "*.rockspec": rockspec,
    ".opam-switch/install": opam,
    ".opam-switch/switch-state": switch,
    "META.json": cpan_json,
    "META.yml": cpan_yaml,
    "renv.lock": renv,
    "DESCRIPTION": described,
    "flake.lock": flake,
}
