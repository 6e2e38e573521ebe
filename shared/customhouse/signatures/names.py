"""Which names stand beside an artifact's, and which artifact such a name is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

BUNDLES = (
    ".sigstore.json",
    ".sigstore",
    ".sigstore.jsonl",
    ".cosign.bundle",
    ".attestation",
    ".publish.attestation",  # as gh-action-pypi-publish writes them beside a distribution (PEP 740)
    ".slsa.attestation",
    ".provenance",  # PEP 740's object of an index: attestations by publisher
    ".intoto.jsonl",  # as SLSA's builders write them
)
"""Names of files that hold sigstore bundles or attestations."""

_ALGORITHMS = ("sha256", "sha512", "sha384", "sha1", "md5")
CHECKSUMS = tuple(f".{algorithm}{ending}" for algorithm in _ALGORITHMS for ending in ("", "sum"))
"""Names of detached checksums."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names that count: `suffixes` are bundles' beyond the usual ones, `manifests` list checksums of a folder."""

    suffixes: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ("SHA256SUMS",)

    def beside(self, key: str) -> frozenset[str]:
        """Every name that a signature or checksum of `key` alone may have."""
        return self.signing(key) | {key + suffix for suffix in CHECKSUMS}

    def signing(self, key: str) -> frozenset[str]:
        """Every name that a signature of `key` may have."""
        return frozenset(key + suffix for suffix in (*BUNDLES, *self.suffixes))

    def lists(self, key: str) -> tuple[str, ...]:
        """The names of the lists of checksums in the folder of `key`."""
        folder = key[: len(key) - len(base(key))]
        return tuple(folder + name for name in self.manifests)

    def subject(self, key: str) -> str:
        """The artifact that a signature or checksum called `key` is about; empty where `key` is none's."""
        endings = [suffix for suffix in (*BUNDLES, *self.suffixes, *CHECKSUMS) if base(key)[1:].endswith(suffix)]
        return key[: -len(max(endings, key=len))] if endings else ""

    def is_manifest(self, key: str) -> bool:
        """Whether `key` is a list of checksums."""
        return base(key) in self.manifests

    def is_checksum(self, key: str) -> bool:
        """Whether `key` holds checksums rather than bundles."""
        return self.is_manifest(key) or key.endswith(CHECKSUMS)

    def about(self, key: str) -> bool:
        """Whether `key` is the name of a signature, a checksum or a list of them."""
        return self.is_manifest(key) or bool(self.subject(key))


def base(key: str) -> str:
    """The last part of a name."""
    return key.rpartition("/")[2]


def listed(key: str, names: Iterator[str]) -> Iterator[str]:
    """The keys that a list of checksums at `key` speaks of: those of its own folder, each once."""
    folder = key[: len(key) - len(base(key))]
    for name in dict.fromkeys(name.removeprefix("./") for name in names):
        if name and "/" not in name:
            yield folder + name
