"""Apply and undo killed before and after every store call, then resumed: the end is always the plan's."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

from customhouse.lifecycle import classes
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.journal import FileJournal
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.undo import undo
from customhouse.model import Location
from customhouse.ports import LifecycleTarget, Store
from customhouse.stores import open_store
from customhouse.stores.open_lifecycle import open_target
from tests.lifecycle.buckets import CASES, Fresh, made, maker, options_of
from tests.lifecycle.support import NOW, contents, planned
from tests.stores.faults import FaultyStore, Killed

RULES = (
    {"id": "trash", "do": "delete", "age": "30d", "select": {"prefix": "t"}, "protect": {"tag": {"pinned": "true"}}},
    {"id": "purge", "do": "delete", "undo": "none", "age": "30d", "select": {"prefix": "p"}},
    {"id": "mark", "do": {"tag": {"tier": "old"}}, "age": "30d", "select": {"prefix": "m"}},
)


Case = tuple[Fresh, Literal["before", "after"]]


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    kind, mode = request.param
    return maker(kind, request), mode


def filled(fresh: Fresh) -> tuple[Store, Plan]:
    store = fresh()
    for name in ("m1", "p1", "stays", "t1", "t2", "t3"):
        store.put(name, b"old" if name == "t1" else name.encode())
    plan = planned(store, *RULES)
    store.put("t2", b"overwritten after planning")
    [pinned] = [stat.location for stat in store.list("t3")]
    store.tag(pinned, {"pinned": "true"})
    return store, plan


def attempt(plan: Plan, store: Store, journal: Path, target: LifecycleTarget | None = None) -> dict[str, str]:
    with FileJournal(journal) as memory_of_it:
        outcomes = apply(
            plan,
            {store.root: Bucket(store, target)},
            NOW,
            journal=memory_of_it,
            limits=Limits(max_share=1),
            workers=1,
        )
        return {outcome.location.key: outcome.status for outcome in outcomes}


def settled(store: Store) -> dict[str, bytes]:
    """What is there, the trash under one name because it depends on versions."""
    return {("trash" if key.startswith("customhouse-undo/") else key): data for key, data in contents(store).items()}


def test_apply_killed_at_any_call_and_resumed_ends_as_planned(case: Case, tmp_path: Path) -> None:
    fresh, mode = case
    store, plan = filled(fresh)
    whole = FaultyStore(store)
    attempt(plan, whole, tmp_path / "whole")
    expected = {
        "trash": b"old",
        "t2": b"overwritten after planning",
        "t3": b"t3",
        "m1": b"m1",
        "stays": b"stays",
    }
    assert settled(store) == expected
    for at in range(1, whole.calls.count + 1):
        store, plan = filled(fresh)
        with suppress(Killed):  # a call that fails by itself does not die after
            attempt(plan, FaultyStore(store, at, mode), tmp_path / f"{at}")
        attempt(plan, store, tmp_path / f"{at}")
        assert settled(store) == expected, f"killed {mode} call {at}"
        [mark] = [stat.location for stat in store.list("m1")]
        assert store.tags(mark) == {"tier": "old"}


@dataclass
class DyingTarget:
    """A bucket's own abilities, dying right after it did something, before anybody hears of it."""

    inner: LifecycleTarget

    def change_class(self, location: Location, storage_class: str) -> None:
        self.inner.change_class(location, storage_class)
        raise Killed("after change_class")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.emulator
@pytest.mark.parametrize("kind", ["s3", "s3-versioned", "gs", "az"])
def test_a_class_change_killed_before_it_was_journaled_is_found_done(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    scheme, _, versioned = kind.partition("-")
    options = options_of(scheme, request)
    root = made(scheme, options, versioned=bool(versioned))
    store, target = open_store(root, options), open_target(root, options)
    assert target is not None
    store.put("c1", b"to be moved")
    store.put("c2", b"overwritten")
    plan = planned(store, {"id": "cool", "do": {"class": "cool"}, "age": "30d"})
    store.put("c2", b"by somebody else")
    with pytest.raises(Killed):
        attempt(plan, store, tmp_path / "journal", DyingTarget(target))
    assert attempt(plan, store, tmp_path / "journal", target) == {"c1": "done", "c2": "superseded"}
    [moved] = store.list("c1")
    assert moved.storage_class == classes.native("cool", scheme)
    assert contents(store) == {"c1": b"to be moved", "c2": b"by somebody else"}


def test_undo_killed_at_any_call_and_resumed_restores_everything(case: Case, tmp_path: Path) -> None:
    fresh, mode = case

    def deleted(at: int) -> tuple[Store, Plan, dict[str, bytes]]:
        store = fresh()
        for name in ("t1", "t2"):
            store.put(name, name.encode())
        before, plan = contents(store), planned(store, RULES[0])
        attempt(plan, store, tmp_path / f"{at}")
        return store, plan, before

    store, plan, before = deleted(0)
    whole = FaultyStore(store)
    list(undo(plan, {store.root: Bucket(whole)}, workers=1))
    assert contents(store) == before
    for at in range(1, whole.calls.count + 1):
        store, plan, before = deleted(at)
        with pytest.raises(Killed):
            list(undo(plan, {store.root: Bucket(FaultyStore(store, at, mode))}, workers=1))
        list(undo(plan, {store.root: Bucket(store)}, workers=1))
        assert contents(store) == before, f"killed {mode} call {at}"
