"""Gradle and sbt: lock files, verification metadata, version catalogs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from customhouse.scanners.ecosystems.documents import json_table, lines, listing, mapping, toml_table, word, xml_root
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_LOCKED = re.compile(r"([^:=\s]+):([^:=\s]+):([^:=\s]+)(?:=.*)?")


def lockfile(source: Source) -> Iterator[Found]:
    """`group:artifact:version=configurations`, one a line; of old in a file for each configuration."""
    for line in lines(source.data):
        found = _LOCKED.fullmatch(line.strip())
        if found and not line.lstrip().startswith("#"):
            yield Found("maven", found[2], found[3], found[1])


def verification(source: Source) -> Iterator[Found]:
    """gradle/verification-metadata.xml; a component without a name is no package."""
    for component in xml_root(source.data).iter("component"):
        name, version, group = (component.get(key, "") for key in ("name", "version", "group"))
        if name:
            yield Found("maven", name, version, group)


def _version(value: object, versions: Mapping[str, Any]) -> str:
    """A catalog's version: text, a reference, or a rich version of which the strictest word counts."""
    table = mapping(value)
    if not table:
        return word(value)
    if "ref" in table:
        return _version(versions.get(word(table["ref"])), {})
    return next((word(table[key]) for key in ("strictly", "require", "prefer") if word(table.get(key))), "")


def catalog(source: Source) -> Iterator[Found]:
    """The libraries of a version catalog (https://docs.gradle.org/current/userguide/version_catalogs.html)."""
    document = toml_table(source.data)
    versions = mapping(document.get("versions"))
    for entry in mapping(document.get("libraries")).values():
        table = mapping(entry)
        if table:
            group, _, name = word(table.get("module")).partition(":")
            group, name = group or word(table.get("group")), name or word(table.get("name"))
            version = _version(table.get("version"), versions)
        else:
            group, name, version = [*word(entry).split(":", 2), "", "", ""][:3]
        if group and name:
            yield Found("maven", name, version, group)


def sbt(source: Source) -> Iterator[Found]:
    """build.sbt.lock of the sbt-dependency-lock plug-in."""
    for dependency in listing(json_table(source.data).get("dependencies")):
        entry = mapping(dependency)
        if word(entry.get("name")):
            yield Found("maven", word(entry["name"]), word(entry.get("version")), word(entry.get("org")))


PARSERS: Patterns = {
    "gradle.lockfile": lockfile,
    "buildscript-gradle.lockfile": lockfile,
    "gradle/dependency-locks/*.lockfile": lockfile,
    "gradle/verification-metadata.xml": verification,
    "libs.versions.toml": catalog,
    "gradle/*.versions.toml": catalog,
    "build.sbt.lock": sbt,
}
