"""Undo brings back exactly what a plan took, whatever happened under the same name before and after."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.errors import Conflict, Denied
from customhouse.lifecycle import plan as planning
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket, trash_key
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.rules import TRASH
from customhouse.lifecycle.undo import undo
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import VERDICT_TAG, Location, Stat
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import NOW, contents, memory, planned

WINDOW: dict[str, Any] = {"id": "old", "do": "delete", "undo": "7d", "age": "30d"}


class ByContent(MemoryStore):
    """A bucket without versions, as S3's: what tells one object from the next of its name is its bytes."""

    def _add(self, key: str, data: bytes, tags: Mapping[str, str], content_type: str) -> Location:
        super()._add(key, data, tags, content_type)
        etag = hashlib.md5(data, usedforsecurity=False).hexdigest()
        [*_, last] = kept = self._bucket.versions[key]
        location = Location(self.root, key, etag, etag)
        kept[-1] = replace(last, stat=replace(last.stat, location=location))
        return location


def by_content() -> ByContent:
    return ByContent(memory().root)


def run(plan: Plan, store: MemoryStore) -> dict[str, str]:
    outcomes = apply(plan, {store.root: Bucket(store)}, plan.header.clock, limits=Limits(max_share=1), workers=1)
    return {outcome.location.key: outcome.status for outcome in outcomes}


def deletes(store: MemoryStore, at: float, **select: str) -> Plan:
    """A plan that leaves the trash alone, whose copies `planned` takes for a hundred days old."""
    plan = planned(store, WINDOW | ({"select": select} if select else {}), now=NOW + at)
    return replace(plan, items=lambda: (one for one in plan.items() if one.rule == "old"))


def back(plan: Plan, store: MemoryStore) -> list[str]:
    return [outcome.status for outcome in undo(plan, {store.root: Bucket(store)}, workers=1)]


def trash(store: MemoryStore) -> list[bytes]:
    return sorted(data for key, data in contents(store).items() if key.startswith(TRASH))


def test_the_same_bytes_deleted_twice_wait_twice_and_either_plan_brings_its_own_back() -> None:
    store = by_content()
    plans = []
    for at in (0, DAY):
        store.put("o", b"same")
        plans.append(deletes(store, at))
        assert run(plans[-1], store) == {"o": "done"}
    assert trash(store) == [b"same", b"same"]
    assert back(plans[0], store) == ["done"]
    assert contents(store)["o"] == b"same"
    assert trash(store) == [b"same"]


def test_emptying_the_trash_of_a_first_deletion_leaves_the_copy_of_a_second_in_the_same_plan() -> None:
    store = by_content()
    store.put("o", b"same")
    run(planned(store, WINDOW), store)
    store.put("o", b"same")
    both = planned(store, WINDOW, now=NOW + DAY)
    assert sorted(item.rule for item in both.items()) == ["old", "undo-7d"]
    assert set(run(both, store).values()) == {"done"}
    assert trash(store) == [b"same"]
    assert "done" in back(both, store)
    assert contents(store) == {"o": b"same"}


@pytest.mark.parametrize("error", [Conflict("overwritten"), Denied("held since")])
def test_a_delete_that_fails_takes_away_its_own_copy_and_not_that_of_an_earlier_plan(error: Exception) -> None:
    class Refusing(ByContent):
        refuses = False

        def delete(self, location: Location) -> None:
            if self.refuses and not location.key.startswith(TRASH):
                raise error
            super().delete(location)

    store = Refusing(memory().root)
    store.put("o", b"same")
    run(deletes(store, 0), store)
    store.put("o", b"same")
    store.refuses = True
    assert run(deletes(store, DAY), store)["o"] in {"superseded", "deferred"}
    assert (contents(store)["o"], trash(store)) == (b"same", [b"same"])


def test_what_somebody_put_in_the_place_of_a_copy_is_not_taken_for_it() -> None:
    store = memory()
    store.put("o", b"whole")
    plan = planned(store, WINDOW)
    [item] = plan.items()
    store.put(trash_key(item, NOW), b"forged"[:5])
    assert run(plan, store) == {"o": "done"}
    assert back(plan, store) == ["done"]
    assert contents(store) == {"o": b"whole"}


class Undigested(MemoryStore):
    """A store that computes nothing of what it holds, as clouds do not of large objects."""

    def stat(self, location: Location) -> Stat:
        return replace(super().stat(location), digests={})


def test_a_newer_object_of_equal_size_that_nothing_proves_the_same_costs_no_copy_in_the_trash() -> None:
    store = Undigested(memory().root)
    store.put("o", b"old")
    plan = planned(store, WINDOW)
    run(plan, store)
    store.put("o", b"new")
    assert back(plan, store) == ["superseded"]
    assert (contents(store)["o"], trash(store)) == (b"new", [b"old"])


def test_an_undo_that_died_before_it_emptied_the_trash_is_finished_by_the_next() -> None:
    store = memory()
    store.put("o", b"old")
    plan = planned(store, WINDOW)
    run(plan, store)
    store.put("o", b"old")
    assert back(plan, store) == ["done"]
    assert contents(store) == {"o": b"old"}


def test_an_old_version_comes_back_only_where_its_name_is_free() -> None:
    store = memory(versioned=True)
    store.put("o", b"old")
    old = next(store.list())
    store.put("o", b"new")
    row = Artifact(old.location, old.size, NOW - 100 * DAY, noncurrent_since=NOW - 50 * DAY)
    plan = planning.make(load([WINDOW | {"noncurrent": "30d"}]), [row], NOW)
    assert run(plan, store) == {"o": "done"}
    assert back(plan, store) == ["superseded"]
    store.delete(Location(store.root, "o"))
    assert back(plan, store) == ["done"]
    assert contents(store) == {"o": b"old"}


def test_our_verdict_comes_back_and_our_label_does_not() -> None:
    store = memory()
    store.put("o", b"old", tags={VERDICT_TAG: "clean", "customhouse-lifecycle": "armed", "team": "red"})
    plan = planned(store, WINDOW)
    run(plan, store)
    back(plan, store)
    assert store.tags(Location(store.root, "o")) == {VERDICT_TAG: "clean", "team": "red"}


names = st.sampled_from(["a", "a/b", "b", "é/ü", "x//y"])
data = st.sampled_from([b"", b"one", b"two"])


@pytest.mark.parametrize("fresh", [memory, by_content, lambda: memory(versioned=True)])
@given(steps=st.lists(st.tuples(st.dictionaries(names, data), st.sampled_from(["a", "b", "x", "é"])), max_size=4))
@settings(max_examples=60)
def test_whatever_was_deleted_before_undo_right_after_apply_restores_every_name(
    fresh: Callable[[], MemoryStore], steps: list[tuple[dict[str, bytes], str]]
) -> None:
    store = fresh()
    for at, (uploads, prefix) in enumerate(steps):
        for key, content in uploads.items():
            store.put(key, content)
        before = contents(store)
        mine = deletes(store, at, prefix=prefix)
        assert set(run(mine, store).values()) <= {"done"}
        assert not [key for key in contents(store) if key.startswith(prefix)]
        assert set(back(mine, store)) <= {"done"}
        assert contents(store) == before
        run(mine, store)  # gone again, so that the next step finds copies in the trash
