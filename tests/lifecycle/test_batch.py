"""Old versions go many in one call, each exactly; what the cloud keeps or is too busy for is told one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import botocore.session
import pytest

from customhouse.errors import Denied, Rejected, Transient
from customhouse.lifecycle import plan
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.inventory.live import rows
from customhouse.lifecycle.journal import FileJournal, read
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.plan import Plan
from customhouse.lifecycle.using import Using
from customhouse.lifecycle.vocabulary import load
from customhouse.model import Location
from customhouse.ports import Store
from customhouse.stores import open_store
from customhouse.stores.memory import MemoryStore
from customhouse.stores.open_lifecycle import open_target
from customhouse.stores.s3_answers import kept
from tests.lifecycle.buckets import made, options_of
from tests.lifecycle.support import memory
from tests.stores.faults import FaultyStore, Killed

LATER = 4e9
OLD: dict[str, Any] = {"id": "old", "do": "delete", "undo": "none", "noncurrent": "30d"}


@dataclass
class Together:
    """`ports.Batches` over a store in memory; it keeps what `kept` says, and dies where it is told to."""

    store: Store
    most: int = 1000
    kept: dict[str, Rejected | Transient] = field(default_factory=dict)
    error: Exception | None = None
    dies: Literal["", "before", "half", "after"] = ""
    sizes: list[int] = field(default_factory=list)

    def delete_many(self, versions: Sequence[Location]) -> Mapping[Location, Rejected | Transient]:
        self.sizes.append(len(versions))
        if self.error:
            raise self.error
        if self.dies == "before":
            raise Killed("before delete_many")
        for at, one in enumerate(versions):
            if self.dies == "half" and at == len(versions) // 2:
                raise Killed("within delete_many")
            if one.key not in self.kept:
                self.store.delete(one)
        if self.dies == "after":
            raise Killed("after delete_many")
        return {one: self.kept[one.key] for one in versions if one.key in self.kept}


def versions(count: int = 5) -> MemoryStore:
    """A bucket of names with an old version and a current one each."""
    store = memory(versioned=True)
    for data in (b"old", b"new"):
        for at in range(count):
            store.put(f"{at}", data)
    return store


def planned(store: Store, **terms: Any) -> Plan:
    found = list(rows(store, LATER, versions=True))
    return plan.make(load([OLD | terms]), found, LATER)


def run(made: Plan, bucket: Bucket, **known: Any) -> dict[str, str]:
    options = {"limits": Limits(max_share=1), "workers": 1, "sleep": [].append} | known
    outcomes = apply(made, {bucket.store.root: bucket}, LATER, **options)
    return {one.location.key: one.status for one in outcomes}


def left(store: Store) -> list[tuple[str, int]]:
    return [(one.location.key, one.size) for one in store.list(versions=True)]


def test_old_versions_go_together_and_current_ones_stay() -> None:
    store = versions()
    batches = Together(store)
    calls = FaultyStore(store)
    assert run(planned(store), Bucket(calls, batches=batches)) == dict.fromkeys("01234", "done")
    assert (batches.sizes, calls.calls.made) == ([5], [])
    assert left(store) == [(name, 3) for name in "01234"]


def test_as_many_go_together_as_one_call_takes() -> None:
    store = versions()
    batches = Together(store, most=2)
    assert set(run(planned(store), Bucket(store, batches=batches), workers=4).values()) == {"done"}
    assert sorted(batches.sizes) == [2, 2]  # the last one goes alone
    assert len(left(store)) == 5


@pytest.mark.parametrize(
    "terms", [{"undo": "7d"}, {"protect": {"tag": {"pinned": "true"}}}, {"noncurrent": "1d", "do": {"tag": {"a": "b"}}}]
)
def test_what_must_be_looked_at_or_copied_first_goes_one_by_one(terms: dict[str, Any]) -> None:
    store = versions()
    batches = Together(store)
    terms = {"undo": None} | terms if "do" in terms else terms
    made = planned(store, **terms)
    assert set(run(made, Bucket(store, batches=batches)).values()) == {"done"}
    assert batches.sizes == []


def test_current_versions_go_one_by_one_since_they_may_be_overwritten() -> None:
    store = versions()
    rule = load([{"id": "all", "do": "delete", "undo": "none", "age": "30d"}])
    made = plan.make(rule, list(rows(store, LATER)), LATER)
    store.put("1", b"newest")
    batches = Together(store)
    assert run(made, Bucket(store, batches=batches)) == dict.fromkeys("0234", "done") | {"1": "superseded"}
    assert batches.sizes == []


def test_what_the_cloud_keeps_is_told_and_the_others_are_done() -> None:
    store = versions()
    batches = Together(store, kept={"1": Denied("held"), "3": Rejected("odd")})
    statuses = run(planned(store), Bucket(store, batches=batches))
    assert statuses == {"0": "done", "1": "deferred", "2": "done", "3": "failed", "4": "done"}
    assert [key for key, _ in left(store)] == ["0", "1", "1", "2", "3", "3", "4"]


def test_what_the_cloud_is_too_busy_for_is_done_one_by_one() -> None:
    for batches in (
        lambda store: Together(store, kept={"1": Transient("busy")}),
        lambda store: Together(store, error=Transient("busy")),
    ):
        store = versions()
        assert set(run(planned(store), Bucket(store, batches=batches(store))).values()) == {"done"}
        assert len(left(store)) == 5


def test_a_call_that_is_refused_as_a_whole_is_every_item_s_outcome() -> None:
    store = versions()
    statuses = run(planned(store), Bucket(store, batches=Together(store, error=Denied("not you"))))
    assert statuses == dict.fromkeys("01234", "deferred")
    assert len(left(store)) == 10


@pytest.mark.parametrize("dies", ["before", "half", "after"])
def test_killed_around_or_within_the_one_call_and_resumed_the_end_is_the_plan_s(
    dies: Literal["before", "half", "after"], tmp_path: Path
) -> None:
    store = versions()
    made = planned(store)
    dying = Together(store, dies=dies)
    for batches, journal in ((dying, True), (Together(store), True)):
        with FileJournal(tmp_path / "journal") as memory_of_it, suppress(Killed):
            run(made, Bucket(store, batches=batches), journal=memory_of_it if journal else None)
    assert left(store) == [(name, 3) for name in "01234"]
    assert {(one.location.key, one.status) for one in read(tmp_path / "journal")} == {
        (name, "done") for name in "01234"
    }


@pytest.mark.emulator
def test_on_s3_old_versions_and_the_trash_s_go_in_one_request_and_held_ones_stay(
    request: pytest.FixtureRequest,
) -> None:
    options = options_of("s3", request)
    root = made("s3", options, versioned=True, locks=True)
    store, target = open_store(root, options), open_target(root, options)
    names = ("a b", "c+d", "é", "held")
    first = {name: store.put(name, b"old") for name in names}
    for name in names:
        store.put(name, b"new")
    client = botocore.session.get_session().create_client("s3", endpoint_url=options["endpoint"])
    held = {"Bucket": root.removeprefix("s3://"), "Key": "held", "VersionId": first["held"].version}
    client.put_object_legal_hold(**held, LegalHold={"Status": "ON"})
    bucket = Bucket.of(store, target)
    assert bucket.batches is target
    calls = FaultyStore(store)
    statuses = run(planned(store), replace(bucket, store=calls))
    assert statuses == dict.fromkeys(names[:3], "done") | {"held": "deferred"}
    assert calls.calls.made == []
    assert sorted(key for key, _ in left(store)) == sorted([*names, "held"])


@pytest.mark.parametrize(
    ("code", "kind"),
    [("AccessDenied", Denied), ("InternalError", Transient), ("SlowDown", Transient), ("MalformedXML", Rejected)],
)
def test_s3_s_reasons_for_keeping_one_of_many_are_told_apart(code: str, kind: type[Exception]) -> None:
    assert type(kept("s3://b/k", code, "")) is kind


@dataclass
class Dying:
    """A bucket whose one call for many is the last that the process makes; everything else is the bucket's."""

    inner: Any
    mode: Literal["before", "after"]

    def delete_many(self, versions: Sequence[Location]) -> Mapping[Location, Rejected | Transient]:
        if self.mode == "after":
            self.inner.delete_many(versions)
        raise Killed(f"{self.mode} delete_many")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@pytest.mark.emulator
