"""Python lock files: poetry, PDM, uv, pylock (PEP 751), Pipfile."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from customhouse.scanners.ecosystems.documents import json_table, listing, mapping, toml_table, understood, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source
from customhouse.scanners.ecosystems.python_requirements import requirement


def _tables(document: Mapping[str, Any], key: str) -> Iterator[Found]:
    for package in listing(document.get(key)):
        entry = mapping(package)
        if word(entry.get("name")):
            yield Found("pypi", word(entry.get("name")), word(entry.get("version")))


def poetry(source: Source) -> Iterable[Found]:
    """`[[package]]` tables of poetry.lock and pdm.lock."""
    document = toml_table(source.data)
    understood(mapping(document.get("metadata")).get("lock-version"), 2)
    understood(mapping(document.get("metadata")).get("lock_version"), 4)
    return _tables(document, "package")


def pylock(source: Source) -> Iterable[Found]:
    """`[[packages]]` tables (https://packaging.python.org/specifications/pylock-toml/)."""
    document = toml_table(source.data)
    understood(document.get("lock-version"), 1)
    return _tables(document, "packages")


def uv(source: Source) -> Iterator[Found]:
    """`[[package]]` tables; what is editable or virtual is the project itself."""
    document = toml_table(source.data)
    understood(document.get("version"), 1)
    for package in listing(document.get("package")):
        entry = mapping(package)
        origin = mapping(entry.get("source"))
        if word(entry.get("name")) and not {"virtual", "editable"} & origin.keys():
            yield Found("pypi", word(entry.get("name")), word(entry.get("version")))


def pipfile(source: Source) -> Iterator[Found]:
    """The pinned packages of `default`, `develop` and other categories; a checkout has no version, so no package."""
    document = json_table(source.data) if source.data.strip() else {}
    understood(mapping(document.get("_meta")).get("pipfile-spec"), 6)
    for group in document.keys() - {"_meta"}:
        for name, entry in mapping(document[group]).items():
            version = word(mapping(entry).get("version"))
            found = requirement(f"{name}{version}") if version else None
            yield from [found] if found else []


PARSERS: Patterns = {
    "poetry.lock": poetry,
    "pdm.lock": poetry,
    "uv.lock": uv,
    "pylock.toml": pylock,
    "pylock.*.toml": pylock,
    "Pipfile.lock": pipfile,
}
