from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from customhouse.errors import ConfigError, Denied, Transient
from customhouse.lifecycle.apply import ATTEMPTS, apply
from customhouse.lifecycle.execute import Bucket, trash_key
from customhouse.lifecycle.inventory.live import Known
from customhouse.lifecycle.journal import FileJournal, read
from customhouse.lifecycle.limits import Limits, RefusedPlan, radius
from customhouse.lifecycle.plan import Item, Plan, make, totals
from customhouse.lifecycle.undo import undo
from customhouse.lifecycle.using import Using
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Action
from customhouse.model import Location, Stat
from customhouse.ports import Store
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import NOW, FakeTarget, contents, listed, memory, planned, written

PURGE = {"id": "purge", "do": "delete", "undo": "none", "age": "30d"}
TRASH = {"id": "trash", "do": "delete", "age": "30d"}
ALL = Limits(max_share=1)


def run(plan: Plan, store: Store, target: FakeTarget | None = None, **known: Any) -> dict[str, str]:
    known = {"limits": ALL, "workers": 1, "sleep": [].append} | known
    outcomes = apply(plan, {store.root: Bucket(store, target)}, NOW, **known)
    return {outcome.location.key: outcome.status for outcome in outcomes}


def filled(count: int = 3) -> MemoryStore:
    store = memory()
    for at in range(count):
        store.put(f"o{at}", f"data {at}".encode(), tags={"team": "red"})
    return store


def test_apply_deletes_what_was_planned_and_nothing_else() -> None:
    store = filled()
    plan = planned(store, PURGE | {"exclude": {"prefix": "o1"}})
    store.put("later", b"not in the plan")
    assert run(plan, store) == {"o0": "done", "o2": "done"}
    assert set(contents(store)) == {"o1", "later"}


def test_an_object_overwritten_after_planning_is_left_alone_and_reported() -> None:
    store = filled()
    plan = planned(store, PURGE)
    store.put("o1", b"new")
    assert run(plan, store) == {"o0": "done", "o1": "superseded", "o2": "done"}
    assert contents(store) == {"o1": b"new"}


def test_an_object_protected_after_planning_is_left_alone_and_reported(tmp_path: Path) -> None:
    store = filled()
    plan = written(planned(store, PURGE | {"protect": {"tag": {"pinned": "true"}}}), tmp_path / "plan.jsonl")
    store.tag(Location(store.root, "o2"), {"pinned": "true"})
    assert run(plan, store) == {"o0": "done", "o1": "done", "o2": "protected"}
    assert set(contents(store)) == {"o2"}


USED = PURGE | {"protect": {"in_use": True}}


def in_use_plan(store: Store, *names: str) -> Plan:
    """A plan by a rule that protects what is in use, made when these names were."""
    return make(load([USED]), listed(store), NOW, in_use=set(names), lists=["used"])


def test_what_came_into_use_is_left_and_told() -> None:
    store = filled()
    using = Using({f"{store.root}/o1"})
    assert run(in_use_plan(store), store, using=using) == {"o0": "done", "o1": "protected", "o2": "done"}
    assert set(contents(store)) == {"o1"}


def test_what_left_use_after_planning_is_not_deleted_for_it() -> None:
    store = filled()
    plan = in_use_plan(store, f"{store.root}/o1")
    assert run(plan, store, using=Using(frozenset())) == {"o0": "done", "o2": "done"}
    assert set(contents(store)) == {"o1"}


def test_records_are_asked_only_where_what_is_in_use_changed_and_has_digests() -> None:
    asked: list[str] = []

    def lookup(location: Location) -> Known | None:
        asked.append(location.key)
        return Known(digest=f"sha256:{location.key}")

    for names in ({"sha256:old"}, {"memory://other/x"}):
        store = filled()
        assert run(in_use_plan(store, "sha256:old"), store, using=Using(names, lookup)) == dict.fromkeys(
            ("o0", "o1", "o2"), "done"
        )
    assert asked == []
    store = filled()
    found = run(in_use_plan(store), store, using=Using({"sha256:o1"}, lookup))
    assert (found["o1"], asked) == ("protected", ["o0", "o1", "o2"])


