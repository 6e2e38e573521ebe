"""Matching stored bills of materials against a changed index, without touching one artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from customhouse.model import Finding, Package
from customhouse.vulnerabilities.index import SYSTEM, Index, findings
from customhouse.vulnerabilities.places import place
from customhouse.vulnerabilities.releases import Releases
from customhouse.vulnerabilities.remembered import Remembered

Name = tuple[str, str]
_DISTROS = 64
"""Distributions whose answers are remembered; artifacts may name any."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a new index says differently about one bill of materials."""

    key: str
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]


class Difference:
    """Where two indexes differ: `names` are ecosystem and name of packages; an ecosystem may be in one index only."""

    def __init__(self, old: Index, new: Index) -> None:
        self.names = frozenset(_differing(old, new))
        self._ecosystems = old.manifest.shards.keys() ^ new.manifest.shards.keys()
        self._spelt = {name for _, name in self.names}
        self._known = Remembered(self._any)
        self._of_system = Remembered(lambda distro: Remembered(lambda purl: self._differs(purl, distro)), _DISTROS)

    def touched(self, packages: Sequence[Package]) -> list[Package]:
        """The packages of one artifact of which the indexes may say different things."""
        out, known, releases = [], self._known, None
        for package in packages:
            differs = known[package.purl]
            if differs is None:
                releases = releases or Releases(packages)
                differs = self._of_system[releases.of(package.member)][package.purl]
            if differs:
                out.append(package)
        return out

    def _any(self, purl: str) -> bool | None:
        """None for a system package of whose name anything changed in any release."""
        if not purl.startswith(SYSTEM):
            return self._differs(purl, "")
        at = place(purl)
        return None if self._ecosystems or (at and at.name in self._spelt) else False

    def _differs(self, purl: str, distro: str) -> bool:
        at = place(purl, distro)
        return at is not None and (at.ecosystem in self._ecosystems or (at.ecosystem, at.name) in self.names)


def _differing(old: Index, new: Index) -> Iterator[Name]:
    """Packages with different advisories; shards that both indexes have are not read."""
    for ecosystem in old.manifest.shards.keys() | new.manifest.shards.keys():
        before, after = (set(index.manifest.shards.get(ecosystem, ())) for index in (old, new))
        stale = {name: found for digest in before - after for name, found in old.shard(digest).items()}
        fresh = {name: found for digest in after - before for name, found in new.shard(digest).items()}
        yield from ((ecosystem, name) for name in stale.keys() | fresh.keys() if stale.get(name) != fresh.get(name))


def rematch(sboms: Iterable[tuple[str, Sequence[Package]]], old: Index, new: Index) -> Iterator[Change]:
    """A Change for each bill of materials about which the new index says something else than the old one.

    Only packages whose advisories changed are matched, so a day's advisories cost a look at each purl. The two
    findings of a change hold only what differs.
    """
    difference = Difference(old, new)
    if not difference.names:
        return
    for key, packages in sboms:
        touched = difference.touched(packages)
        if not touched:
            continue
        releases = Releases(packages)
        before, after = (dict.fromkeys(findings(touched, index, releases)) for index in (old, new))
        appeared = tuple(finding for finding in after if finding not in before)
        vanished = tuple(finding for finding in before if finding not in after)
        if appeared or vanished:
            yield Change(key, appeared, vanished)
