"""Parsers of what names packages: pure functions of a file's bytes, chosen by the file's name and path."""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache

from customhouse.scanners.ecosystems import (
    alpine,
    apple,
    beam,
    conan,
    debian,
    deno,
    dotnet,
    golang,
    gradle,
    jar,
    maven,
    npm,
    others,
    paket,
    php,
    pnpm,
    python_installed,
    python_locks,
    python_requirements,
    rpmdb,
    ruby,
    rust,
    sboms,
    yarn,
)
from customhouse.scanners.ecosystems.found import Found, Parser, Source

__all__ = ["Found", "Parser", "Source", "parser_for"]

MODULES = (
    alpine,
    apple,
    beam,
    conan,
    debian,
    deno,
    dotnet,
    golang,
    gradle,
    jar,
    maven,
    npm,
    others,
    paket,
    php,
    pnpm,
    python_installed,
    python_locks,
    python_requirements,
    rpmdb,
    ruby,
    rust,
    sboms,
    yarn,
)


_ALL: dict[str, Parser] = {pattern: parser for module in MODULES for pattern, parser in module.PARSERS.items()}
_NAMES = {pattern: parser for pattern, parser in _ALL.items() if "*" not in pattern and "/" not in pattern}
_GLOBS = [(pattern, parser) for pattern, parser in _ALL.items() if pattern not in _NAMES]
_ENDS = tuple({end for pattern, _ in _GLOBS if (end := pattern.rpartition("*")[2].rpartition("/")[2])})
_OPEN = [pattern.rstrip("*") for pattern, _ in _GLOBS if pattern.endswith("*")]
"""How a path ends if a pattern fits, or what it holds where the pattern's end is open: most are told by this."""
_ANY = re.compile("|".join(f"(?:.*/)?{fnmatch.translate(pattern)}" for pattern, _ in _GLOBS))


@lru_cache(maxsize=1 << 12)
def parser_for(path: str) -> Parser | None:
    """The parser of a file at `path` (`/` between containers and members), None where it names no packages."""
    name = path.rpartition("/")[2]
    if name in _NAMES:
        return _NAMES[name]
    if not name.endswith(_ENDS) and not any(part in path for part in _OPEN):
        return None
    if not _ANY.match(path):
        return None
    return next(
        parser
        for pattern, parser in _GLOBS
        if fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"*/{pattern}")
    )
