"""One item at a time: what is looked at before anything is done, and what a crash or a rival leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from customhouse.errors import Conflict, Denied, Gone, Malformed, Rejected, Transient
from customhouse.lifecycle.apply import ATTEMPTS, patiently
from customhouse.lifecycle.execute import Bucket, Guard, computed, differs, execute, is_exact, refused
from customhouse.lifecycle.plan import Item
from customhouse.lifecycle.words import DAY, Action
from customhouse.model import Location, Outcome, Stat
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import NOW, FakeTarget, contents, memory
from tests.stores.faults import FaultyStore

FREE = Guard({}, NOW, NOW)


@dataclass
class Told(MemoryStore):
    """A bucket whose objects carry holds and locks, as clouds tell them; `root` may be any cloud's."""

    root: str
    says: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        MemoryStore.__init__(self, self.root)

    def stat(self, location: Location) -> Stat:
        return replace(MemoryStore.stat(self, location), **self.says)


def item(location: Location, action: Action, **known: Any) -> Item:
    return Item(location, action, "r", "selected", **known)


@pytest.mark.parametrize("action", [Action.DELETE, Action.TAG, Action.CLASS, Action.HOLD])
def test_nothing_is_done_to_what_was_overwritten_since(action: Action) -> None:
    store, target = memory(versioned=True), FakeTarget()
    planned = store.put("o", b"old")
    store.put("o", b"new")
    outcome = execute(item(planned, action, detail="a=b"), Bucket(store, target), FREE)
    assert outcome.status == "superseded"
    assert (target.held, target.classes) == ([], {})
    assert [store.tags(one.location) for one in store.list(versions=True)] == [{}, {}]


@pytest.mark.parametrize("action", [Action.DELETE, Action.TAG, Action.CLASS, Action.HOLD])
def test_nothing_is_done_to_what_carries_a_protecting_tag_by_now(action: Action) -> None:
    store, target = memory(), FakeTarget()
    planned = store.put("o", b"old", tags={"pinned": "true"})
    guard = replace(FREE, tags={"team": "red", "pinned": "true"})
    for undo in (0, 60):
        outcome = execute(item(planned, action, detail="a=b", undo=undo), Bucket(store, target), guard)
        assert outcome.status == "protected"
    assert (target.held, target.classes, contents(store)) == ([], {}, {"o": b"old"})
    assert store.tags(planned) == {"pinned": "true"}


@pytest.mark.parametrize("action", [Action.TAG, Action.CLASS, Action.HOLD])
def test_what_is_gone_is_superseded_and_a_delete_of_it_is_done(action: Action) -> None:
    store = memory()
    planned = store.put("o", b"old")
    store.delete(planned)
    assert execute(item(planned, action, detail="a=b"), Bucket(store, FakeTarget()), FREE).status == "superseded"
    for undo in (0, 60):
        assert execute(item(planned, Action.DELETE, undo=undo), Bucket(store), FREE).status == "done"
    assert contents(store) == {}


@pytest.mark.parametrize("says", [{"held": True}, {"locked_until": NOW + 1}])
@pytest.mark.parametrize("undo", [0, 60])
def test_a_hold_or_lock_that_came_since_defers_the_delete_and_copies_nothing(says: dict[str, Any], undo: int) -> None:
    store = Told(memory().root, says)
    planned = store.put("o", b"x")
    outcome = execute(item(planned, Action.DELETE, undo=undo), Bucket(store, hides=True), FREE)
    assert outcome.status == "deferred"
    assert contents(store) == {"o": b"x"}


def test_a_lock_that_has_run_out_defers_nothing() -> None:
    store = Told(memory().root, {"locked_until": NOW, "held": False})
    planned = store.put("o", b"x")
    assert execute(item(planned, Action.DELETE), Bucket(store, hides=True), FREE).status == "done"


@pytest.mark.parametrize(
    ("root", "status", "moved"), [("s3://held", "deferred", {}), ("az://account/held", "done", {"o": "Cool"})]
)
def test_on_s3_alone_a_hold_would_stay_behind_when_its_object_is_moved_to_another_class(
    root: str, status: str, moved: dict[str, str]
) -> None:
    store, target = Told(root, {"held": True}), FakeTarget()
    planned = store.put("o", b"x")
    outcome = execute(item(planned, Action.CLASS, detail="Cool"), Bucket(store, target), FREE)
    assert (outcome.status, target.classes) == (status, moved)
    store.delete(planned)


