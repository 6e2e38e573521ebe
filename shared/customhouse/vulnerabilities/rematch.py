"""Matching stored bills of materials against a changed index, without touching one artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from customhouse.model import Finding, Package
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.places import distro_of, place

Name = tuple[str, str]
_MOST = 1 << 18
"""Purls of which the answer is remembered."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a new index says differently about one bill of materials."""

    key: str
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two indexes differ: ecosystem and name of packages, and ecosystems that only one of them has."""

    names: frozenset[Name]
    ecosystems: frozenset[str]
    _known: dict[str, dict[str, bool]] = field(default_factory=dict)

    @classmethod
    def of(cls, old: Index, new: Index) -> Difference:
        """Shards that both have are not read."""
        names: set[Name] = set()
        for ecosystem in old.manifest.shards.keys() | new.manifest.shards.keys():
            before, after = (set(index.manifest.shards.get(ecosystem, ())) for index in (old, new))
            stale = {name: found for digest in before - after for name, found in old.shard(digest).items()}
            fresh = {name: found for digest in after - before for name, found in new.shard(digest).items()}
            names |= {(ecosystem, name) for name in stale.keys() | fresh.keys() if stale.get(name) != fresh.get(name)}
        return cls(frozenset(names), frozenset(old.manifest.shards.keys() ^ new.manifest.shards.keys()))

    def touches(self, packages: Iterable[Package]) -> bool:
        """Whether the indexes may say different things of any of these packages."""
        return bool(self.touched(packages))

    def touched(self, packages: Iterable[Package], distro: str | None = None) -> list[Package]:
        """The packages of one artifact of which the indexes may say different things."""
        held = list(packages)
        told = distro_of(package.purl for package in held) if distro is None else distro
        if sum(map(len, self._known.values())) > _MOST:
            self._known.clear()
        known = self._known.setdefault(told, {})
        out = []
        for package in held:
            answer = known.get(package.purl)
            if answer is None:
                answer = known[package.purl] = self._differs(package.purl, told)
            if answer:
                out.append(package)
        return out

    def _differs(self, purl: str, distro: str) -> bool:
        at = place(purl, distro)
        return at is not None and (at.ecosystem in self.ecosystems or (at.ecosystem, at.name) in self.names)


def rematch(sboms: Iterable[tuple[str, Sequence[Package]]], old: Index, new: Index) -> Iterator[Change]:
    """A Change for each bill of materials about which the new index says something else than the old one.

    Only packages whose advisories changed are matched, so a day's advisories cost a look at each purl. The two
    findings of a change hold only what differs.
    """
    difference = Difference.of(old, new)
    if not difference.names:
        return
    for key, packages in sboms:
        distro = distro_of(package.purl for package in packages)
        touched = difference.touched(packages, distro)
        if not touched:
            continue
        before, after = (dict.fromkeys(findings(touched, index, distro)) for index in (old, new))
        appeared = tuple(finding for finding in after if finding not in before)
        vanished = tuple(finding for finding in before if finding not in after)
        if appeared or vanished:
            yield Change(key, appeared, vanished)
