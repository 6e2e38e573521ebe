"""What the records know, found again by where an artifact is now: where it came in, or where it was put."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from operator import itemgetter

from customhouse.catalog import Catalog, Record
from customhouse.catalog.record import decode
from customhouse.lifecycle.inventory.live import Known, known
from customhouse.lifecycle.inventory.version import Identity, identities, identity
from customhouse.lifecycle.parallel import bounded
from customhouse.model import Location, Stat
from customhouse.ports import Store

READERS = 16
"""Records that are read at once."""


class Index:
    """The records of a deployment in memory; call it with a location, as `live.Lookup`."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._known: dict[Identity, tuple[float, Known]] = {}
        for record in records:
            word = record.decided, known(record.decision, record.inspection)
            for name in {name for place in places(record) for name in identities(place)}:
                self._known[name] = max(word, self._known.get(name, word), key=itemgetter(0))  # the last word counts

    def __call__(self, location: Location) -> Known | None:
        """What is known of a version; None where it was never inspected."""
        return self._known.get(identity(location), (0.0, None))[1]


class Records:
    """The records as a `live.Lookup` that reads no more than it is asked for; called from several threads.

    The record of an upload is found by its location. A copy is only named in the record of what it was made from:
    with the first location that has no record of its own all of them are read, once, as `watch` passes them on.
    """

    def __init__(self, catalog: Catalog, watch: Callable[[Iterator[Record]], Iterable[Record]] = iter) -> None:
        self._catalog = catalog
        self._watch = watch
        self._index: Index | None = None
        self._lock = threading.Lock()

    def __call__(self, location: Location) -> Known | None:
        """What is known of a version; None where it was never inspected."""
        if self._index is None and (held := self._catalog.find(location)):
            return known(held.record.decision, held.record.inspection)
        with self._lock:
            if self._index is None:
                self._index = Index(self._watch(read(self._catalog.store, self._catalog.prefix)))
        return self._index(location)


def places(record: Record) -> Iterator[Location]:
    """Where the artifact of a record is or was: the upload itself, and every copy that was made of it."""
    yield record.location
    yield from (one.location for one in record.outcomes if one.step in {"copy", "tag"} and one.status == "done")


def read(store: Store, prefix: str, after: str = "") -> Iterator[Record]:
    """Every record of a deployment past the key `after`, many at once, each as it is when it is read."""

    def one(stat: Stat) -> Record:
        with store.read(replace(stat.location, version="", etag="")) as body:
            return decode(b"".join(body))

    return bounded(one, store.list(f"{prefix}records/", after=after), READERS)
