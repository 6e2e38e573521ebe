"""Whatever is done to a store in whatever order, it says what a plain dictionary says."""

from __future__ import annotations

import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from customhouse.errors import Conflict, Gone
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import open_store
from tests.stores.contract import VERDICT, whole

KEYS = st.sampled_from(["a", "b/c", "d", "b//c", " ü+%2F", "b/../a"])
DATA = st.binary(max_size=4)
TAGS = st.dictionaries(st.sampled_from([VERDICT, "team", "x"]), st.sampled_from(["1", "clean", "held"]), max_size=2)
CHANGES = st.dictionaries(st.sampled_from([VERDICT, "team", "x"]), st.sampled_from(["2", "ok", None]), max_size=2)


@dataclass
class Object:
    """What stands under a key: its bytes, its tags and where it is pinned."""

    data: bytes
    tags: dict[str, str]
    location: Location


class Machine(RuleBasedStateMachine):
    """A store and a dictionary side by side; `past` are locations of versions that are no more."""

    def __init__(self) -> None:
        super().__init__()
        self.there: dict[str, Object] = {}
        self.past: list[Location] = []
        self.store = self.opened()

    def opened(self) -> Store:
        raise NotImplementedError

    def _overwritten(self, key: str) -> None:
        if key in self.there:
            self.past.append(self.there[key].location)

    @initialize()
    def empty(self) -> None:
        assert list(self.store.list()) == []

    @rule(key=KEYS, data=DATA, tags=TAGS)
    def put(self, key: str, data: bytes, tags: dict[str, str]) -> None:
        self._overwritten(key)
        self.there[key] = Object(data, tags, self.store.put(key, data, tags=tags))

    @rule(key=KEYS, data=DATA)
    def put_where_nothing_is(self, key: str, data: bytes) -> None:
        if key in self.there:
            with pytest.raises(Conflict):
                self.store.put(key, data, if_absent=True)
        else:
            self.there[key] = Object(data, {}, self.store.put(key, data, if_absent=True))

    @rule(key=KEYS, data=DATA)
    def put_over_what_was_seen(self, key: str, data: bytes) -> None:
        if key in self.there:
            seen = self.there[key].location
            self._overwritten(key)
            self.there[key] = Object(data, {}, self.store.put(key, data, if_match=seen))

    @rule(data=st.data())
    def act_on_what_is_no_more(self, data: st.DataObject) -> None:
        if self.past:
            past = data.draw(st.sampled_from(self.past))
            refusal = Conflict if past.key in self.there else Gone
            with pytest.raises(Conflict):
                self.store.put(past.key, b"new", if_match=past)
            with pytest.raises(refusal):
                self.store.tag(past, {VERDICT: "clean"})
            with pytest.raises(refusal):
                whole(self.store, past)
            with suppress(Conflict):  # where there is nothing, a second delete is no error
                self.store.delete(past)

    @rule(key=KEYS, changes=CHANGES)
    def tag(self, key: str, changes: dict[str, str | None]) -> None:
        if key in self.there:
            known = self.there[key]
            moved = self.store.tag(known.location, changes)
            tags = {name: value for name, value in (known.tags | changes).items() if value is not None}
            if moved != known.location:
                self.past.append(known.location)
            self.there[key] = Object(known.data, tags, moved)

    @rule(source=KEYS, key=KEYS, tags=TAGS)
    def copy(self, source: str, key: str, tags: dict[str, str]) -> None:
        if source in self.there and source != key:
            known = self.there[source]
            kept = {name: value for name, value in known.tags.items() if not name.startswith("customhouse-")}
            self._overwritten(key)
            made = self.store.copy(self.store.stat(known.location), key, tags=tags)
            self.there[key] = Object(known.data, kept | tags, made)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        if key in self.there:
            location = self.there.pop(key).location
            self.store.delete(location)
            self.store.delete(location)
            self.past.append(location)

    @invariant()
    def the_listing_is_the_dictionary(self) -> None:
        listed = [(stat.location.key, stat.size) for stat in self.store.list()]
        assert listed == sorted((key, len(known.data)) for key, known in self.there.items())
        assert {stat.location for stat in self.store.list("b/")} == {
            known.location for key, known in self.there.items() if key.startswith("b/")
        }

    @invariant()
    def every_object_is_what_was_written(self) -> None:
        for key, known in self.there.items():
            stat = self.store.stat(Location(self.store.root, key))
            assert (stat.location, whole(self.store, known.location)) == (known.location, known.data)
            assert self.store.tags(known.location) == known.tags


class Memory(Machine):
    def opened(self) -> Store:
        return open_store(f"memory://{uuid.uuid4().hex}")


class Local(Machine):
    def opened(self) -> Store:
        self.folder = tempfile.TemporaryDirectory()
        return open_store(f"file://{self.folder.name}")

    def teardown(self) -> None:
        self.folder.cleanup()


ENOUGH = settings(max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
TestMemory = Memory.TestCase
TestLocal = Local.TestCase
TestMemory.settings = TestLocal.settings = ENOUGH
