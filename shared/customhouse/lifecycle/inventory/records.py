"""What the records know, found again by where an artifact is now: where it came in, or where it was put."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from customhouse.catalog import Record
from customhouse.lifecycle.inventory.live import Known, known
from customhouse.model import Location

Identity = tuple[str, str, str]


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

    def __len__(self) -> int:
        return len(self._known)


def places(record: Record) -> Iterator[Location]:
    """Where the artifact of a record is or was: the upload itself, and every copy that was made of it."""
    yield record.location
    yield from (one.location for one in record.outcomes if one.step in {"copy", "tag"} and one.status == "done")


def _identity(location: Location) -> Identity:
    return location.root, location.key, location.version or location.etag
