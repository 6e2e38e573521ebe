"""Swift packages, CocoaPods and Carthage."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import json_table, lines, listing, mapping, understood, word, yaml_table
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_POD = re.compile(r"(\S+) \(([^)]+)\)")
_CARTHAGE = re.compile(r'(github|git|binary)\s+"([^"]+)"\s+"([^"]+)"')
_PLACE = re.compile(r"(?:[a-z+]+://(?:[^@/]*@)?|git@)([^:/]+)[:/](.+?)(?:\.git)?/?")


def resolved(source: Source) -> Iterator[Found]:
    """Package.resolved, versions 1 (`object.pins`) to 3 (`pins`); a package is named by where it is."""
    document = json_table(source.data)
    understood(document.get("version"), 3)
    for pin in listing(document.get("pins")) or listing(mapping(document.get("object")).get("pins")):
        entry = mapping(pin)
        address = _PLACE.fullmatch(word(entry.get("location")) or word(entry.get("repositoryURL")))
        name = f"{address[1]}/{address[2]}" if address else word(entry.get("identity")) or word(entry.get("package"))
        if name:
            yield scoped("swift", name, word(mapping(entry.get("state")).get("version")))


def pods(source: Source) -> Iterator[Found]:
    """Podfile.lock: `Name (version)`, alone or with its own dependencies below."""
    document = yaml_table(source.data)
    if not document:
        raise Malformed("an empty Podfile.lock")
    for entry in listing(document.get("PODS")):
        found = _POD.fullmatch(word(next(iter(entry), "")) if isinstance(entry, dict) else word(entry))
        if found:
            yield Found("cocoapods", found[1], found[2])


def carthage(source: Source) -> Iterator[Found]:
    """Cartfile.resolved: origin, place and version, each in quotes but the first; a binary has no repository.

    https://github.com/Carthage/Carthage/blob/master/Documentation/Artifacts.md#cartfileresolved
    """
    for line in lines(source.data):
        found = _CARTHAGE.fullmatch(line.partition("#")[0].strip())
        if found and found[1] != "binary":
            address = _PLACE.fullmatch(found[2])
            name = f"{address[1]}/{address[2]}" if address else f"github.com/{found[2]}"
            yield scoped("swift", name, found[3])


PARSERS: Patterns = {"Package.resolved": resolved, "Podfile.lock": pods, "Cartfile.resolved": carthage}
