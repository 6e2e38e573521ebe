"""When single artifacts expire: one small document a version, beside the records.

An uploader writes tags and metadata, so they say nothing here; whoever may write where the records are is believed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import msgspec

from customhouse.errors import Conflict, Gone, Malformed
from customhouse.lifecycle.inventory.version import Identity, identities, identity
from customhouse.lifecycle.parallel import bounded
from customhouse.model import Location, Stat
from customhouse.ports import Store

FOLDER = "lifecycle/dates/"
READERS = 16


class Dated(msgspec.Struct, frozen=True):
    """One version and when it expires (UTC epoch seconds)."""

    location: Location
    expires_at: float


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of a deployment, under `prefix` of the store that keeps its records."""

    state: Store
    prefix: str = ""

    def set(self, location: Location, expires_at: float | None) -> None:
        """Give a version its date, another one, or with None no date any more."""
        if expires_at is None:
            self.state.delete(self._place(location))
        else:
            self.state.put(self._place(location).key, msgspec.json.encode(Dated(location, expires_at)))

    def carry(self, location: Location, copy: Location) -> None:
        """Give a copy the date of what it was made from, unless it has one of its own."""
        if (found := self.get(location)) is not None:
            data = msgspec.json.encode(Dated(copy, found))
            with suppress(Conflict):
                self.state.put(self._place(copy).key, data, if_absent=True)

    def get(self, location: Location) -> float | None:
        """When a version expires; None where nobody said so."""
        try:
            return self._read(self._place(location)).expires_at
        except Gone:
            return None

    def tidy(self, store: Callable[[str], Store], now: float) -> int:
        """Forget the dates that have passed of what is no longer there; how many those were."""
        past = [one for one in self if one.expires_at <= now and _gone(store(one.location.root), one.location)]
        for one in past:
            self.state.delete(self._place(one.location))
        return len(past)

    def __iter__(self) -> Iterator[Dated]:
        """Every date, read many at once; one that was taken back meanwhile is left out."""

        def one(stat: Stat) -> Dated | None:
            try:
                return self._read(replace(stat.location, version="", etag=""))
            except Gone:
                return None

        found = bounded(one, self.state.list(f"{self.prefix}{FOLDER}"), READERS)
        return (dated for dated in found if dated)

    def _place(self, location: Location) -> Location:
        name = hashlib.sha256("\0".join(identity(location)).encode("utf-8", "surrogatepass")).hexdigest()
        return Location(self.state.root, f"{self.prefix}{FOLDER}{name}.json")

    def _read(self, place: Location) -> Dated:
        with self.state.read(place) as body:
            data = b"".join(body)
        try:
            return msgspec.json.decode(data, type=Dated)
        except msgspec.MsgspecError as error:
            raise Malformed(f"{place} does not read as a date ({error}): give its artifact a date again") from error


def by_any_name(dates: Iterable[Dated]) -> Mapping[Identity, float]:
    """Dates by all that their version may be asked for by."""
    return {name: one.expires_at for one in dates for name in identities(one.location)}


def _gone(store: Store, location: Location) -> bool:
    try:
        store.stat(location)
    except (Gone, Conflict):
        return True
    return False
