"""What a package must have once: a second part of its kind is taken by some installers and ignored by others."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from customhouse.inspect.names import Problem, printable
from customhouse.model import Severity

_PARTS = {
    "conda": (re.compile(r"info-[^/]+\.tar\.zst"), re.compile(r"pkg-[^/]+\.tar\.zst")),
    "gem": (re.compile(r"metadata(?:\.gz)?"), re.compile(r"data\.tar(?:\.gz)?")),
}
_ONE_FOLDER = frozenset({"npm", "sdist", "crate", "helm"})
"""Packages whose installers take away the first folder of every name: two folders would be laid over each other."""
_APPLE = re.compile(r"(?:.*/)?\._[^/]+")
"""What tar on macOS puts beside files."""


def check(kind: str, files: Collection[str]) -> Iterator[Problem]:
    """What there is twice among the files of a container of this kind."""
    for part in _PARTS.get(kind, ()):
        found = sorted(filter(part.fullmatch, files))
        if len(found) > 1:
            yield "two-parts", Severity.HIGH, f"{found[0]} and {printable(found[1])}: readers disagree which one counts"
    if kind in _ONE_FOLDER:
        folders = {name.partition("/")[0] for name in files if not _APPLE.fullmatch(name)}
        if len(folders) > 1:
            shown = " and ".join(printable(name) for name in sorted(folders)[:2])
            message = f"two folders, {shown}, where installers take away the first of every name"
            yield "two-roots", Severity.HIGH, message
