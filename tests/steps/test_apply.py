from __future__ import annotations

import uuid
from collections.abc import Mapping

import pytest

from customhouse.errors import Rejected, Transient
from customhouse.model import VERDICT_TAG, Copy, Delete, Location, Notify, Stat, Step, Tag
from customhouse.steps.apply import apply
from customhouse.stores.memory import MemoryStore

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
