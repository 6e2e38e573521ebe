"""Reading the index: the manifest, and of the shards only those that the packages at hand need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from urllib.parse import unquote

from customhouse.model import Finding, Package
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.places import SYSTEMS, Place, place
from customhouse.vulnerabilities.prepared import Hit, Named
from customhouse.vulnerabilities.records import Advisory
from customhouse.vulnerabilities.releases import Releases
from customhouse.vulnerabilities.remembered import Remembered

SCANNER = "vulnerabilities"
SYSTEM = tuple(f"pkg:{kind}/" for kind in sorted(SYSTEMS))
"""How purls of system packages begin."""
_KEPT = 256
"""Shards kept in memory, of some tens of kilobytes each."""
_MOST = 1 << 18
"""Names whose advisories are kept prepared."""
_DISTROS = 64
"""Distributions whose answers are remembered; artifacts may name any."""

Said = tuple[Advisory, str]
"""An advisory that holds for a package, and the message that says so."""
Answer = tuple[Said, ...] | None
"""All that is said of a purl; None where that depends on the distribution."""


class Index:
    """One state of the index, by default the newest; reads its manifest at once and shards when they are asked for.

    `answers` are what is said of purls, None of those of system packages; `of_system` are those, by distribution.
    Gone where there is no index, Malformed where it does not read, Transient as the store says.
    """

    def __init__(self, library: Library, manifest: shards.Manifest | None = None) -> None:
        self.manifest = manifest or shards.decode_manifest(library.read(shards.MANIFEST))
        self.shard = lru_cache(maxsize=_KEPT)(library.shard)
        self._named = lru_cache(maxsize=_MOST)(self._prepare)
        self._known = Remembered(self._know)
        self.answers = Remembered(self._any)
        self.of_system = Remembered(self._answers_of_system, _DISTROS)

    @cached_property
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

    def _answers_of_system(self, distro: str) -> Remembered[tuple[Said, ...]]:
        return Remembered(lambda purl: self._system(purl, distro))

    def _system(self, purl: str, distro: str) -> tuple[Said, ...]:
        at = place(purl, distro)
        return _said(at.name, at.version, self.match(at)) if at else ()

    def _any(self, purl: str) -> tuple[Said, ...] | None:
        """None for a system package; of most others nobody ever wrote, so the name is looked up before the version."""
        if purl.startswith(SYSTEM):
            return None
        plain = purl.partition("#")[0].partition("?")[0] if "?" in purl or "#" in purl else purl
        head, _, version = plain.rpartition("@")
        named = self._known[head]
        if named is None or not version:
            return ()
        version = unquote(version).removeprefix("v")
        return _said(named.name, version, named.hits(version))

    def _know(self, head: str) -> Named | None:
        """What is known of a purl without its version, of a type whose names need no more than that."""
        at = place(f"{head}@0")
        return self._named(at.ecosystem, at.name) if at else None


def _said(name: str, version: str, hits: Iterable[Hit]) -> tuple[Said, ...]:
    return tuple((hit.advisory, f"{name} {version}: {hit.remedy}") for hit in hits)


def findings(packages: Sequence[Package], index: Index, releases: Releases | None = None) -> Iterator[Finding]:
    """A finding for each vulnerability of each package of an artifact; `releases` are the artifact's if it has more."""
    answers, of_system = index.answers, index.of_system
    for package in packages:
        said = answers[package.purl]
        if said is None:
            releases = releases or Releases(packages)
            said = of_system[releases.of(package.member)][package.purl]
        for advisory, message in said:
            yield Finding(SCANNER, advisory.rule, advisory.severity, package.member, message)
