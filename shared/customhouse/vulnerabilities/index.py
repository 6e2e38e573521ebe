"""Reading the index: the manifest, and of the shards only those that the packages at hand need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from customhouse.model import Finding, Package
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.places import SYSTEMS, Place, distro_of, place
from customhouse.vulnerabilities.prepared import Hit, Named
from customhouse.vulnerabilities.records import Advisory

SCANNER = "vulnerabilities"
_SYSTEM = tuple(f"pkg:{kind}/" for kind in sorted(SYSTEMS))
_KEPT = 256
"""Shards kept in memory, of some tens of kilobytes each."""
_MOST = 1 << 18
"""Purls and names of which the answer is remembered."""
_DISTROS = 64
"""Distributions whose answers are remembered; artifacts may name any."""

Said = tuple[Advisory, str]
"""An advisory that holds for a package, and the message that says so."""


class Index:
    """One state of the index, by default the newest; reads its manifest at once and shards when they are asked for.

    Gone where there is no index, Malformed where it does not read, Transient as the store says.
    """

    def __init__(self, library: Library, manifest: shards.Manifest | None = None) -> None:
        self.manifest = manifest or shards.decode_manifest(library.read(shards.MANIFEST))
        self.shard = lru_cache(maxsize=_KEPT)(library.shard)
        self._named = lru_cache(maxsize=_MOST)(self._prepare)
        self._heads: dict[str, Named | None] = {}
        self._said: dict[str, dict[str, tuple[Said, ...]]] = {}

    @property
    def version(self) -> str:
        """Age and content: when it was made (UTC epoch seconds) and the beginning of its digest."""
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

    def match(self, at: Place) -> tuple[Hit, ...]:
        """The advisories that hold for one version of a package, each rule once, the worst first."""
        named = self._named(at.ecosystem, at.name)
        return named.hits(at.version) if named else ()

    def _prepare(self, ecosystem: str, name: str) -> Named | None:
        known = self.advisories(ecosystem, name)
        return Named.of(ecosystem, name, known) if known else None

    def matcher(self, distro: str) -> Callable[[str], tuple[Said, ...]]:
        """What is said of a purl in an artifact of this distribution; asked twice, it is looked up once."""
        if len(self._said) > _DISTROS:
            self._said.clear()
        said = self._said.setdefault(distro, {})

        def match(purl: str) -> tuple[Said, ...]:
            known = said.get(purl)
            if known is None:
                if len(said) >= _MOST:
                    said.clear()
                known = said[purl] = self._say(purl, distro)
            return known

        return match

    def _say(self, purl: str, distro: str) -> tuple[Said, ...]:
        """Of most packages nobody ever wrote anything, so the name is looked up before the rest is taken apart."""
        if not purl.startswith(_SYSTEM) and self._head(purl.partition("@")[0]) is None:
            return ()
        at = place(purl, distro)
        if at is None:
            return ()
        subject = f"{at.name} {at.version}: "
        return tuple((hit.advisory, subject + hit.remedy) for hit in self.match(at))

    def _head(self, head: str) -> Named | None:
        """What is known of a purl without its version."""
        try:
            return self._heads[head]
        except KeyError:
            at = place(f"{head}@0")
            if len(self._heads) >= _MOST:
                self._heads.clear()
            named = self._heads[head] = self._named(at.ecosystem, at.name) if at else None
            return named


def findings(packages: Iterable[Package], index: Index, distro: str | None = None) -> Iterator[Finding]:
    """A finding for each vulnerability of each package; `distro` is the artifact's, looked up when not given."""
    known = list(packages)
    match = index.matcher(distro_of(package.purl for package in known) if distro is None else distro)
    for package in known:
        for advisory, message in match(package.purl):
            yield Finding(SCANNER, advisory.rule, advisory.severity, package.member, message)
