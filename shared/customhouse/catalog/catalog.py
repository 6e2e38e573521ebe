"""Records over a store with conditional writes: lease, dedupe, resume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from customhouse.catalog.record import Record, begins, decode, encode, key_of
from customhouse.errors import Conflict, Gone, Malformed, Transient
from customhouse.model import Location, Stat
from customhouse.ports import Store


@dataclass(frozen=True, slots=True)
class Held:
    """A record this run may write: `at` is the document's location as it was last written or read."""

    record: Record
    at: Location = field(repr=False)


@dataclass(frozen=True, slots=True)
class Catalog:
    """The records of one deployment, under `prefix` of one store; `lease` seconds protect a running attempt."""

    store: Store
    prefix: str = ""
    lease: float = 900.0

    def claim(self, stat: Stat, now: float) -> Held | None:
        """Take an artifact version to work on; None when it is done already.

        Transient while another run holds it; a run whose lease ran out is taken over, with what it had decided.
        """
        record = begins(stat, now, self.lease)
        try:
            return Held(record, self._put(record, if_absent=True))
        except Conflict:
            there = self.find(stat.location)
        if there is None:
            raise Transient("the record was removed while it was read")
        if there.record.settles(stat):
            return None
        if there.record.finished:  # identical bytes uploaded anew: a new artifact under the same etag
            return self.save(there, record)
        return self._take_over(there, now)

    def resume(self, location: Location, now: float) -> Held | None:
        """Take over what a dead run decided about a version that is no longer there; None when nothing is left."""
        there = self.find(location)
        return self._take_over(there, now) if there and not there.record.finished else None

    def find(self, location: Location) -> Held | None:
        """The record of a version, or None."""
        try:
            with self.store.read(Location(self.store.root, self.prefix + key_of(location))) as body:
                return Held(decode(b"".join(body)), body.stat.location)
        except Gone:
            return None

    def save(self, held: Held, record: Record) -> Held:
        """Write the next state of a record that this run holds; Transient when another run took it over."""
        try:
            return Held(record, self._put(record, if_match=held.at))
        except (Conflict, Gone) as error:
            raise Transient("another run took this record over") from error

    def unfinished(self, now: float, after: str = "", since: float = 0.0) -> Iterator[tuple[str, Record | None]]:
        """Every record's key, and the record where its run died: its lease ran out, its work did not.

        Those last written up to `since` are not read: they were finished when that was looked at before.
        """
        for stat in self.store.list(f"{self.prefix}records/", after=after):
            due = since < stat.modified < now - self.lease
            yield stat.location.key, self._dead(stat.location, now) if due else None

    def _dead(self, location: Location, now: float) -> Record | None:
        try:
            with self.store.read(location) as body:
                record = decode(b"".join(body))
        except (Gone, Conflict, Malformed):  # written meanwhile by a run that lives, or naming nothing to go on with
            return None
        return None if record.finished or record.lease >= now else record

    def _take_over(self, there: Held, now: float) -> Held:
        if there.record.lease > now:
            raise Transient("another run is at this artifact; its lease has not run out")
        changes = {"lease": now + self.lease, "attempt": there.record.attempt + 1}
        return self.save(there, msgspec.structs.replace(there.record, **changes))

    def _put(self, record: Record, *, if_absent: bool = False, if_match: Location | None = None) -> Location:
        key = self.prefix + key_of(record.location)
        data = encode(record)
        return self.store.put(key, data, content_type="application/json", if_absent=if_absent, if_match=if_match)
