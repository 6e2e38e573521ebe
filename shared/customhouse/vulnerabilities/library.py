"""The documents of one index in a store: manifests by name, shards by their own digests."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass

from customhouse.errors import Conflict, Gone
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.vulnerabilities import shards


@dataclass(frozen=True, slots=True)
class Library:
    """The index under `prefix` (empty, or ending with `/`) of a store."""

    store: Store
    prefix: str = ""

    def read(self, name: str) -> bytes:
        """One document; Gone where there is none, Transient as the store says."""
        key = self.prefix + name
        try:
            with self.store.read(Location(self.store.root, key)) as body:
                return b"".join(body)
        except Gone as error:
            raise Gone(f"nothing stands at {self.store.root}/{key}") from error

    def find(self, name: str) -> bytes | None:
        """One document, None where there is none."""
        try:
            return self.read(name)
        except Gone:
            return None

    def write(self, name: str, data: bytes) -> None:
        """One document in place of the one that is there; readers see the old one or the new one."""
        self.store.put(self.prefix + name, data, content_type="application/json")

    def manifest(self) -> shards.Manifest | None:
        """The manifest that readers see, None before the first build."""
        data = self.find(shards.MANIFEST)
        return None if data is None else shards.decode_manifest(data)

    def shard(self, digest: str) -> shards.Shard:
        """A shard; Malformed where it does not read."""
        return shards.decode(self.read(shards.shard_key(digest)))

    def keep(self, shard: shards.Shard, known: Collection[str]) -> str:
        """Write a shard unless it is among the `known` digests; its digest."""
        data = shards.encode(shard)
        digest = hashlib.sha256(data).hexdigest()
        if digest not in known:
            try:
                self.store.put(self.prefix + shards.shard_key(digest), data, if_absent=True)
            except Conflict:
                return digest  # the same bytes are there, from a build that did not end
        return digest

    def tidy(self, kept: Collection[str]) -> None:
        """Remove every shard that is not among the `kept` digests."""
        for stat in list(self.store.list(f"{self.prefix}{shards.PREFIX}/shards/")):
            if stat.location.key.rpartition("/")[2] not in kept:
                self.store.delete(stat.location)
