from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.lifecycle.arming import arm
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory.live import Known
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.gcs import custom_time
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.plan import Plan, read
from customhouse.lifecycle.rules import TRASH
from customhouse.lifecycle.schedule import Job, Run, run
from customhouse.lifecycle.upload import enforce
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Artifact
from customhouse.model import LIFECYCLE_TAG, Location
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import contents, memory

LATER = 4e9  # seconds: long after any object of these tests was put
OLD: dict[str, Any] = {"id": "purge", "do": "delete", "undo": "none", "age": "30d", "select": {"prefix": "in/"}}
PURGE = load([OLD])
NEVER: Callable[[], bool] = lambda: False  # noqa: E731 -- a clock that never runs out


def job(count: int = 5, **known: Any) -> tuple[Job, MemoryStore]:
    store = memory()
    for at in range(count):
        store.put(f"in/{at}", b"x", tags={"n": str(at)})
    store.put("stays", b"x")
    fields: dict[str, Any] = {"rules": PURGE, "state": memory(), "limits": Limits(max_share=1), "workers": 1}
    return Job(Bucket(store), **(fields | known)), store


def test_a_run_with_time_enough_does_everything_and_leaves_no_plan_behind() -> None:
    work, store = job()
    assert run(work, LATER, NEVER) == Run(5, {"done": 5}, "")
    assert set(contents(store)) == {"stays"}
    assert contents(work.state) == {}


def test_a_run_that_is_out_of_time_is_gone_on_with_from_its_cursor() -> None:
    work, store = job()
    calls = itertools.count(1)
    first = run(work, LATER, lambda: next(calls) >= 2)
    assert first.statuses == {"done": 2}
    store.put("in/new", b"not in the plan")
    second = run(work, LATER + 60, NEVER, first.cursor)
    assert (second.statuses, second.cursor) == ({"done": 3}, "")
    assert set(contents(store)) == {"in/new", "stays"}


def test_a_cursor_of_another_policy_or_an_old_plan_or_none_at_all_plans_anew() -> None:
    work, store = job()
    once = run(work, LATER, lambda: True)
    assert once.cursor
    other = replace(work, rules=load([{"id": "other", "do": "delete", "undo": "none", "age": "30d"}]))
    assert run(other, LATER, lambda: True, once.cursor).planned == 5
    assert run(work, LATER, NEVER, '{"plan":"nowhere","done":9}').planned == 3
    assert run(work, LATER, NEVER, "half a cursor").planned == 0
    assert set(contents(store)) == {"stays"}


def test_a_plan_that_has_grown_too_old_is_made_anew_and_not_refused() -> None:
    work, store = job()
    once = run(work, LATER, lambda: True)
    assert run(work, LATER + 2 * DAY, NEVER, once.cursor) == Run(4, {"done": 4}, "")
    assert set(contents(store)) == {"stays"}


@pytest.mark.parametrize("terms", [{"idle": "9d"}, {"keep": {"latest": 1, "per": "folder", "order": "used"}}])
def test_nothing_is_enforced_at_upload_where_a_rule_is_about_last_reads(terms: dict[str, Any]) -> None:
    rules = (*LATEST, *load([{"id": "read", "do": "delete", "age": "1d", **terms}]))
    siblings = [release("3"), release("2"), release("1")]
    assert enforce(rules, siblings[0], siblings, 101 * DAY) == []


def test_what_came_in_use_since_a_plan_was_begun_is_spared_by_the_rest_of_it() -> None:
    rules = load([OLD | {"protect": {"in_use": True}}])
    work, store = job(rules=rules, in_use=frozenset())
    first = run(work, LATER, lambda: True)
    used = replace(work, in_use=frozenset({f"{store.root}/in/3"}))
    assert run(used, LATER + 60, NEVER, first.cursor).statuses == {"done": 3}
    assert set(contents(store)) == {"in/3", "stays"}


def test_where_no_record_is_found_nothing_is_done_that_records_could_spare() -> None:
    rules = load([OLD | {"exclude": {"verdict": "held"}}])
    work, store = job(rules=rules, lookup=lambda _: None)
    assert "not one of" in run(work, LATER, NEVER).refused
    assert (len(contents(store)), contents(work.state)) == (6, {})
    told = replace(work, lookup=lambda place: Known("held" if place.key == "in/3" else "clean"))
    assert run(told, LATER, NEVER).statuses == {"done": 4}
    assert set(contents(store)) == {"in/3", "stays"}


def test_the_trash_and_other_rules_go_on_where_no_record_was_looked_for() -> None:
    young = OLD | {"id": "young", "age": "90000d", "exclude": {"verdict": "held"}}
    work, store = job(rules=load([OLD, young, OLD | {"id": "t", "undo": "1d", "select": {"prefix": "x"}}]))
    store.put(f"{TRASH}1d/x", b"x")
    done = run(replace(work, lookup=lambda _: None), LATER, NEVER)
    assert (done.refused, done.statuses, set(contents(store))) == ("", {"done": 6}, {"stays"})


@pytest.mark.parametrize("saved", [b"", b"{}\n", b"not JSON\n", b'{"format":"customhouse-plan/0"}\n'])
def test_a_saved_plan_that_does_not_read_any_more_is_made_anew(saved: bytes) -> None:
    work, store = job()
    cursor = run(work, LATER, lambda: True).cursor
    [plan] = contents(work.state)
    work.state.put(plan, saved)
    assert run(work, LATER + 60, NEVER, cursor).statuses == {"done": 4}
    assert set(contents(store)) == {"stays"}


