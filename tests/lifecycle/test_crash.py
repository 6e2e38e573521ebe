"""Apply and undo killed before and after every store call, then resumed: the end is always the plan's."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Literal

import pytest

from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.journal import FileJournal
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.undo import undo
from customhouse.ports import Store
from tests.lifecycle.buckets import CASES, Fresh, maker
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


def attempt(plan: Plan, store: Store, journal: Path) -> dict[str, str]:
    with FileJournal(journal) as memory_of_it:
        outcomes = apply(
            plan,
            {store.root: Bucket(store)},
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