def test_a_rule_that_does_not_ask_spares_nothing_that_is_in_use() -> None:
    store = filled(1)
    assert run(planned(store, PURGE), store, using=Using({f"{store.root}/o0"})) == {"o0": "done"}


def test_a_plan_by_rules_that_protect_what_is_in_use_is_not_applied_without_a_list() -> None:
    store = filled()
    with pytest.raises(ConfigError, match="rule 'purge' protects what is in use: give an in-use list"):
        run(in_use_plan(store), store)
    assert len(contents(store)) == 3


def test_a_delete_waits_in_the_trash_and_undo_brings_it_back_with_its_tags() -> None:
    store = filled()
    before = contents(store)
    plan = planned(store, TRASH)
    run(plan, store)
    assert {key.rpartition("/")[0] for key in contents(store)} == {"customhouse-undo/7d"}
    outcomes = list(undo(plan, {store.root: Bucket(store)}, workers=1))
    assert [outcome.status for outcome in outcomes] == ["done"] * 3
    assert contents(store) == before
    assert store.tags(Location(store.root, "o0")) == {"team": "red"}


def test_undo_leaves_a_newer_object_of_the_name_and_keeps_the_copy() -> None:
    store = filled(1)
    plan = planned(store, TRASH)
    run(plan, store)
    store.put("o0", b"newer")
    [outcome] = undo(plan, {store.root: Bucket(store)})
    assert outcome.status == "superseded"
    assert sorted(contents(store).values()) == [b"data 0", b"newer"]


def test_undo_of_what_the_window_no_longer_holds_says_expired() -> None:
    store = filled(1)
    plan = planned(store, TRASH)
    run(plan, store)
    [item] = plan.items()
    store.delete(Location(store.root, trash_key(item, plan.header.clock)))
    assert [outcome.status for outcome in undo(plan, {store.root: Bucket(store)})] == ["expired"]


def test_undo_of_a_plan_that_was_never_applied_changes_nothing() -> None:
    store = filled()
    before = contents(store)
    plan = planned(store, TRASH)
    assert {outcome.status for outcome in undo(plan, {store.root: Bucket(store)})} == {"expired"}
    assert contents(store) == before


def test_the_trash_is_emptied_by_its_own_rule_once_the_window_has_passed() -> None:
    store = filled()
    run(planned(store, TRASH), store)
    purge = planned(store, TRASH)
    assert {item.rule for item in purge.items()} == {"undo-7d"}
    assert set(run(purge, store).values()) == {"done"}
    assert contents(store) == {}


def made_of(plan: Plan, *items: Item) -> Plan:
    """The plan with other items, counted in its header."""
    return Plan(replace(plan.header, totals=totals(items)), lambda: iter(items))


def test_tags_classes_and_holds_are_set() -> None:
    store, target = filled(1), FakeTarget()
    run(planned(store, {"id": "t", "do": {"tag": {"team": "blue", "tier": "old"}}, "age": "1d"}), store)
    assert store.tags(Location(store.root, "o0")) == {"team": "blue", "tier": "old"}
    run(planned(store, {"id": "h", "do": "hold", "age": "1d"}), store, target)
    assert target.held == ["o0"]
    [stat] = store.list()
    move = Item(stat.location, Action.CLASS, "c", "age", "GLACIER")
    plan = made_of(planned(store, PURGE), move)
    assert run(plan, store, target) == {"o0": "done"}
    assert target.classes == {"o0": "GLACIER"}
    assert run(plan, store) == {"o0": "failed"}
    old = made_of(plan, replace(move, live=False))
    assert run(old, store, target) == {"o0": "failed"}  # on all but Azure it would become current
    target.error = Denied("locked")
    assert run(plan, store, target) == {"o0": "deferred"}


class Busy(MemoryStore):
    """Throttles the first `times` deletes."""

    times = 0

    def delete(self, location: Location) -> None:
        if self.times:
            self.times -= 1
            raise Transient("slow down")
        super().delete(location)


