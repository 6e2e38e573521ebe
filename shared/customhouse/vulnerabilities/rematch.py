"""Matching stored bills of materials against a changed index, without touching one artifact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from customhouse.model import Finding, Package
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.places import distro_of, place

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What a new index says differently about one bill of materials."""

    key: str
    appeared: tuple[Finding, ...]
    vanished: tuple[Finding, ...]


def changed_names(old: Index, new: Index) -> frozenset[Name]:
    """Ecosystem and name of every package about which the two indexes differ; equal shards are not read."""
    out: set[Name] = set()
    for ecosystem in old.manifest.shards.keys() | new.manifest.shards.keys():
        before, after = (set(index.manifest.shards.get(ecosystem, ())) for index in (old, new))
        stale = {name: found for digest in before - after for name, found in old.shard(digest).items()}
        fresh = {name: found for digest in after - before for name, found in new.shard(digest).items()}
        out |= {(ecosystem, name) for name in stale.keys() | fresh.keys() if stale.get(name) != fresh.get(name)}
    return frozenset(out)


def rematch(sboms: Iterable[tuple[str, Sequence[Package]]], old: Index, new: Index) -> Iterator[Change]:
    """A Change for each bill of materials about which the new index says something else than the old one.

    Only packages whose advisories changed are matched, so a day's advisories cost a look at each purl. The two
    findings of a change hold only what differs.
    """
    names = changed_names(old, new)
    if not names:
        return
    for key, packages in sboms:
        distro = distro_of(package.purl for package in packages)
        touched = [package for package in packages if _in(names, package.purl, distro)]
        if not touched:
            continue
        before, after = (dict.fromkeys(findings(touched, index, distro)) for index in (old, new))
        appeared = tuple(finding for finding in after if finding not in before)
        vanished = tuple(finding for finding in before if finding not in after)
        if appeared or vanished:
            yield Change(key, appeared, vanished)


def _in(names: frozenset[Name], purl: str, distro: str) -> bool:
    at = place(purl, distro)
    return at is not None and (at.ecosystem, at.name) in names