@pytest.mark.parametrize("mode", ["before", "after"])
def test_on_s3_killed_around_the_one_request_and_resumed_the_end_is_the_plan_s(
    mode: Literal["before", "after"], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    options = options_of("s3", request)
    root = made("s3", options, versioned=True)
    store, target = open_store(root, options), open_target(root, options)
    for data in (b"old", b"new"):
        for at in range(4):
            store.put(f"{at}", data)
    bucket, plan_of_it = Bucket.of(store, target), planned(store)
    for batches in (Dying(target, mode), target):
        with FileJournal(tmp_path / "journal") as journal, suppress(Killed):
            run(plan_of_it, replace(bucket, batches=batches), journal=journal)
    assert [key for key, _ in left(store)] == [f"{at}" for at in range(4)]
    assert [one.status for one in read(tmp_path / "journal")] == ["done"] * 4


def test_what_came_into_use_is_not_deleted_along_with_others() -> None:
    store = versions()
    [rule] = load([OLD | {"protect": {"in_use": True}}])
    made = plan.make([rule], list(rows(store, LATER, versions=True)), LATER, in_use=set())
    for names, calls, done in (({f"{store.root}/2"}, [], 4), (set(), [5], 5)):
        here = Together(store)
        bucket = Bucket(store, batches=here)
        found = list(
            apply(made, {store.root: bucket}, LATER, limits=Limits(max_share=1), using=Using(names), workers=1)
        )
        assert (here.sizes, [one.status for one in found].count("done")) == (calls, done)