def test_throttling_is_waited_out_with_growing_pauses() -> None:
    store = Busy("memory://busy")
    store.put("o", b"x")
    store.times = 3
    pauses: list[float] = []
    assert run(planned(store, PURGE), store, sleep=pauses.append) == {"o": "done"}
    assert pauses == [1, 2, 4]


def test_throttling_that_does_not_end_is_an_outcome_that_a_later_run_retries(tmp_path: Path) -> None:
    store = Busy("memory://busier")
    store.put("o", b"x")
    plan = planned(store, PURGE)
    store.times = ATTEMPTS
    with FileJournal(tmp_path / "outcomes") as journal:
        assert run(plan, store, journal=journal) == {"o": "failed"}
    with FileJournal(tmp_path / "outcomes") as journal:
        assert run(plan, store, journal=journal) == {"o": "done"}
    assert [outcome.status for outcome in read(tmp_path / "outcomes")] == ["failed", "done"]


def test_a_resumed_apply_does_only_the_rest_and_survives_a_torn_journal(tmp_path: Path) -> None:
    store, path = filled(), tmp_path / "outcomes"
    plan = planned(store, PURGE)
    with FileJournal(path) as journal:
        first = next(apply(plan, {store.root: Bucket(store)}, NOW, limits=ALL, journal=journal, workers=1))
    with path.open("ab") as file:
        file.write(b'{"step":"del')
    with FileJournal(path) as journal:
        rest = run(plan, store, journal=journal)
    assert set(rest) == {"o0", "o1", "o2"} - {first.location.key}
    assert len(list(read(path))) == 3


def test_many_workers_do_every_item_once() -> None:
    store = filled(60)
    outcomes = list(apply(planned(store, PURGE), {store.root: Bucket(store)}, NOW, limits=ALL, workers=6))
    assert sorted(outcome.location.key for outcome in outcomes) == sorted(f"o{at}" for at in range(60))
    assert contents(store) == {}


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        (Limits(max_items=2, max_share=1), "3 artifacts, more than 2"),
        (Limits(max_bytes=5, max_share=1), "18 B, more than 5 B"),
        (Limits(max_share=0.9), "100% of the inventory"),
    ],
)
def test_a_plan_beyond_the_blast_radius_needs_a_yes(limits: Limits, reason: str) -> None:
    store = filled()
    plan = planned(store, PURGE)
    with pytest.raises(RefusedPlan, match=reason):
        run(plan, store, limits=limits)
    assert len(contents(store)) == 3
    assert set(run(plan, store, limits=limits, accept=True).values()) == {"done"}


def test_an_old_plan_or_another_policy_s_is_refused_even_with_a_yes() -> None:
    store = filled()
    with pytest.raises(RefusedPlan, match="older than 1d"):
        run(planned(store, PURGE, now=NOW - DAY - 1), store, accept=True)
    with pytest.raises(RefusedPlan, match="in the future"):
        run(planned(store, PURGE, now=NOW + DAY), store, accept=True)
    with pytest.raises(RefusedPlan, match="policy has changed"):
        run(planned(store, PURGE), store, accept=True, policy="sha256:other")
    assert len(contents(store)) == 3


def test_emptying_the_trash_and_what_the_cloud_does_are_outside_the_blast_radius() -> None:
    store = filled()
    plan = planned(store, PURGE)
    assert radius(plan.header) == (3, 18)
    totals = tuple(replace(total, cloud=True) for total in plan.header.totals)
    assert radius(replace(plan.header, totals=totals)) == (0, 0)


def test_a_store_that_was_not_opened_stops_the_apply() -> None:
    store = filled()
    with pytest.raises(ConfigError, match="was not opened"):
        list(apply(planned(store, PURGE), {}, NOW, limits=ALL))


class Lossy(MemoryStore):
    """Copies lose a byte."""

    def copy(self, source: Stat, key: str, **known: Any) -> Location:
        del source, known
        return self.put(key, b"short")


def test_a_copy_that_is_not_the_original_stops_the_delete() -> None:
    store = Lossy("memory://lossy")
    store.put("o", b"whole")
    assert run(planned(store, TRASH), store) == {"o": "failed"}
    assert contents(store)["o"] == b"whole"
