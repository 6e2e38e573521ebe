"""Rows from a live listing, joined with what the records know about each version."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from customhouse.errors import Conflict, Gone
from customhouse.lifecycle.inventory.identity import own
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.rules import TRASH
from customhouse.lifecycle.words import Artifact
from customhouse.model import Decision, Inspection, Location, Stat
from customhouse.ports import Store

TAG_READERS = 16
"""Objects whose tags are read at once."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the record of one version adds to its listing."""

    verdict: str = ""
    kind: str = ""
    ecosystem: str = ""
    package: str = ""
    package_version: str = ""
    digest: str = ""
    expires_at: float | None = None


Lookup = Callable[[Location], Known | None]
"""Finds the record of a version; None where it was never inspected."""


def known(decision: Decision | None, inspection: Inspection | None) -> Known:
    """What a record's decision and inspection say; the package is the one that the artifact itself is."""
    if inspection is None:
        return Known(verdict=decision.verdict if decision else "")
    purl = own(inspection.name, inspection.kind, inspection.packages)
    digest = inspection.digests.get("sha256", "")
    return Known(
        verdict=decision.verdict if decision else "",
        kind=inspection.kind,
        ecosystem=purl.type if purl else "",
        package="/".join(part for part in (purl.namespace, purl.name) if part) if purl else "",
        package_version=(purl.version or "") if purl else "",
        digest=f"sha256:{digest}" if digest else "",
    )


def rows(
    store: Store,
    now: float,
    lookup: Lookup = lambda _: None,
    *,
    prefix: str = "",
    versions: bool = False,
    tags: bool = False,
) -> Iterator[Artifact]:
    """The artifacts of a store below `prefix` and of its trash; noncurrent ones too with `versions`.

    `tags` reads the tags that the listing does not bring along, one call per object: without it they count as none. A
    version was replaced when the next one was written. Where a delete marker replaced the last one, the listing does
    not tell when: it counts as replaced at `now`, so that nothing is due too early.
    """
    beside = [] if TRASH.startswith(prefix) else [TRASH]
    for here in (prefix, *beside):
        found = _versions(store, here, now, lookup) if versions else _current(store, here, lookup)
        yield from _tagged(store, found) if tags else (one for _, one in found)


Row = tuple[Stat, Artifact]


def _current(store: Store, prefix: str, lookup: Lookup) -> Iterator[Row]:
    for stat in store.list(prefix):
        yield stat, artifact(stat, lookup(stat.location), None)


def _versions(store: Store, prefix: str, now: float, lookup: Lookup) -> Iterator[Row]:
    current = store.list(prefix)
    live = next(current, None)
    for key, found in itertools.groupby(store.list(prefix, versions=True), key=lambda stat: stat.location.key):
        while live is not None and live.location.key < key:
            live = next(current, None)
        here = live if live is not None and live.location.key == key else None
        yield from _one_key(list(found), here, now, lookup)


def _tagged(store: Store, found: Iterator[Row]) -> Iterator[Artifact]:
    """The rows with their tags; one that went away while they were read is left out."""

    def read(row: Row) -> Artifact | None:
        stat, one = row
        try:
            return replace(one, tags=store.tags(stat.location))
        except (Gone, Conflict):
            return None

    for known, some in itertools.groupby(found, key=lambda row: row[0].tags is not None):
        if known:
            yield from (one for _, one in some)
        else:
            yield from (one for one in bounded(read, some, TAG_READERS) if one is not None)


def _one_key(found: list[Stat], live: Stat | None, now: float, lookup: Lookup) -> Iterator[Row]:
    """All versions of a key, oldest first, each with the moment the next one replaced it."""
    found.sort(key=lambda stat: (stat.modified, _same(stat, live)))
    for stat, newer in itertools.zip_longest(found, found[1:]):
        since = None if _same(stat, live) else newer.modified if newer else now
        yield stat, artifact(stat, lookup(stat.location), since)


def _same(stat: Stat, live: Stat | None) -> bool:
    if live is None:
        return False
    one, other = stat.location, live.location
    versions = bool(one.version and other.version)
    return one.version == other.version if versions else (one.etag, stat.modified) == (other.etag, live.modified)


def artifact(stat: Stat, facts: Known | None, noncurrent_since: float | None) -> Artifact:
    """One row out of a listing's answer and a record."""
    facts = facts or Known()
    return Artifact(
        location=stat.location,
        size=stat.size,
        created=stat.modified,
        noncurrent_since=noncurrent_since,
        storage_class=stat.storage_class,
        tags=stat.tags or {},
        verdict=facts.verdict,
        kind=facts.kind,
        ecosystem=facts.ecosystem,
        package=facts.package,
        package_version=facts.package_version,
        expires_at=facts.expires_at,
        digest=facts.digest,
    )
