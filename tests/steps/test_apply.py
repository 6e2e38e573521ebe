from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from customhouse.errors import Conflict, Denied, Gone, Malformed, Rejected, Transient
from customhouse.model import VERDICT_TAG, Copy, Delete, Location, Notify, Stat, Step, Tag
from customhouse.ports import Store
from customhouse.steps.apply import apply
from customhouse.stores.memory import MemoryStore
from tests.stores.faults import FaultyStore

TAGS = {VERDICT_TAG: "clean"}


class Line:
    """A notifier that answers as told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.said: list[Mapping[str, object]] = []

    def notify(self, message: Mapping[str, object]) -> None:
        if self.error:
            raise self.error
        self.said.append(message)


@pytest.fixture
def stores() -> dict[str, MemoryStore]:
    made = [MemoryStore(f"memory://{uuid.uuid4().hex}") for _ in range(2)]
    return {store.root: store for store in made}


def setting(stores: dict[str, MemoryStore]) -> tuple[MemoryStore, MemoryStore, Stat]:
    source, target = stores.values()
    return source, target, source.stat(source.put("a", b"bytes"))


def do(stores: dict[str, MemoryStore], *steps: Step, line: Line | None = None) -> list[str]:
    return [f"{o.step} {o.status}" for o in apply(steps, stores.__getitem__, lambda _: line or Line())]


def copy_of(stat: Stat, target: MemoryStore) -> Copy:
    return Copy(stat.location, target.root, "b", TAGS, stat.size)


def content(store: MemoryStore, key: str) -> bytes:
    with store.read(Location(store.root, key)) as body:
        return b"".join(body)


def test_steps_are_done_in_order_and_reported(stores: dict[str, MemoryStore]) -> None:
    source, target, stat = setting(stores)
    assert do(stores, copy_of(stat, target), Tag(stat.location, TAGS)) == ["copy done", "tag done"]
    assert target.tags(Location(target.root, "b")) == TAGS
    assert source.tags(stat.location) == TAGS


def test_the_same_steps_twice_end_the_same(stores: dict[str, MemoryStore]) -> None:
    source, target, stat = setting(stores)
    steps = (copy_of(stat, target), Tag(stat.location, TAGS))
    do(stores, *steps)
    assert do(stores, *steps) == ["copy done", "tag done"]
    assert content(target, "b") == content(source, "a")


def test_nothing_is_deleted_when_the_copy_found_the_object_overwritten(stores: dict[str, MemoryStore]) -> None:
    source, target, stat = setting(stores)
    source.put("a", b"newer")
    assert do(stores, copy_of(stat, target), Delete(stat.location)) == ["copy superseded"]
    assert content(source, "a") == b"newer"
    assert list(target.list()) == []


def test_overwritten_object_is_neither_tagged_nor_deleted(stores: dict[str, MemoryStore]) -> None:
    source, _, stat = setting(stores)
    now = source.put("a", b"newer")
    assert do(stores, Tag(stat.location, TAGS), Delete(stat.location)) == ["tag superseded"]
    assert source.tags(now) == {}


def test_copy_replaces_what_an_earlier_version_left_there(stores: dict[str, MemoryStore]) -> None:
    _, target, stat = setting(stores)
    target.put("b", b"an older release")
    assert do(stores, copy_of(stat, target)) == ["copy done"]
    assert content(target, "b") == b"bytes"


def test_message_nobody_takes_is_recorded_and_undoes_nothing(stores: dict[str, MemoryStore]) -> None:
    _, _, stat = setting(stores)
    step = Notify(stat.location, "log:", {})
    assert do(stores, step, line=Line(Rejected("404"))) == ["notify failed"]
    with pytest.raises(Transient):
        do(stores, step, line=Line(Transient("503")))


def test_message_arrives_as_planned(stores: dict[str, MemoryStore]) -> None:
    _, _, stat = setting(stores)
    line = Line()
    do(stores, Notify(stat.location, "log:", {"verdict": "held"}), line=line)
    assert line.said == [{"verdict": "held"}]


class Refusing(FaultyStore):
    """A store that refuses one kind of call."""

    def __init__(self, inner: Store, call: str, error: Exception) -> None:
        super().__init__(inner)
        self.refused, self.error = call, error

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        if self.refused == "tag":
            raise self.error
        return super().tag(location, changes)

    def copy(self, source: Stat, key: str, **more: Any) -> Location:  # type: ignore[override]  # passed on whole
        if self.refused == "copy":
            raise self.error
        return super().copy(source, key, **more)

    def delete(self, location: Location) -> None:
        if self.refused == "delete":
            raise self.error
        super().delete(location)


def refusing(stores: dict[str, MemoryStore], call: str, error: Exception) -> dict[str, Store]:
    return {root: Refusing(store, call, error) for root, store in stores.items()}


class Full(MemoryStore):
    """Refuses every tag that is longer than what is there, as metadata of at most so many bytes do."""

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        if sum(len(value or "") for value in changes.values()) > len("clean"):
            raise Rejected("metadata exceeds 8 KiB")
        return super().tag(location, changes)


def test_a_forged_verdict_goes_where_there_is_no_room_for_the_true_one() -> None:
    store = Full("memory://full")
    location = store.put("a", b"bytes", tags={VERDICT_TAG: "clean", "own": "x" * 9})
    (outcome,) = apply([Tag(location, {VERDICT_TAG: "quarantined"})], lambda _: store, lambda _: Line())
    assert (outcome.status, outcome.detail) == ("failed", "metadata exceeds 8 KiB")
    assert store.tags(location) == {"own": "x" * 9}


def test_a_tag_for_which_there_is_no_room_is_recorded_and_the_rest_is_done(stores: dict[str, MemoryStore]) -> None:
    _, target, stat = setting(stores)
    steps = (copy_of(stat, target), Tag(stat.location, TAGS), Notify(stat.location, "log:", {}))
    full = refusing(stores, "tag", Rejected("tags cannot be greater than 10"))
    outcomes = list(apply(steps, full.__getitem__, lambda _: Line()))
    assert [f"{one.step} {one.status}" for one in outcomes] == ["copy done", "tag failed", "notify done"]
    assert outcomes[1].location == stat.location
    assert outcomes[1].detail == "tags cannot be greater than 10"


@pytest.mark.parametrize("error", [Denied("403"), Transient("503")])
@pytest.mark.parametrize("call", ["tag", "copy", "delete"])
def test_what_another_attempt_may_mend_stops_the_plan(
    stores: dict[str, MemoryStore], call: str, error: Exception
) -> None:
    source, target, stat = setting(stores)
    steps = (copy_of(stat, target), Tag(stat.location, TAGS), Delete(stat.location))
    with pytest.raises(type(error)):
        list(apply(steps, refusing(stores, call, error).__getitem__, lambda _: Line()))
    assert content(source, "a") == b"bytes"


@pytest.mark.parametrize("error", [Rejected("no"), Malformed("no"), Denied("no"), Transient("no")])
def test_nothing_is_deleted_whose_copy_was_not_made(stores: dict[str, MemoryStore], error: Exception) -> None:
    source, target, stat = setting(stores)
    steps = (copy_of(stat, target), Delete(stat.location))
    with pytest.raises(type(error)):
        list(apply(steps, refusing(stores, "copy", error).__getitem__, lambda _: Line()))
    assert content(source, "a") == b"bytes"


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("tag", Conflict("other")),
        ("tag", Gone("none")),
        ("copy", Gone("none")),
        ("delete", Conflict("other")),
        ("delete", Gone("none")),
    ],
)
def test_whatever_finds_the_object_changed_ends_the_plan_and_sends_no_message(
    stores: dict[str, MemoryStore], call: str, error: Exception
) -> None:
    _, target, stat = setting(stores)
    line = Line()
    steps = (copy_of(stat, target), Tag(stat.location, TAGS), Delete(stat.location), Notify(stat.location, "log:", {}))
    outcomes = list(apply(steps, refusing(stores, call, error).__getitem__, lambda _: line))
    assert [one.step for one in outcomes] == ["copy", "tag", "delete"][: ["copy", "tag", "delete"].index(call) + 1]
    assert outcomes[-1].status == "superseded"
    assert line.said == []


class Moving(FaultyStore):
    """A store where tags are metadata: writing them gives the object a new etag."""

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        super().tag(location, changes)
        with self.inner.read(location) as body:
            return self.inner.put(location.key, b"".join(body), tags=self.inner.tags(location))


def test_what_follows_a_tag_that_moved_the_etag_is_done_on_the_object_as_it_is_now(
    stores: dict[str, MemoryStore],
) -> None:
    source, _, stat = setting(stores)
    steps = (Tag(stat.location, TAGS), Delete(stat.location))
    moving = {source.root: Moving(source)}
    assert [one.status for one in apply(steps, moving.__getitem__, lambda _: Line())] == ["done", "done"]
    assert list(source.list()) == []


class Vanishing(FaultyStore):
    """What stood at the target is gone between the conflict and the look at it."""

    def copy(self, source: Stat, key: str, **more: Any) -> Location:  # type: ignore[override]  # passed on whole
        try:
            return super().copy(source, key, **more)
        finally:
            for one in list(self.inner.list()):
                self.inner.delete(one.location)


def test_a_target_that_comes_and_goes_is_tried_again_later(stores: dict[str, MemoryStore]) -> None:
    source, target, stat = setting(stores)
    target.put("b", b"somebody else's")
    racing: dict[str, Store] = {source.root: source, target.root: Vanishing(target)}
    with pytest.raises(Transient, match="changed while it was written"):
        list(apply((copy_of(stat, target), Delete(stat.location)), racing.__getitem__, lambda _: Line()))
    assert content(source, "a") == b"bytes"
