"""yarn.lock, of classic Yarn (its own format) and of Yarn 2 and later (YAML): the same shape line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import lines
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_VERSION = re.compile(r' {2}"?version"?:? "?([\w.+-]+)"?')


def name(header: str) -> str:
    """The package of `"name@range, name@other":`, following an alias (`a@npm:b@^1`)."""
    first = header.lstrip('"').partition(",")[0]
    at = first.find("@", 1)
    own, constraint = (first[:at], first[at + 1 :]) if at > 0 else (first.rstrip(':"'), "")
    aliased = constraint.removeprefix("npm:")
    return name(aliased) if aliased != constraint and "@" in aliased[1:] else own


def lock(source: Source) -> Iterator[Found]:
    """One package per block; a workspace's own packages are no dependency."""
    header = ""
    for line in lines(source.data):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            header = line
            continue
        if not header:
            raise Malformed("a yarn.lock that begins with a property")
        version = _VERSION.fullmatch(line)
        if version and not header.startswith("__metadata") and "@workspace:" not in header:
            yield scoped("npm", name(header), version[1])


PARSERS: Patterns = {"yarn.lock": lock}
