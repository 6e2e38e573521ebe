"""What the records know, found again by where an artifact is now: where it came in, or where it was put."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from customhouse.catalog import Record
from customhouse.catalog.record import decode
from customhouse.lifecycle.inventory.live import Known, known
from customhouse.lifecycle.parallel import bounded
from customhouse.model import Location, Stat
from customhouse.ports import Store

Identity = tuple[str, str, str]
"""Root, key, and version or etag."""
READERS = 16
"""Records that are read at once."""


class Index:
    """The records of a deployment in memory; call it with a location, as `live.Lookup`."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._known: dict[Identity, Known] = {}
        for record in records:
            facts = known(record.decision, record.inspection)
            for place in places(record):
                self._known[_identity(place)] = facts

    def __call__(self, location: Location) -> Known | None:
        """What is known of a version; None where it was never inspected."""
        return self._known.get(_identity(location))

    def __iter__(self) -> Iterator[tuple[Identity, Known]]:
        return iter(self._known.items())


def places(record: Record) -> Iterator[Location]:
    """Where the artifact of a record is or was: the upload itself, and every copy that was made of it."""
    yield record.location
    yield from (one.location for one in record.outcomes if one.step in {"copy", "tag"} and one.status == "done")


def _identity(location: Location) -> Identity:
    return location.root, location.key, location.version or location.etag


def read(store: Store, prefix: str, after: str = "") -> Iterator[Record]:
    """Every record of a deployment past the key `after`, many at once, each as it is when it is read."""

    def one(stat: Stat) -> Record:
        with store.read(replace(stat.location, version="", etag="")) as body:
            return decode(b"".join(body))

    return bounded(one, store.list(f"{prefix}records/", after=after), READERS)
