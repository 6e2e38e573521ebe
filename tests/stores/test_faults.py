from __future__ import annotations

import uuid
from typing import Literal

import pytest

from customhouse.errors import Gone
from customhouse.model import Location
from customhouse.stores.memory import MemoryStore
from tests.stores.faults import Calls, FaultyStore, Killed


def fresh() -> MemoryStore:
    return MemoryStore(f"memory://{uuid.uuid4()}")


def test_dying_before_a_call_leaves_the_store_untouched() -> None:
    inner = fresh()
    with pytest.raises(Killed):
        FaultyStore(inner, fail_at=1, mode="before").put("a", b"1")
    with pytest.raises(Gone):
        inner.stat(Location(inner.root, "a"))


def test_dying_after_a_call_leaves_its_effect() -> None:
    inner = fresh()
    with pytest.raises(Killed):
        FaultyStore(inner, fail_at=1, mode="after").put("a", b"1")
    assert inner.stat(Location(inner.root, "a")).size == 1


@pytest.mark.parametrize("mode", ["before", "after"])
def test_stores_that_share_calls_count_together(mode: Literal["before", "after"]) -> None:
    calls = Calls(fail_at=2, mode=mode)
    first, second = FaultyStore(fresh(), calls=calls), FaultyStore(fresh(), calls=calls)
    first.put("a", b"1")
    with pytest.raises(Killed, match=mode):
        second.put("a", b"1")
    assert calls.made == ["put", "put"]


def test_every_method_is_counted_and_passes_its_answer_on() -> None:
    store = FaultyStore(fresh())
    location = store.put("a", b"12")
    with store.read(location) as body:
        assert b"".join(body) == b"12"
    copied = store.copy(store.stat(location), "b", tags={"customhouse-verdict": "clean"})
    assert store.tags(copied) == {"customhouse-verdict": "clean"}
    store.tag(location, {"x": "y"})
    assert [stat.location.key for stat in store.list()] == ["a", "b"]
    store.delete(location)
    assert store.calls.made == ["put", "read", "stat", "copy", "tags", "tag", "list", "delete"]
