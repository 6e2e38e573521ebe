"""Vulnerabilities: the packages that a member names, against the index of known ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, cast

from customhouse.errors import ConfigError, Rejected, Transient
from customhouse.model import Fact, Package, Skip, SkipReason
from customhouse.ports import Store
from customhouse.scanners import Member
from customhouse.scanners.options import Options, read
from customhouse.scanners.packages import Packages
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.places import UNWRITTEN, distro_of, place

_DAY = 86_400.0
_FRESH = 900.0
"""Seconds for which a manifest that was read is not read again."""


class VulnerabilityOptions(Options, frozen=True, kw_only=True):
    """`max_age` is in days; the option `index`, a store's URL, reaches this module as the opened store."""

    max_age: float = 7.0


class Vulnerabilities:
    """Finds the packages of a member as the packages scanner does, and says which are known to be vulnerable."""

    name = "vulnerabilities"
    reads: Literal["stream"] = "stream"

    def __init__(self, store: Store, max_age: float, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._packages = Packages()
        self._max_age = max_age * _DAY
        self._clock = clock
        self._index: Index | None = None
        self._read_at = 0.0

    @property
    def version(self) -> str:
        """The index's age and digest; `none` where it cannot be read, which a skip then tells too."""
        try:
            return self._current().version
        except (Transient, Rejected):
            return "none"

    def wants(self, member: Member) -> bool:
        """Whether the member may name packages."""
        return self._packages.wants(member)

    def scan(self, member: Member) -> Iterator[Fact]:
        """Findings, and a Skip for an index that is absent, stale or incomplete, or a member that does not read."""
        packages = []
        for fact in self._packages.scan(member):
            if isinstance(fact, Package):
                packages.append(fact)
            else:
                yield fact
        if packages:
            yield from self._judge(member.path, packages)

    def _judge(self, path: str, packages: Sequence[Package]) -> Iterator[Fact]:
        try:
            index = self._current()
            age = self._clock() - index.manifest.built
            if age > self._max_age:
                yield Skip(path, SkipReason.ENGINE, f"the vulnerability index is {age / _DAY:.1f} days old")
            yield from unmatched(packages, index)
            yield from findings(packages, index)
        except (Transient, Rejected) as error:
            yield Skip(path, SkipReason.ENGINE, f"vulnerability index: {error}")

    def _current(self) -> Index:
        """The index, looked for anew after a while; shards that did not change stay in memory."""
        now = self._clock()
        if self._index is None or now - self._read_at > _FRESH:
            fresh = Index(self._store)
            if self._index is None or fresh.manifest != self._index.manifest:
                self._index = fresh
            self._read_at = now
        return self._index


def unmatched(packages: Sequence[Package], index: Index) -> Iterator[Skip]:
    """What cannot be matched: system packages of a release that nobody told, ecosystems that the index lacks."""
    distro = distro_of(package.purl for package in packages)
    seen: set[str] = set()
    for package in packages:
        at = place(package.purl, distro)
        if at is None or index.holds(at.ecosystem) or at.ecosystem in seen | UNWRITTEN:
            continue
        seen.add(at.ecosystem)
        whose = at.ecosystem or f"system packages of {distro or 'an unknown release'}"
        yield Skip(package.member, SkipReason.UNSUPPORTED, f"the vulnerability index holds nothing for {whose}")


def build(options: Mapping[str, object]) -> Vulnerabilities:
    """The scanner on the store that `index` names."""
    given = dict(options)
    store = given.pop("index", None)
    wanted = read("vulnerabilities", given, VulnerabilityOptions)
    if not hasattr(store, "read"):
        raise ConfigError("scanners.vulnerabilities: name the store of the index (index: s3://bucket) in the policy")
    return Vulnerabilities(cast("Store", store), wanted.max_age)
