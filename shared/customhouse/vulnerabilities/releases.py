"""Of which distribution's release the system packages of an artifact are, as far as the artifact tells."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from customhouse.model import Package
from customhouse.vulnerabilities.places import TELLING, distro_of

_OS_RELEASE = re.compile(r"(?:etc|usr/lib)/os-release$")


class Releases:
    """What members tell of themselves, of what lies below the same root, and of the artifact as a whole.

    A database may name packages that are made for one release. Otherwise the nearest os-release counts: that of the
    root which holds the database, else, as in the layers of an image, the only one that there is.
    """

    def __init__(self, packages: Iterable[Package]) -> None:
        purls: dict[str, list[str]] = defaultdict(list)
        for package in [package for package in packages if package.purl.startswith(TELLING)]:
            purls[package.member].append(package.purl)
        told = {member: distro_of(found) for member, found in purls.items()}
        self._told = {member: distro for member, distro in told.items() if distro}
        roots = {member: _OS_RELEASE.search(member) for member in self._told}
        self._roots = {member[: at.start()]: self._told[member] for member, at in roots.items() if at}
        self._lengths = sorted({len(root) for root in self._roots}, reverse=True)
        distros = set(self._told.values())
        self._only = distros.pop() if len(distros) == 1 else ""

    def of(self, member: str) -> str:
        """The distribution of a member's system packages such as `debian-12`, "" where nothing tells it."""
        if member not in self._told:
            around = (self._roots.get(member[:length]) for length in self._lengths if length < len(member))
            self._told[member] = next(filter(None, around), self._only)
        return self._told[member]
