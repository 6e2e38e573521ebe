"""A deployment in a box: intake, released, quarantine and records on one kind of store, and its state as a value."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from customhouse.app import App
from customhouse.catalog.record import Record, decode
from customhouse.model import Event, Location
from customhouse.policy.load import Loaded, default
from customhouse.ports import Notifier, Store
from customhouse.settings import Settings
from customhouse.stores.memory import MemoryStore
from tests.stores.faults import Calls, FaultyStore

PARTS = ("intake", "released", "quarantine", "records")
NOW = 1_800_000_000.0
EICAR = (r"X5O!P%@AP[4\PZX54(P^)7CC)7}" + "$EICAR-STANDARD-" + "ANTIVIRUS-TEST-FILE!$H+H*").encode()


def memory(*, versioned: bool = False) -> Callable[[str], Store]:
    """Stores of their own for one world: memory stores of one name share their objects."""
    world = uuid.uuid4().hex
    return lambda part: MemoryStore(f"memory://{part}-{world}", versioned=versioned)


@dataclass
class Told:
    """A notifier that remembers."""

    messages: list[Mapping[str, object]] = field(default_factory=list)

    def notify(self, message: Mapping[str, object]) -> None:
        self.messages.append(message)


@dataclass
class World:
    """Four stores, or a prefix in them; every `app` is a new process over the same cloud."""

    stores: Mapping[str, Store]
    prefix: str = ""
    told: Told = field(default_factory=Told)

    @classmethod
    def of(cls, make: Callable[[str], Store]) -> World:
        return cls({part: make(part) for part in PARTS})

    def app(self, calls: Calls | None = None, now: float = NOW, policy: Loaded | None = None, **changes: str) -> App:
        roots = {store.root: FaultyStore(store, calls=calls) if calls else store for store in self.stores.values()}
        urls = {part: f"{self.stores[part].root}/{self.prefix}".rstrip("/") for part in PARTS}
        places = {part: urls[part] for part in PARTS[1:]} | changes
        settings = Settings(**places, intake=(urls["intake"],), notify="log:")  # type: ignore[arg-type]
        opener: Callable[[str], Notifier] = lambda _: self.told  # noqa: E731 -- one expression
        return App(settings, policy or default(), lambda root: roots[root], opener, clock=lambda: now)

    def upload(self, key: str, data: bytes, tags: Mapping[str, str] | None = None) -> Event:
        location = self.stores["intake"].put(self.prefix + key, data, tags=tags)
        return Event(location, "test", size=len(data))

    def state(self) -> dict[str, object]:
        """Every live object with its bytes and tags, and every record without what differs from run to run."""
        return {part: self._objects(part) for part in PARTS[:3]} | {"records": sorted(map(_settled, self.records()))}

    def records(self) -> list[Record]:
        store = self.stores["records"]
        return [decode(_read(store, stat.location)) for stat in store.list(f"{self.prefix}records/")]

    def _objects(self, part: str) -> dict[str, object]:
        store = self.stores[part]
        live = [stat.location for stat in store.list(self.prefix)]
        return {location.key.split("/")[-1]: (_read(store, location), store.tags(location)) for location in live}


def _read(store: Store, location: Location) -> bytes:
    with store.read(location) as body:
        return b"".join(body)


def _settled(record: Record) -> tuple[str, str, str, tuple[str, ...]]:
    verdict = record.decision.verdict.value if record.decision else ""
    return record.location.key.split("/")[-1], record.state, verdict, tuple(o.status for o in record.outcomes)
