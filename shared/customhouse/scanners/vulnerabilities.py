"""Vulnerabilities: the packages that a member names, against the index of known ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal, cast

from customhouse.errors import ConfigError, Rejected, Transient
from customhouse.model import Fact, Finding, Package, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.options import Options, read
from customhouse.scanners.packages import Packages
from customhouse.vulnerabilities.index import SYSTEM, Index, findings
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.places import UNWRITTEN, place
from customhouse.vulnerabilities.releases import Releases

DAY = 86_400.0
_FRESH = 900.0
"""Seconds for which a manifest that was read is not read again."""
_ABOUT = "vulnerability index: "


class VulnerabilityOptions(Options, frozen=True, kw_only=True):
    """`max_age` is in days; `index`, a store's URL, reaches this module as an opened library, with the app's clock."""

    max_age: float = 7.0


class Vulnerabilities:
    """Finds packages as the packages scanner does, and says which of an artifact's are known to be vulnerable."""

    name = "vulnerabilities"
    reads: Literal["stream"] = "stream"

    def __init__(self, library: Library, max_age: float, clock: Callable[[], float] = time.time) -> None:
        self._library = library
        self._packages = Packages()
        self._max_age = max_age * DAY
        self._clock = clock
        self._index: Index | None = None
        self._read_at = 0.0

    @property
    def version(self) -> str:
        """The index's age and digest; `none` where it cannot be read, which a skip then tells too.

        One that became too old is another engine: no inspection from its better days is taken for one of today.
        """
        try:
            index = self._current()
            return f"{index.version}, too old" if self.stale(index.manifest.built) else index.version
        except (Transient, Rejected):
            return "none"

    def stale(self, built: float) -> bool:
        """Whether an index as of `built` (UTC epoch seconds) is too old for its silence to mean anything."""
        return self._clock() - built > self._max_age

    def wants(self, member: Member) -> bool:
        """Whether the member may name packages."""
        return self._packages.wants(member)

    def scan(self, member: Member) -> Iterable[Fact]:
        """The packages that the member names, which are judged when all of the artifact's are known."""
        return self._packages.scan(member)

    def conclude(self, packages: Sequence[Package]) -> Iterator[Finding | Skip]:
        """Findings, and a Skip for an index that is absent, stale or incomplete."""
        at = packages[0].member
        try:
            index = self._current()
            if self.stale(index.manifest.built):
                age = (self._clock() - index.manifest.built) / DAY
                yield Skip(at, SkipReason.ENGINE, f"{_ABOUT}it is {age:.1f} days old")
            yield from judge(packages, index)
        except (Transient, Rejected) as error:
            yield Skip(at, SkipReason.ENGINE, f"{_ABOUT}{error}")

    def _current(self) -> Index:
        """The index, looked for anew after a while; shards that did not change stay in memory."""
        now = self._clock()
        if self._index is None or now - self._read_at > _FRESH:
            fresh = Index(self._library)
            if self._index is None or fresh.manifest != self._index.manifest:
                self._index = fresh
            self._read_at = now
        return self._index


def judge(packages: Sequence[Package], index: Index) -> Iterator[Finding | Skip]:
    """What an index says of all packages of an artifact; errors as the index raises them."""
    yield from unmatched(packages, index)
    yield from findings(packages, index)


def about_index(skip: Skip) -> bool:
    """Whether a skip is one that another index may not have."""
    return skip.detail.startswith(_ABOUT)


def unmatched(packages: Sequence[Package], index: Index) -> Iterator[Skip]:
    """What cannot be matched: system packages of a release that nobody told, ecosystems that the index lacks."""
    releases, seen = Releases(packages), set[tuple[str, str]]()
    for package in packages:
        distro = releases.of(package.member) if package.purl.startswith(SYSTEM) else ""
        at = place(package.purl, distro)
        if at is None or index.holds(at.ecosystem) or at.ecosystem in UNWRITTEN:
            continue
        if (package.member, at.ecosystem) not in seen:
            seen.add((package.member, at.ecosystem))
            whose = at.ecosystem or f"system packages of {distro or 'an unknown release'}"
            yield Skip(package.member, SkipReason.UNSUPPORTED, f"{_ABOUT}it holds nothing for {whose}")


def build(options: Mapping[str, object]) -> Vulnerabilities:
    """The scanner on the library that `index` names."""
    given = dict(options)
    library, clock = given.pop("index", None), given.pop("clock", time.time)
    wanted = read("vulnerabilities", given, VulnerabilityOptions)
    if not isinstance(library, Library):
        raise ConfigError("scanners.vulnerabilities: name the store of the index (index: s3://bucket) in the policy")
    return Vulnerabilities(library, wanted.max_age, cast("Callable[[], float]", clock))