def test_a_hold_is_put_on_the_very_version_that_was_looked_at() -> None:
    class Asked(FakeTarget):
        asked: Location

        def hold(self, location: Location) -> None:
            self.asked = location

    store, target = memory(versioned=True), Asked()
    planned = store.put("o", b"x")
    unversioned = replace(planned, version="")  # as a listing of current versions tells it
    assert execute(item(unversioned, Action.HOLD), Bucket(store, target), FREE).status == "done"
    assert target.asked == planned


def test_a_class_that_was_reached_already_is_not_asked_for_again() -> None:
    store, target = Told(memory().root, {"storage_class": "COLD"}), FakeTarget()
    planned = store.put("o", b"x")
    assert execute(item(planned, Action.CLASS, detail="COLD"), Bucket(store, target), FREE).status == "done"
    assert target.classes == {}


@pytest.mark.parametrize("action", [Action.CLASS, Action.HOLD])
def test_a_folder_has_neither_classes_nor_holds(action: Action) -> None:
    store = memory()
    planned = store.put("o", b"x")
    assert execute(item(planned, action, detail="COLD"), Bucket(store), FREE).status == "failed"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Conflict("c"), "superseded"),
        (Gone("g"), "superseded"),
        (Denied("d"), "deferred"),
        (Malformed("m"), "failed"),
        (Rejected("r"), "failed"),
    ],
)
def test_a_refusal_is_told_by_its_kind(error: Rejected, status: str) -> None:
    assert refused(item(Location("s3://b", "k"), Action.DELETE), error).status == status


@pytest.mark.parametrize("fails", range(ATTEMPTS + 1))
def test_patience_ends_after_so_many_tries_and_says_the_last_error(fails: int) -> None:
    left = iter([Transient(f"busy {at}") for at in range(fails)])
    here, pauses = item(Location("s3://b", "k"), Action.DELETE), list[float]()

    def work() -> Outcome:
        for error in left:
            raise error
        return Outcome("delete", "done", here.location)

    outcome = patiently(work, here, pauses.append)
    assert pauses == [2.0**at for at in range(min(fails, ATTEMPTS - 1))]
    assert outcome.status == ("done" if fails < ATTEMPTS else "failed")
    assert outcome.detail == ("" if fails < ATTEMPTS else f"busy {ATTEMPTS - 1}")


@pytest.mark.parametrize(
    ("known", "exact"),
    [
        ({"live": False}, True),
        ({"live": True}, False),
        ({"live": False, "undo": 60}, False),
        ({"live": False, "key": "k", "version": ""}, False),
        ({"live": True, "key": "customhouse-undo/7d/x"}, True),
        ({"live": True, "key": "customhouse-undo/7d/x", "version": ""}, False),
        ({"live": True, "key": "x/customhouse-undo/7d/x"}, False),
    ],
)
def test_only_an_old_version_and_one_in_the_trash_go_without_another_look(
    known: dict[str, Any], *, exact: bool
) -> None:
    location = Location("s3://b", known.pop("key", "k"), known.pop("version", "1"), "e")
    assert is_exact(item(location, Action.DELETE, **known)) is exact
    assert not is_exact(item(location, Action.TAG, **known))


def stat(size: int = 1, **digests: str) -> Stat:
    return Stat(Location("s3://b", "k"), size, 0.0, digests=digests)


@pytest.mark.parametrize(
    ("one", "other", "different", "proven"),
    [
        (stat(md5="a"), stat(md5="a"), False, True),
        (stat(md5="a"), stat(md5="b"), True, True),
        (stat(md5="a"), stat(crc32c="b"), False, False),
        (stat(md5="a", crc32c="b"), stat(md5="a", crc32c="c"), True, True),
        (stat(1), stat(2), True, False),
    ],
)
def test_two_objects_differ_by_size_or_by_any_digest_known_of_both(
    one: Stat, other: Stat, *, different: bool, proven: bool
) -> None:
    assert differs(one, other) is differs(other, one) is different
    assert bool(computed(one, other)) is proven


def test_a_delete_with_a_window_copies_before_it_deletes_and_verifies_in_between() -> None:
    store = memory()
    planned = store.put("o", b"x")
    calls = FaultyStore(store)
    execute(item(planned, Action.DELETE, undo=int(7 * DAY)), Bucket(calls), FREE)
    assert calls.calls.made == ["stat", "copy", "stat", "delete"]
