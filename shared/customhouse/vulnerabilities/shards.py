"""The index as documents in a store: one manifest, and shards named by their own digests.

`vulnerabilities/index.json` says which shards hold an ecosystem; a name is in the shard that its checksum chooses. A
shard is a zstd-compressed msgpack map from name to advisories. Because shards are named by content, an unchanged one
is not written again, what changed can be told from two manifests, and a reader of the old manifest still finds its
shards.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Iterator, Mapping

import msgspec
import zstandard

from customhouse.errors import Malformed
from customhouse.vulnerabilities.records import Advisory

PREFIX = "vulnerabilities"
MANIFEST = f"{PREFIX}/index.json"
FORMAT = 1
_NAMES_PER_SHARD = 400
_LARGEST = 64 << 20
_LEVEL = 9

Shard = dict[str, tuple[Advisory, ...]]
_advisory = msgspec.msgpack.Decoder(Advisory).decode


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Which shards there are, by ecosystem; `built` is UTC epoch seconds, `records` how many OSV documents came in."""

    built: float
    records: int = 0
    shards: dict[str, tuple[str, ...]] = {}
    previous: tuple[str, ...] = ()
    format: int = FORMAT

    @property
    def digests(self) -> frozenset[str]:
        """Of every shard."""
        return frozenset(digest for digests in self.shards.values() for digest in digests)

    @property
    def digest(self) -> str:
        """What the shards hold, whenever they were built."""
        return hashlib.sha256(msgspec.json.encode(self.shards, order="deterministic")).hexdigest()


def shard_key(digest: str) -> str:
    """Where a shard stands."""
    return f"{PREFIX}/shards/{digest[:2]}/{digest}"


def place_in(count: int, name: str) -> int:
    """Which of `count` shards holds a name."""
    return zlib.crc32(name.encode("utf-8", "surrogatepass")) % count


def split(packages: Mapping[str, Collection[bytes]]) -> Iterator[Shard]:
    """An ecosystem's packages, with their encoded advisories, in shards of a few hundred names.

    There is a power of two of them, so that growth moves little. One is decoded at a time, because an ecosystem's
    advisories would not fit into the memory of a function as objects.
    """
    count = 1
    while count * _NAMES_PER_SHARD < len(packages):
        count *= 2
    names: list[list[str]] = [[] for _ in range(count)]
    for name in sorted(packages):
        names[place_in(count, name)].append(name)
    for held in names:
        yield {name: _ordered(packages[name]) for name in held}


def _ordered(encoded: Collection[bytes]) -> tuple[Advisory, ...]:
    found = map(_advisory, set(encoded))
    return tuple(sorted(found, key=lambda advisory: (advisory.rule, advisory.spans, advisory.versions)))


def encode(shard: Shard) -> bytes:
    """The same bytes for the same advisories."""
    return zstandard.ZstdCompressor(level=_LEVEL).compress(msgspec.msgpack.encode(shard, order="deterministic"))


def decode(data: bytes) -> Shard:
    """A shard; Malformed where it is none or would not fit."""
    try:
        plain = zstandard.ZstdDecompressor().decompress(data, max_output_size=_LARGEST)
        return msgspec.msgpack.decode(plain, type=dict[str, tuple[Advisory, ...]])
    except (zstandard.ZstdError, msgspec.MsgspecError) as error:
        raise Malformed(f"a vulnerability shard does not read: {error}") from error


def encode_manifest(manifest: Manifest) -> bytes:
    """UTF-8 JSON with a fixed order."""
    return msgspec.json.encode(manifest, order="deterministic")


def decode_manifest(data: bytes) -> Manifest:
    """The manifest; Malformed where it is none, or of a format that this version does not know."""
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.MsgspecError as error:
        raise Malformed(f"the vulnerability index does not read: {error}") from error
    if manifest.format != FORMAT:
        raise Malformed(f"the vulnerability index has format {manifest.format}, this version reads {FORMAT}")
    return manifest
