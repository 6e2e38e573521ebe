"""yarn.lock, of classic Yarn (its own format) and of Yarn 2 and later (YAML): the same shape line by line."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.errors import Malformed
from customhouse.scanners.ecosystems.documents import lines
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped
from customhouse.scanners.ecosystems.npm import fetched

_VERSION = re.compile(r' {2}"?version"?:? "?([\w.+-]+)"?')
_RESOLUTION = re.compile(r' {2}resolution: "((?:@[^/"@]+/)?[^/"@]+)@npm:([\w.+-]+)')
_RESOLVED = re.compile(r' {2}"?resolved"?:? "?([^"#]+)')

_OWN = "0.0.0-use.local"
"""The version of what is not fetched: a workspace, a link, a portal."""


def name(header: str) -> str:
    """The package of `"name@range, name@other":`, following an alias (`a@npm:b@^1`)."""
    first = header.lstrip('"').partition(",")[0]
    own, at, constraint = _split(first)
    if constraint.startswith("npm:") and "@" in constraint[5:]:
        own, at, _ = _split(constraint.removeprefix("npm:"))
    return own if at else own.rstrip(':"')


def _split(reference: str) -> tuple[str, str, str]:
    """A name that may begin with `@`, an `@` and what follows it."""
    own, at, constraint = reference[1:].partition("@")
    return reference[:1] + own, at, constraint


def lock(source: Source) -> Iterator[Found]:
    """One package per block; a workspace's own packages are no dependency. What is fetched counts too.

    A header of more than 1,024 characters is a key on its own: a question mark before it, a colon on the next line.
    """
    header = version = ""
    for line in lines(source.data):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if not line.startswith(" "):
            header = header if line.rstrip() == ":" else line.removeprefix("? ")
            continue
        if not header:
            raise Malformed("a yarn.lock that begins with a property")
        if stated := _VERSION.fullmatch(line):
            version = stated[1]
            if version != _OWN and "@workspace:" not in header and not header.startswith("__metadata"):
                yield scoped("npm", name(header), version)
        elif resolution := _RESOLUTION.match(line):
            yield scoped("npm", resolution[1], resolution[2])
        elif resolved := _RESOLVED.match(line):
            yield from fetched(resolved[1], version)


PARSERS: Patterns = {"yarn.lock": lock}
