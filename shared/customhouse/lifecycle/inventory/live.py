"""Rows from a live listing; what it does not tell is looked up for the rows that a rule could still act on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from customhouse.errors import Conflict, Gone
from customhouse.inspect.identity import own
from customhouse.lifecycle.inventory.version import Identity, identity
from customhouse.lifecycle.parallel import bounded
from customhouse.lifecycle.rules import TRASH
from customhouse.lifecycle.words import Artifact
from customhouse.model import Decision, Inspection, Location, Stat
from customhouse.ports import Store

READERS = 16
"""Objects that are looked at more closely at once."""
WINDOW = 1000
"""Rows that are held at a time, as many as a listing's page."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the record of one version adds to its listing."""

    verdict: str = ""
    kind: str = ""
    ecosystem: str = ""
    package: str = ""
    package_version: str = ""
    digest: str = ""


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


@dataclass(frozen=True, slots=True)
class Closer:
    """What rows are to be told beyond their listing, and which ones: `wanted` sees a row as it is listed.

    `lookup` finds their records; `tags` and `locks` (holds and retention) cost a call per object where the listing
    brings none, and without them count as none. `dates` are those of single artifacts.
    """

    lookup: Lookup | None = None
    tags: bool = False
    locks: bool = False
    dates: Mapping[Identity, float] = field(default_factory=dict)
    wanted: Callable[[Artifact], bool] = lambda _: True


def rows(
    store: Store, now: float, closer: Closer | None = None, *, prefix: str = "", versions: bool = False
) -> Iterator[Artifact]:
    """The artifacts of a store below `prefix` and of its trash; noncurrent ones too with `versions`.

    A version was replaced when the next one was written. Where a delete marker replaced the last one, the listing does
    not tell when: it counts as replaced at `now`, so that nothing is due too early.
    """
    closer = closer or Closer()
    beside = [] if TRASH.startswith(prefix) or prefix.startswith(TRASH) else [TRASH]
    for here in (prefix, *beside):
        found = _versions(store, here, now) if versions else ((stat, None) for stat in store.list(here))
        yield from _told(store, found, closer)


Row = tuple[Stat, float | None]
"""One version as listed, and when a newer one replaced it."""


def _versions(store: Store, prefix: str, now: float) -> Iterator[Row]:
    current = store.list(prefix)
    live = next(current, None)
    for key, found in itertools.groupby(store.list(prefix, versions=True), key=lambda stat: stat.location.key):
        while live is not None and live.location.key < key:
            live = next(current, None)
        here = live if live is not None and live.location.key == key else None
        yield from _one_key(list(found), here, now)


def _told(store: Store, found: Iterator[Row], closer: Closer) -> Iterator[Artifact]:
    """The rows, those that are wanted looked at more closely; one that goes away meanwhile is left out."""

    def asked(row: Row) -> bool:
        stat, since = row
        unknown = closer.lookup is not None or (closer.tags and stat.tags is None) or _vague(stat, closer)
        return unknown and closer.wanted(artifact(stat, None, since, closer.dates))

    while window := list(itertools.islice(found, WINDOW)):
        wanted = [at for at, row in enumerate(window) if asked(row)]
        looked = _looked(store, window, wanted, closer)
        for at, (stat, since) in enumerate(window):
            one = looked[at] if at in looked else artifact(stat, None, since, closer.dates)
            if one is not None:
                yield one


def _looked(store: Store, window: Sequence[Row], wanted: Sequence[int], closer: Closer) -> dict[int, Artifact | None]:
    """The wanted rows of a window by their place in it; None for one that went away. Every reader has its share."""

    def look(row: Row) -> Artifact | None:
        stat, since = row
        try:
            stat = _looked_at(store, stat, closer)
        except (Gone, Conflict):
            return None
        return artifact(stat, closer.lookup(stat.location) if closer.lookup else None, since, closer.dates)

    shares = [wanted[at::READERS] for at in range(min(READERS, len(wanted)))]
    found = bounded(lambda share: [(at, look(window[at])) for at in share], shares, READERS)
    return dict(itertools.chain.from_iterable(found))


def _vague(stat: Stat, closer: Closer) -> bool:
    """Whether the object must be asked for its holds, or for its version: the same bytes may have come before."""
    dated = not stat.location.version and identity(stat.location) in closer.dates
    return dated or (closer.locks and stat.held is None)


def _looked_at(store: Store, stat: Stat, closer: Closer) -> Stat:
    """The version with its holds and its tags, where they are asked for and not known."""
    if _vague(stat, closer):
        now = store.stat(stat.location)
        tags = now.tags if stat.tags is None else stat.tags
        stat = replace(stat, location=now.location, held=now.held, locked_until=now.locked_until, tags=tags)
    if closer.tags and stat.tags is None:
        stat = replace(stat, tags=store.tags(stat.location))
    return stat


def _one_key(found: list[Stat], live: Stat | None, now: float) -> Iterator[Row]:
    """All versions of a key, oldest first, each with the moment the next one replaced it."""
    found.sort(key=lambda stat: (stat.modified, _same(stat, live)))
    for stat, newer in itertools.zip_longest(found, found[1:]):
        since = None if _same(stat, live) else newer.modified if newer else now
        yield stat, since


def _same(stat: Stat, live: Stat | None) -> bool:
    if live is None:
        return False
    one, other = stat.location, live.location
    versions = bool(one.version and other.version)
    return one.version == other.version if versions else (one.etag, stat.modified) == (other.etag, live.modified)


def artifact(
    stat: Stat, facts: Known | None, noncurrent_since: float | None, dates: Mapping[Identity, float] | None = None
) -> Artifact:
    """One row out of a store's answer, a record and the dates of single artifacts."""
    facts = facts or Known()
    return Artifact(
        location=stat.location,
        size=stat.size,
        created=stat.modified,
        used=stat.used,
        noncurrent_since=noncurrent_since,
        storage_class=stat.storage_class,
        tags=stat.tags or {},
        held=bool(stat.held),
        locked_until=stat.locked_until,
        verdict=facts.verdict,
        kind=facts.kind,
        ecosystem=facts.ecosystem,
        package=facts.package,
        package_version=facts.package_version,
        expires_at=(dates or {}).get(identity(stat.location)),
        digest=facts.digest,
    )
