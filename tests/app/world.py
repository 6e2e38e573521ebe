"""A deployment in a box: intake, released, quarantine and records on one kind of store, and its state as a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from customhouse.app import App
from customhouse.catalog.record import Record, decode
from customhouse.model import Event, Location
from customhouse.policy.load import Loaded, default
from customhouse.ports import Notifier, Store
from customhouse.settings import Settings
from tests.stores.faults import Calls, FaultyStore

PARTS = ("intake", "released", "quarantine", "records")
NOW = 1_800_000_000.0
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}" + "$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*").encode()


@dataclass
class Told:
    """A notifier that remembers."""

    messages: list[Mapping[str, object]] = field(default_factory=list)

    def notify(self, message: Mapping[str, object]) -> None:
        self.messages.append(message)


@dataclass
class World:
    """Four stores; `apps` of it share them as processes share a cloud."""

    stores: Mapping[str, Store]
    told: Told = field(default_factory=Told)

    @classmethod
    def of(cls, make: Callable[[str], Store]) -> World:
        return cls({part: make(part) for part in PARTS})

    def app(self, calls: Calls | None = None, now: float = NOW, policy: Loaded | None = None, **changes: str) -> App:
        roots = {store.root: FaultyStore(store, calls=calls) if calls else store for store in self.stores.values()}
        places = {part: self.stores[part].root for part in PARTS[1:]} | changes
        settings = Settings(**places, intake=(self.stores["intake"].root,), notify="log:")  # type: ignore[arg-type]
        opener: Callable[[str], Notifier] = lambda _: self.told  # noqa: E731 -- one expression
        return App(settings, policy or default(), lambda root: roots[root], opener, clock=lambda: now)

    def upload(self, key: str, data: bytes, tags: Mapping[str, str] | None = None) -> Event:
        location = self.stores["intake"].put(key, data, tags=tags)
        return Event(location, "test", size=len(data))

    def state(self) -> dict[str, object]:
        """Every live object with its bytes and tags, and every record without what differs from run to run."""
        return {part: self._objects(part) for part in PARTS[:3]} | {"records": sorted(map(_settled, self.records()))}

    def records(self) -> list[Record]:
        store = self.stores["records"]
        return [decode(_read(store, stat.location)) for stat in store.list("records/")]

    def _objects(self, part: str) -> dict[str, object]:
        store = self.stores[part]
        live = [stat.location for stat in store.list()]
        return {location.key.split("/")[-1]: (_read(store, location), store.tags(location)) for location in live}


def _read(store: Store, location: Location) -> bytes:
    with store.read(location) as body:
        return b"".join(body)


def _settled(record: Record) -> tuple[str, str, str, tuple[str, ...]]:
    verdict = record.decision.verdict.value if record.decision else ""
    return record.location.key, record.state, verdict, tuple(o.status for o in record.outcomes)
