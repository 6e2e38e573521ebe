"""Building the index: OSV's per-ecosystem archives in, shards and a manifest out; a scheduled job."""

from __future__ import annotations

import hashlib
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from customhouse.errors import Conflict, Gone, Malformed, Rejected
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.records import Advisory, advisories, read

_LARGEST = 8 << 20
"""Bytes of one record; the largest published has about one MiB."""


def archive(path: Path) -> Iterator[bytes]:
    """The records of one `all.zip`; Malformed where it is no archive or holds something larger than a record is."""
    try:
        with zipfile.ZipFile(path) as opened:
            for member in opened.infolist():
                if not member.filename.endswith(".json"):
                    continue
                if member.file_size > _LARGEST:
                    raise Malformed(f"{path.name}: {member.filename} is larger than {_LARGEST >> 20} MiB")
                yield opened.read(member)
    except (zipfile.BadZipFile, EOFError, OSError) as error:
        raise Malformed(f"{path.name}: no archive of OSV records: {error}") from error


def folder(path: Path) -> Iterator[bytes]:
    """The records of a mirror: every archive and every single document below a folder."""
    for found in sorted(path.rglob("*")):
        if found.suffix == ".zip":
            yield from archive(found)
        elif found.suffix == ".json":
            yield found.read_bytes()


def load(store: Store) -> shards.Manifest | None:
    """The manifest that is there, None where there is none yet."""
    try:
        with store.read(Location(store.root, shards.MANIFEST)) as body:
            return shards.decode_manifest(b"".join(body))
    except Gone:
        return None


def build(records: Iterable[bytes], store: Store, now: float) -> shards.Manifest:
    """Write the index of these records to a store: new shards first, then the manifest, then what nobody needs goes.

    Shards of the manifest that this one replaces stay until the next build, because functions may be reading them.
    Malformed where one record does not read: a half-read database is not published.
    """
    before = load(store)
    packages: dict[str, dict[str, list[Advisory]]] = defaultdict(lambda: defaultdict(list))
    count = 0
    for count, data in enumerate(records, 1):  # noqa: B007 -- the count outlives the loop
        for ecosystem, name, advisory in advisories(read(data)):
            packages[ecosystem][name].append(advisory)
    if not count:
        raise Rejected("no OSV records: nothing to build an index from")
    known = {digest for digests in before.shards.values() for digest in digests} if before else set()
    written = {ecosystem: _write(store, packages[ecosystem], known) for ecosystem in sorted(packages)}
    manifest = shards.Manifest(built=now, records=count, shards=written, previous=tuple(sorted(known)))
    store.put(shards.MANIFEST, shards.encode_manifest(manifest), content_type="application/json")
    _tidy(store, manifest)
    return manifest


def _write(store: Store, packages: dict[str, list[Advisory]], known: set[str]) -> tuple[str, ...]:
    digests = []
    for shard in shards.split(packages):
        data = shards.encode(shard)
        digest = hashlib.sha256(data).hexdigest()
        digests.append(digest)
        if digest in known:
            continue
        try:
            store.put(shards.shard_key(digest), data, if_absent=True)
        except Conflict:
            continue  # the same bytes are there, from a build that did not end
    return tuple(digests)


def _tidy(store: Store, manifest: shards.Manifest) -> None:
    """Remove shards that neither this manifest nor the one before it names."""
    kept = {digest for digests in manifest.shards.values() for digest in digests} | set(manifest.previous)
    for stat in list(store.list(f"{shards.PREFIX}/shards/")):
        if stat.location.key.rpartition("/")[2] not in kept:
            store.delete(stat.location)
