"""What is installed, by its own metadata: wheels, eggs, sdists, conda packages."""

from __future__ import annotations

from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import headers, json_table, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source


def metadata(source: Source) -> Iterator[Found]:
    """Core metadata (https://packaging.python.org/specifications/core-metadata/)."""
    found = headers(source.data)
    name, version = str(found.get("Name", "")).strip(), str(found.get("Version", "")).strip()
    if name and version:
        yield Found("pypi", name, version, license=str(found.get("License-Expression", "")).strip())


def conda(source: Source) -> Iterator[Found]:
    """A record of `conda-meta`, one installed package each, or a package's own info/index.json."""
    record = json_table(source.data)
    name, version = word(record.get("name")), word(record.get("version"))
    if not name or not version:
        raise Malformed("a conda record without name or version")
    qualifiers = {"build": word(record.get("build")), "channel": word(record.get("channel"))}
    qualifiers["subdir"] = word(record.get("subdir"))
    yield Found("conda", name, version, license=word(record.get("license")), qualifiers=qualifiers)


PARSERS: Patterns = {
    "*.dist-info/METADATA": metadata,
    "*.egg-info": metadata,
    "PKG-INFO": metadata,
    "conda-meta/*.json": conda,
}
