"""Paket for .NET: paket.dependencies (declared) and paket.lock (resolved)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from customhouse.scanners.ecosystems.documents import lines
from customhouse.scanners.ecosystems.found import Found, Patterns, Source, scoped

_NUGET = re.compile(r"nuget\s+(\S+)(?:\s+(?:~>|>=|<=|==|=|>|<)?\s*(\S+))?")
_GITHUB = re.compile(r"github\s+([^\s/:]+/[^\s:]+)(?::(\S+)|\s+(v?[0-9]\S*))?")
_COMMIT = re.compile(r"[0-9a-fA-F]{7,}")
_RESOLVED = re.compile(r" {4}([\w.-]+) \(([^)\s]+)\).*")


def dependencies(source: Source) -> Iterator[Found]:
    """What a project declares (https://fsprojects.github.io/Paket/dependencies-file.html)."""
    for line in lines(source.data):
        bare = re.sub(r"(?://|(?:^|\s)#).*", "", line).strip()
        package, repository = _NUGET.match(bare), _GITHUB.match(bare)
        if package:
            version = package[2] or ""
            yield Found("nuget", package[1], version if version[:1].isdigit() else "")
        elif repository:
            reference = repository[2] or repository[3] or ""
            yield scoped("github", repository[1], "" if _COMMIT.fullmatch(reference) else reference)


def lock(source: Source) -> Iterator[Found]:
    """The packages under a NUGET section, four spaces deep."""
    section = ""
    for line in lines(source.data):
        if line and not line.startswith(" "):
            section = line.strip()
        found = _RESOLVED.fullmatch(line) if section == "NUGET" else None
        if found:
            yield Found("nuget", found[1], found[2])


PARSERS: Patterns = {"paket.dependencies": dependencies, "paket.lock": lock}