@given(st.lists(st.integers(1, 4), min_size=1, max_size=8), st.sampled_from([1, 3]))
@settings(max_examples=40)
def test_however_a_run_is_cut_off_the_runs_together_do_each_item_of_one_plan(budgets: list[int], workers: int) -> None:
    work, store = job(8, workers=workers)
    cursor, seen = "", 0
    for budget in [*budgets, 100]:
        calls = itertools.count(1)
        done = run(work, LATER, lambda left=budget, calls=calls: next(calls) >= left, cursor)
        cursor, seen = done.cursor, seen + sum(done.statuses.values())
        if not cursor:
            break
    assert seen == 8
    assert set(contents(store)) == {"stays"}
    assert contents(work.state) == {}


def test_a_plan_beyond_the_blast_radius_is_saved_for_a_person_and_nothing_is_done(tmp_path: Any) -> None:
    work, store = job(limits=Limits(max_items=2))
    done = run(work, LATER, NEVER)
    assert "more than 2" in done.refused
    assert len(contents(store)) == 6
    [saved] = contents(work.state).values()
    (tmp_path / "plan.jsonl").write_bytes(saved)
    plan: Plan = read(tmp_path / "plan.jsonl")
    assert len(list(plan.items())) == 5
    assert plan.header.inventory == store.root


def test_plans_that_wait_for_a_person_are_one_a_store_and_the_newest() -> None:
    work, _ = job(limits=Limits(max_items=2))
    other, store = job(limits=Limits(max_items=2), state=work.state)
    for now in (LATER, LATER + DAY):
        first, second = run(work, now, NEVER), run(other, now, NEVER)
    saved = {f"{work.state.root}/{key}": data for key, data in contents(work.state).items()}
    assert len(saved) == 2
    assert all(any(name in done.refused for name in saved) for done in (first, second))
    [mine] = [data for name, data in saved.items() if name in second.refused]
    assert json.loads(mine.splitlines()[0])["inventory"] == store.root
    assert run(replace(other, within="in/"), LATER, NEVER).refused
    assert len(contents(work.state)) == 3


def test_what_the_cloud_does_itself_is_not_done_twice() -> None:
    work, store = job(marks={"purge": "exact"})
    assert run(work, LATER, NEVER) == Run(0, {}, "")
    assert len(contents(store)) == 6


ARMED = load(
    [
        {
            "id": "wheels",
            "do": "delete",
            "undo": "none",
            "age": "30d",
            "select": {"suffix": ".whl"},
            "exclude": {"prefix": "keep/"},
        }
    ]
)


def upload(key: str, **known: Any) -> Artifact:
    return Artifact(Location("s3://bucket", key, version=key), 1, 100 * DAY, **known)


def test_an_upload_is_armed_with_its_rule_and_its_due_moment() -> None:
    compiled = compile_rules(ARMED, Target("s3://bucket"))
    found = arm(ARMED, compiled, upload("a.whl"))
    assert found is not None
    assert (found.label, found.custom_time) == (compiled.labels["wheels"], custom_time(130 * DAY))
    assert arm(ARMED, compiled, upload("a.txt")) is None
    assert arm(ARMED, compiled, upload("keep/a.whl")) is None
    assert LIFECYCLE_TAG in str(compiled.native)


LATEST = load([{"id": "two", "do": "delete", "age": "0m", "keep": {"latest": 2, "per": "package", "order": "version"}}])


def release(version: str, **known: Any) -> Artifact:
    return upload(f"p/{version}", ecosystem="pypi", package="p", package_version=version, **known)


def test_an_upload_pushes_the_oldest_release_of_its_package_out() -> None:
    siblings = [release("1.10"), release("1.9"), release("1.0rc1"), upload("other", ecosystem="pypi", package="q")]
    pushed = enforce(LATEST, siblings[0], siblings, 101 * DAY)
    assert [item.location.key for item in pushed] == ["p/1.0rc1"]
    assert enforce(LATEST, upload("unknown"), siblings, 101 * DAY) == []


def test_nothing_is_enforced_at_upload_where_a_rule_protects_what_is_in_use() -> None:
    rules = (*LATEST, *load([{"id": "used", "do": "delete", "age": "1d", "protect": {"in_use": True}}]))
    siblings = [release("3"), release("2"), release("1")]
    assert enforce(rules, siblings[0], siblings, 101 * DAY) == []


@pytest.mark.parametrize("action", ["keep", "hold"])
def test_nothing_is_enforced_at_upload_where_a_date_may_keep_it(action: str) -> None:
    dated = load([{"id": "dated", "do": action, "expires": True}])
    siblings = [release("3"), release("2"), release("1")]
    assert len(enforce(LATEST, siblings[0], siblings, 101 * DAY)) == 1
    assert enforce((*LATEST, *dated), siblings[0], siblings, 101 * DAY) == []


def test_a_kept_release_is_not_pushed_out() -> None:
    rules = (*LATEST, *load([{"id": "lts", "do": "keep", "select": {"tag": {"lts": "true"}}}]))
    siblings = [release("3"), release("2"), release("1", tags={"lts": "true"})]
    assert enforce(rules, siblings[0], siblings, 101 * DAY) == []
