"""Rust: Cargo.lock and Cargo.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from customhouse.scanners.ecosystems.constraints import lowest
from customhouse.scanners.ecosystems.documents import listing, mapping, toml_table, understood, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_COMMIT = re.compile(r"[0-9a-f]{40}")


def lock(source: Source) -> Iterator[Found]:
    """Every `[[package]]` of Cargo.lock, the workspace's own too."""
    document = toml_table(source.data)
    understood(document.get("version"), 4)
    for package in listing(document.get("package")):
        entry = mapping(package)
        if word(entry.get("name")):
            yield Found("cargo", word(entry["name"]), word(entry.get("version")))


def manifest(source: Source) -> Iterator[Found]:
    """The package and its dependencies with a version or a commit (a tag can move), under their real names."""
    document = toml_table(source.data)
    own = mapping(document.get("package"))
    if word(own.get("name")):
        yield Found("cargo", word(own["name"]), word(own.get("version")), license=word(own.get("license")))
    for name, entry in _dependencies(document):
        table = mapping(entry)
        version = word(table.get("version")) or word(entry)
        if version and not version[0].isdigit():
            version = lowest(version)
        if version or (table.get("git") and _COMMIT.fullmatch(word(table.get("rev")))):
            yield Found("cargo", word(table.get("package")) or name, version)


def _dependencies(document: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What is needed on every platform, and on single ones; what builds it counts too."""
    for part in (document, *map(mapping, mapping(document.get("target")).values())):
        for group in ("dependencies", "build-dependencies"):
            yield from mapping(part.get(group)).items()


PARSERS: Patterns = {"Cargo.lock": lock, "Cargo.toml": manifest}
