"""Conan: conan.lock of versions 1 (`graph_lock.nodes`) and 2 (`requires`), and conanfile.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.constraints import lowest
from customhouse.scanners.ecosystems.documents import json_table, lines, listing, mapping, word
from customhouse.scanners.ecosystems.found import Found, Patterns, Source

_REFERENCE = re.compile(r"([^/@#:%\s]+)/([^/@#:%\s]+)(?:@[^#:%]*)?(?:[#:%].*)?")

_REQUIRING = {"[requires]", "[build_requires]", "[tool_requires]", "[test_requires]"}


def _reference(text: str) -> Iterator[Found]:
    """`name/version[@user/channel][#revision][:package][%time]`; a reference without a name is skipped."""
    found = _REFERENCE.fullmatch(text)
    if found:
        yield Found("conan", found[1], found[2])


def lock(source: Source) -> Iterator[Found]:
    """Every package of the graph but the consumer's own recipe, which has a path."""
    document = json_table(source.data)
    for node in mapping(mapping(document.get("graph_lock")).get("nodes")).values():
        entry = mapping(node)
        if not entry.get("path"):
            yield from _reference(word(entry.get("ref")) or word(entry.get("pref")))
    for group in ("requires", "build_requires", "python_requires"):
        for reference in listing(document.get(group)):
            yield from _reference(word(reference))


def recipe(source: Source) -> Iterator[Found]:
    """What conanfile.txt requires; of a range (`[>=1.2 <2]`) the lowest version.

    https://docs.conan.io/2/reference/conanfile_txt.html
    """
    section = ""
    for line in lines(source.data):
        bare = line.partition("#")[0].strip()
        if bare.startswith("["):
            section = bare
        elif section in _REQUIRING:
            name, ranged, rest = bare.partition("/[")
            yield from (
                [Found("conan", name, lowest(rest.partition("]")[0].partition(",")[0]))] if ranged else _reference(bare)
            )


PARSERS: Patterns = {"conan.lock": lock, "conanfile.txt": recipe}
