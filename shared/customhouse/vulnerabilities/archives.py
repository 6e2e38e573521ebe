"""What was built of each archive and when it was last seen to be the newest: the index is the union of these."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import quote

import msgspec

from customhouse.errors import Malformed, Transient
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.build import Shelved, archive, shelve
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.sources import Expired, Source

T = TypeVar("T")


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """`tag` names a state at its source, `checked` is in UTC epoch seconds, `shards` is as in the manifest."""

    tag: str = ""
    checked: float = 0.0
    records: int = 0
    shards: dict[str, tuple[str, ...]] = {}


def load(library: Library, name: str) -> Archive:
    """What was built of an archive; an empty one where nothing was, or what is there does not read."""
    data = library.find(_key(name))
    try:
        return msgspec.json.decode(data, type=Archive) if data else Archive()
    except msgspec.MsgspecError:
        return Archive()


def renew(library: Library, name: str, source: Source, now: float, expired: Expired) -> Archive:
    """Look whether there is a newer archive, and shelve it if so; readers see it with the next manifest.

    Errors as `Source.fetch`, and Malformed where the archive does not read: then what was there before stays.
    """
    before = load(library, name)
    with tempfile.TemporaryFile() as file:
        tag = source.fetch(name, before.tag, file, expired)
        if tag is None:
            fresh = msgspec.structs.replace(before, checked=now)
        else:
            known = {digest for digests in before.shards.values() for digest in digests}
            shelved = shelve(_in_time(archive(file, f"{name}/all.zip"), expired), library, known, name)
            if not shelved.shards:
                raise Malformed(f"{name}/all.zip: none of its {shelved.records:,} records is about {name}")
            fresh = Archive(tag=tag, checked=now, records=shelved.records, shards=shelved.shards)
    library.write(_key(name), msgspec.json.encode(fresh))
    return fresh


def union(built: Mapping[str, Archive]) -> Shelved:
    """The shards of all archives together: no ecosystem is in two of them."""
    together = {ecosystem: digests for one in built.values() for ecosystem, digests in one.shards.items()}
    return Shelved(sum(one.records for one in built.values()), dict(sorted(together.items())))


def _key(name: str) -> str:
    return f"{shards.PREFIX}/archives/{quote(name, safe='')}.json"


def _in_time(records: Iterable[T], expired: Expired) -> Iterator[T]:
    for record in records:
        if expired():
            raise Transient("time was up before the archive was read")
        yield record
