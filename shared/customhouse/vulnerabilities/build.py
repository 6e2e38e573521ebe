"""Building the index: archives of OSV records in, shards and a manifest out."""

from __future__ import annotations

import lzma
import struct
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from customhouse.errors import Malformed, Rejected
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.records import advisories, read

_LARGEST = 8 << 20
"""Bytes of one record; the largest published has about one MiB."""
_MOST = 2_000_000
"""Records of one archive; the largest published has about a quarter of a million."""

_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
    struct.error,
)
"""What zipfile raises of archives that are damaged, encrypted or packed in a way that it does not know."""


class Shelved(NamedTuple):
    """What became of the records of an archive: how many there were, and the shards by ecosystem."""

    records: int
    shards: dict[str, tuple[str, ...]]


def archive(file: Path | BinaryIO, name: str) -> Iterator[bytes]:
    """The records of one `all.zip`; Malformed where it is no archive or holds something larger than a record is."""
    try:
        with zipfile.ZipFile(file) as opened:
            if len(opened.infolist()) > _MOST:
                raise Malformed(f"{name}: more than {_MOST:,} records")
            for member in opened.infolist():
                if not member.filename.endswith(".json"):
                    continue
                if member.file_size > _LARGEST:
                    raise Malformed(f"{name}: {member.filename} is larger than {_LARGEST >> 20} MiB")
                yield opened.read(member)
    except _UNREADABLE as error:
        raise Malformed(f"{name}: no archive of OSV records: {error}") from error


def folder(path: Path) -> Iterator[bytes]:
    """The records of a folder: every archive and every single document below it."""
    for found in sorted(path.rglob("*")):
        if found.suffix == ".zip":
            yield from archive(found, found.name)
        elif found.suffix == ".json":
            yield found.read_bytes()


def shelve(records: Iterable[bytes], library: Library, known: Collection[str] = (), family: str = "") -> Shelved:
    """Write the shards of these records, but for the `known` ones; nothing names them before `publish`.

    An archive of one `family` of ecosystems also holds records that speak of others, which their own archives hold
    too: only the family's are kept. Malformed where one record does not read: a half-read database is not published.
    """
    packages: dict[str, dict[str, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    count = 0
    for count, data in enumerate(records, 1):  # noqa: B007 -- the count outlives the loop
        for ecosystem, name, advisory in advisories(read(data)):
            if not family or ecosystem.partition(":")[0] == family:
                packages[ecosystem][name].append(msgspec.msgpack.encode(advisory))
    if not count:
        raise Rejected("no OSV records: nothing to build an index from")
    written = {
        ecosystem: tuple(library.keep(shard, known) for shard in shards.split(packages.pop(ecosystem)))
        for ecosystem in sorted(packages)
    }
    return Shelved(count, written)


def publish(library: Library, shelved: Shelved, built: float, pinned: Collection[str] = ()) -> shards.Manifest:
    """Let readers see what was shelved: the manifest first, then what nobody needs goes.

    Shards of the manifest that this one replaces stay until the next, because functions may be reading them, and so
    do the `pinned` ones.
    """
    before = library.manifest()
    previous = frozenset[str]()
    if before:
        previous = frozenset(before.previous) if before.shards == shelved.shards else before.digests
    manifest = shards.Manifest(
        built=built, records=shelved.records, shards=shelved.shards, previous=tuple(sorted(previous))
    )
    library.write(shards.MANIFEST, shards.encode_manifest(manifest))
    library.tidy(manifest.digests | previous | set(pinned))
    return manifest


def build(records: Iterable[bytes], library: Library, now: float) -> shards.Manifest:
    """The index of exactly these records, as of `now` (UTC epoch seconds)."""
    before = library.manifest()
    return publish(library, shelve(records, library, before.digests if before else ()), now)
