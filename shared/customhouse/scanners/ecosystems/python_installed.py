"""What is installed, by its own metadata: wheels, eggs, sdists, conda packages; and environments of conda."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import (
    headers,
    json_table,
    listing,
    mapping,
    understood,
    word,
    yaml_table,
)
from customhouse.scanners.ecosystems.found import Found, Patterns, Source
from customhouse.scanners.ecosystems.python_requirements import requirement

_CONDA = re.compile(r"(?:([\w./:-]+)::)?([\w.-]+)(?:\s*={1,2}\s*([\w.!+]+)(?:=[\w.*]+)?|\s*[<>!~].*|\s*={1,2}.*)?")


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


def environment(source: Source) -> Iterator[Found]:
    """environment.yml: `name=version=build` of conda, and requirements of pip below.

    https://docs.conda.io/projects/conda/en/stable/user-guide/tasks/manage-environments.html
    """
    for entry in listing(yaml_table(source.data).get("dependencies")):
        for line in listing(mapping(entry).get("pip")):
            found = requirement(word(line))
            yield from [found] if found else []
        pinned = _CONDA.fullmatch(word(entry))
        if pinned:
            yield Found("conda", pinned[2], pinned[3] or "", qualifiers={"channel": pinned[1] or ""})


def locked(source: Source) -> Iterator[Found]:
    """conda-lock.yml: packages of conda and of pip, for every platform."""
    document = yaml_table(source.data)
    understood(document.get("version"), 1)
    for entry in map(mapping, listing(document.get("package"))):
        name, version = word(entry.get("name")), word(entry.get("version"))
        if name:
            yield Found("pypi" if word(entry.get("manager")) == "pip" else "conda", name, version)


PARSERS: Patterns = {
    "environment.yml": environment,
    "environment.yaml": environment,
    "conda-lock.yml": locked,
    "*.dist-info/METADATA": metadata,
    "*.egg-info": metadata,
    "PKG-INFO": metadata,
    "conda-meta/*.json": conda,
}
