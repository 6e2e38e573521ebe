"""What lifecycle remembers: outcomes beside a plan, the siblings of a package; a memory that is torn forgets safely."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customhouse.errors import Transient
from customhouse.lifecycle.journal import FileJournal, Forgetful, read
from customhouse.lifecycle.plan import Item
from customhouse.lifecycle.siblings import ATTEMPTS, Siblings, there
from customhouse.lifecycle.words import Action, Artifact
from customhouse.model import Location, Outcome, Stat
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import contents, memory

STATUSES = ("done", "superseded", "protected", "deferred", "failed")
outcomes = st.builds(
    Outcome,
    st.sampled_from(["delete", "tag"]),
    st.sampled_from(STATUSES),
    st.builds(Location, st.just("s3://b"), st.text(max_size=3), st.sampled_from(["", "1", "2"]), st.just("e")),
    st.text(max_size=3),
)


def item(outcome: Outcome) -> Item:
    return Item(outcome.location, Action(outcome.step), "r", "selected")


@given(st.lists(outcomes, max_size=6), st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_journal_torn_anywhere_knows_exactly_what_is_whole_and_did_not_fail(
    tmp_path: Path, written: list[Outcome], data: st.DataObject
) -> None:
    path = tmp_path / "journal"
    path.unlink(missing_ok=True)
    with FileJournal(path) as journal:
        for one in written:
            journal.write(one)
    whole = path.read_bytes()
    assert list(read(path)) == written
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    lines = whole[:cut].split(b"\n")  # a line whose end alone is lost is whole
    known = [one for one, line in zip(written, lines, strict=False) if line == msgspec.json.encode(one)]
    with FileJournal(path) as journal:
        named = {(one.step, str(one.location)) for one in known if one.status != "failed"}
        assert all(journal.seen(item(one)) is ((one.step, str(one.location)) in named) for one in written)
        for one in written:
            journal.write(one)
    assert list(read(path)) == [*known, *written]


def test_a_journal_that_was_never_written_knows_nothing(tmp_path: Path) -> None:
    assert list(read(tmp_path / "absent")) == []
    here = Outcome("delete", "done", Location("s3://b", "k"))
    Forgetful().write(here)
    assert not Forgetful().seen(item(here))


def test_outcomes_of_many_threads_are_all_there_and_none_is_torn(tmp_path: Path) -> None:
    with FileJournal(tmp_path / "journal") as journal:

        def write(at: int) -> None:
            for number in range(50):
                journal.write(Outcome("delete", "done", Location("s3://b", f"{at}-{number}" * 20)))

        threads = [threading.Thread(target=write, args=(at,)) for at in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({str(one.location) for one in read(tmp_path / "journal")}) == 200


# siblings


def sibling(key: str, created: float = 0.0, **known: str) -> Artifact:
    where = Location(known.pop("root", "s3://b"), key, known.pop("version", "1"))
    return Artifact(where, 1, created, **({"ecosystem": "pypi", "package": "p"} | known))  # type: ignore[arg-type] # only texts are given


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 3)), max_size=8))
@settings(max_examples=100)
def test_of_each_name_the_last_upload_is_remembered_in_order_of_creation(uploads: list[tuple[str, int]]) -> None:
    siblings, last = Siblings(memory()), dict[str, Artifact]()
    for at, (key, created) in enumerate(uploads):
        last[key] = sibling(key, created, version=f"{at}")
        found = siblings.add(last[key])
        assert sorted(found, key=repr) == sorted(last.values(), key=repr)
        assert [one.created for one in found] == sorted(one.created for one in found)


@pytest.mark.parametrize("other", [{"package": "q"}, {"ecosystem": "npm"}, {"root": "s3://c"}, {"package": "p\0"}])
def test_every_package_of_every_store_has_a_memory_of_its_own(other: dict[str, str]) -> None:
    siblings = Siblings(memory(), "state/")
    siblings.add(sibling("a"))
    stranger = sibling("b", **other)
    assert siblings.add(stranger) == [stranger]
    assert len(contents(siblings.state)) == 2
    assert all(key.startswith("state/lifecycle/packages/") for key in contents(siblings.state))


def test_what_is_gone_is_forgotten_and_forgetting_what_was_never_known_writes_nothing() -> None:
    siblings = Siblings(memory())
    siblings.add(sibling("a"))
    siblings.drop(sibling("a"), {sibling("a").location})
    assert siblings.add(sibling("b")) == [sibling("b")]
    siblings.drop(sibling("q", package="q"), {sibling("q").location})
    assert len(contents(siblings.state)) == 1


class Rival(MemoryStore):
    """Somebody else writes the same document before each of the first `times` writes."""

    times = 0

    def put(
        self,
        key: str,
        data: bytes | BinaryIO,
        *,
        tags: Mapping[str, str] | None = None,
        content_type: str = "application/octet-stream",
        if_absent: bool = False,
        if_match: Location | None = None,
    ) -> Location:
        if self.times:
            self.times -= 1
            super().put(key, msgspec.json.encode([sibling(f"rival {self.times}")]))
        return super().put(key, data, tags=tags, content_type=content_type, if_absent=if_absent, if_match=if_match)


def test_what_rivals_remember_meanwhile_is_kept_and_too_many_of_them_are_waited_for() -> None:
    state = Rival(memory().root)
    state.times = ATTEMPTS - 1
    assert {one.location.key for one in Siblings(state).add(sibling("a"))} == {"rival 0", "a"}
    state.times = ATTEMPTS
    with pytest.raises(Transient, match="written by others"):
        Siblings(state).add(sibling("b"))


def test_only_what_is_still_what_it_was_is_there_with_its_tags_of_now() -> None:
    store = memory()
    placed = {key: store.put(key, key.encode(), tags={"n": key}) for key in ("same", "changed", "gone", "tagged")}
    known = [replace(sibling(key), location=location, tags={"n": key}) for key, location in placed.items()]
    store.put("changed", b"other")
    store.delete(placed["gone"])
    store.tag(placed["tagged"], {"pinned": "true"})
    found = {one.location.key: dict(one.tags) for one in there(store, known)}
    assert found == {"same": {"n": "same"}, "tagged": {"n": "tagged", "pinned": "true"}}


@pytest.mark.parametrize("says", [{"held": True}, {"locked_until": 5.0}, {"held": None}])
def test_a_hold_or_lock_that_came_since_is_told(says: dict[str, Any]) -> None:
    class Told(MemoryStore):
        def stat(self, location: Location) -> Stat:
            return replace(super().stat(location), **says)

    store = Told(memory().root)
    [found] = there(store, [replace(sibling("a"), location=store.put("a", b"x"), held=True)])
    assert (found.held, found.locked_until) == (bool(says.get("held")), says.get("locked_until"))


def test_a_store_that_is_too_busy_is_not_taken_for_one_without_siblings() -> None:
    class Busy(MemoryStore):
        def stat(self, location: Location) -> Stat:
            raise Transient(f"{location}: slow down")

    with pytest.raises(Transient):
        there(Busy(memory().root), [sibling("a")])
