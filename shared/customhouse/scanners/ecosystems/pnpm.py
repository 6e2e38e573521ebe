"""pnpm-lock.yaml, versions 5 to 9: packages by path (`/a/1.0.0`, `/a@1.0.0(b@2)`, `a@1.0.0`)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from customhouse.scanners.ecosystems.documents import mapping, understood, word, yaml_tables
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped
from customhouse.scanners.ecosystems.npm import fetched

_LAYOUT = re.compile(r"[0-9]+(?:\.[0-9]+)?")
"""A version of the format may have words behind it, such as `5.4-inlineSpecifiers`."""
_BY_NAME = 9.0
"""The first lock file version whose keys are `name@version`."""


def _parts(path: str, layout: float) -> tuple[str, str]:
    """Name and version of a package's key; "" where the key says none (a file, a URL)."""
    if layout >= _BY_NAME:
        name, _, version = path[1:].partition("@")
        return path[:1] + name, version if version[:1].isdigit() else ""
    if path.startswith("file:"):
        return "", ""
    parts = path.partition("(")[0].split("/")[1:]
    if not parts:
        return "", ""
    own = 2 if parts[0].startswith("@") else 1
    name, version = "/".join(parts[:own]), parts[own] if len(parts) > own else ""
    if not version and "@" in name[1:]:
        name, _, version = name.rpartition("@")
    version = version.partition("_")[0]
    return (name, version) if version[:1].isdigit() else ("", "")


def lock(source: Source) -> Iterator[Found]:
    """Every package of the lock file; `name` and `version` in an entry win over its key.

    Since version 11, a document of its own before the project's tells which pnpm and which settings are used.
    """
    for document in yaml_tables(source.data):
        yield from _locked(document)


def _locked(document: Mapping[str, Any]) -> Iterator[Found]:
    understood(document.get("lockfileVersion"), 9)
    stated = _LAYOUT.match(word(document.get("lockfileVersion")))
    layout = float(stated[0]) if stated else 0.0
    for path, entry in mapping(document.get("packages")).items():
        name, version = _parts(path, layout)
        own = mapping(entry)
        name, version = word(own.get("name")) or name, word(own.get("version")) or version
        if name and version:
            yield scoped("npm", name, version)
            yield from fetched(word(mapping(own.get("resolution")).get("tarball")), version)


PARSERS: Patterns = {"pnpm-lock.yaml": lock}
