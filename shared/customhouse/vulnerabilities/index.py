"""Reading the index: the manifest, and of the shards only those that the packages at hand need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from customhouse.errors import Gone
from customhouse.model import Finding, Location, Package
from customhouse.ports import Store
from customhouse.versions import sort_key
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.places import SYSTEMS, Place, distro_of, place
from customhouse.vulnerabilities.records import Advisory, within

SCANNER = "vulnerabilities"
_SYSTEM = tuple(f"pkg:{kind}/" for kind in sorted(SYSTEMS))
_KEPT = 256
"""Shards kept in memory, of some tens of kilobytes each."""


class Index:
    """One state of the index in a store; reads the manifest at once and shards when they are asked for.

    Gone where there is no index, Malformed where it does not read, Transient as the store says.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self.manifest = shards.decode_manifest(self._read(shards.MANIFEST))
        self.shard = lru_cache(maxsize=_KEPT)(self._fetch)
        self._about = lru_cache(maxsize=1 << 18)(self._look_up)

    def _read(self, key: str) -> bytes:
        try:
            with self._store.read(Location(self._store.root, key)) as body:
                return b"".join(body)
        except Gone as error:
            raise Gone(f"no vulnerability index at {self._store.root}/{key}") from error

    def _fetch(self, digest: str) -> shards.Shard:
        return shards.decode(self._read(shards.shard_key(digest)))

    @property
    def version(self) -> str:
        """Age and content: the day it was built (epoch days) and the beginning of its digest."""
        return f"{int(self.manifest.built)}.{self.manifest.digest[:12]}"

    def holds(self, ecosystem: str) -> bool:
        """Whether there are advisories for an ecosystem at all."""
        return ecosystem in self.manifest.shards

    def advisories(self, ecosystem: str, name: str) -> tuple[Advisory, ...]:
        """All advisories about one package."""
        digests = self.manifest.shards.get(ecosystem)
        if not digests:
            return ()
        return self.shard(digests[shards.place_in(len(digests), name)]).get(name, ())

    def _look_up(self, head: str) -> bool:
        """Whether there is any advisory about a purl without its version; system packages need a longer look."""
        at = place(f"{head}@0")
        return head.startswith(_SYSTEM) or (at is not None and bool(self.advisories(at.ecosystem, at.name)))

    def known(self, purl: str) -> bool:
        """Whether a purl is worth placing and matching: of most packages nobody ever wrote."""
        return self._about(purl.partition("@")[0])

    def match(self, at: Place) -> tuple[Advisory, ...]:
        """The advisories that hold for one version of a package, each rule once, the worst first."""
        known = self.advisories(at.ecosystem, at.name)
        if not known:
            return ()
        try:
            key = sort_key(at.ecosystem, at.version)
        except ValueError:
            hits = [advisory for advisory in known if at.version in advisory.versions]
        else:
            hits = [
                advisory
                for advisory in known
                if at.version in advisory.versions or any(within(at.ecosystem, span, key) for span in advisory.spans)
            ]
        if len(hits) < 2:  # noqa: PLR2004 -- nothing to order or to merge
            return tuple(hits)
        hits.sort(key=lambda advisory: (-advisory.severity.rank, advisory.rule))
        return tuple({advisory.rule: advisory for advisory in reversed(hits)}.values())[::-1]


def findings(packages: Iterable[Package], index: Index, distro: str | None = None) -> Iterator[Finding]:
    """A finding for each vulnerability of each package; `distro` is the artifact's, looked up when not given."""
    known = list(packages)
    told = distro_of(package.purl for package in known) if distro is None else distro
    for package in known:
        at = place(package.purl, told) if index.known(package.purl) else None
        if at:
            yield from (finding(package, at, advisory) for advisory in index.match(at))


def finding(package: Package, at: Place, advisory: Advisory) -> Finding:
    """What one advisory means for one package."""
    fixes = dict.fromkeys(span.fixed for span in advisory.spans if span.fixed)
    remedy = f"fixed in {', '.join(list(fixes)[:4])}" if fixes else "no fixed version is known"
    text = f"{at.name} {at.version}: {advisory.summary or advisory.rule} ({remedy})"
    return Finding(SCANNER, advisory.rule, advisory.severity, package.member, text)
