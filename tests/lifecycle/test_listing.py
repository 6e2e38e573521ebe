"""Live listings: tags read where a listing has none, the trash beside a prefix, records found by any place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from customhouse.catalog import Record
from customhouse.catalog.record import encode, key_of
from customhouse.errors import ConfigError, Malformed
from customhouse.lifecycle import installed
from customhouse.lifecycle.asking import asks_records, asks_tags, asks_versions
from customhouse.lifecycle.installed import Installed
from customhouse.lifecycle.inventory.live import rows
from customhouse.lifecycle.inventory.records import Index, read
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.vocabulary import load
from customhouse.model import Coverage, Decision, Inspection, Location, Outcome, Stat, Verdict
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import memory

NOW = 4e9


class Terse(MemoryStore):
    """Lists without tags, as S3 does, and counts who asks for them; `gone` is deleted in between."""

    asked = 0
    gone = ""

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        return (replace(stat, tags=None) for stat in super().list(prefix, after=after, versions=versions))

    def tags(self, location: Location) -> dict[str, str]:
        self.asked += 1
        if location.key == self.gone:
            self.delete(location)
        return super().tags(location)


def terse() -> Terse:
    store = Terse(memory().root)
    for name in "abc":
        store.put(name, b"x", tags={"name": name})
    return store


def test_tags_that_a_listing_leaves_out_are_read_where_they_are_asked_for() -> None:
    store = terse()
    assert [dict(one.tags) for one in rows(store, NOW)] == [{}, {}, {}]
    assert store.asked == 0
    assert [dict(one.tags) for one in rows(store, NOW, tags=True)] == [{"name": name} for name in "abc"]
    assert [dict(one.tags) for one in rows(store, NOW, tags=True, versions=True)] == [{"name": name} for name in "abc"]


def test_tags_that_come_along_are_not_read_again() -> None:
    store = memory()
    store.put("a", b"x", tags={"name": "a"})
    store.tags = lambda location: pytest.fail(f"asked for {location}")  # type: ignore[method-assign] # a store that must not be asked
    assert [dict(one.tags) for one in rows(store, NOW, tags=True)] == [{"name": "a"}]


def test_an_object_that_went_away_while_its_tags_were_read_is_left_out() -> None:
    store = terse()
    store.gone = "b"
    assert [one.location.key for one in rows(store, NOW, tags=True)] == ["a", "c"]


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [
        ("", ["customhouse-undo/7d/x", "in/a", "out/a"]),
        ("in/", ["in/a", "customhouse-undo/7d/x"]),
        ("customhouse-undo/", ["customhouse-undo/7d/x"]),
    ],
)
def test_the_trash_is_listed_beside_a_prefix_and_nothing_twice(prefix: str, expected: list[str]) -> None:
    store = memory()
    for name in ("in/a", "out/a", "customhouse-undo/7d/x"):
        store.put(name, b"x")
    assert [one.location.key for one in rows(store, NOW, prefix=prefix)] == expected


def record(location: Location, *outcomes: Outcome, verdict: Verdict = Verdict.CLEAN) -> Record:
    inspection = Inspection(location.key, "zip", 1, {}, (), (), Coverage(1, 1, 1))
    decision = Decision(verdict, "r")
    return Record(location=location, state="done", decision=decision, inspection=inspection, outcomes=outcomes)


UPLOAD = Location("s3://in", "k", "v1", "e1")
COPY = Location("s3://out", "k", "v9", "e9")


def test_a_record_is_found_where_the_artifact_came_in_and_where_it_was_put() -> None:
    index = Index(
        [record(UPLOAD, Outcome("copy", "done", COPY), Outcome("copy", "superseded", replace(COPY, key="x")))]
    )
    for place in (UPLOAD, COPY, replace(COPY, etag="")):
        found = index(place)
        assert found is not None
        assert (found.verdict, found.kind) == ("clean", "zip")
    assert index(replace(COPY, version="v10")) is None
    assert index(replace(COPY, key="x")) is None
    assert len(list(index)) == 2


def test_all_records_past_a_key_are_read_and_a_broken_one_stops() -> None:
    store = memory()
    written = [record(replace(UPLOAD, version=f"{at}")) for at in range(40)]
    for one in written:
        store.put(f"p/{key_of(one.location)}", encode(one))
    store.put("p/cursors/x", b"no record")
    found = [key_of(one.location) for one in read(store, "p/")]
    assert found == sorted(key_of(one.location) for one in written)
    assert [key_of(one.location) for one in read(store, "p/", f"p/{found[29]}")] == found[30:]
    store.put("p/records/00/0.json", b"{")
    with pytest.raises(Malformed):
        list(read(store, "p/"))


@pytest.mark.parametrize(
    ("terms", "asked"),
    [
        ({"select": {"prefix": "a"}}, ""),
        ({"select": {"tag": {"a": "b"}}}, "tags"),
        ({"exclude": [{"prefix": "a"}, {"tag": {"a": "b"}}]}, "tags"),
        ({"protect": {"tag": {"a": "b"}}}, "tags"),
        ({"select": {"kind": "zip"}}, "records"),
        ({"exclude": {"verdict": "held"}}, "records"),
        ({"keep": {"latest": 1, "per": "package"}}, "records"),
        ({"keep": {"latest": 1, "per": "folder", "order": "version"}}, "records"),
        ({"keep": {"latest": 1, "per": "folder"}}, ""),
        ({"expires": True}, "records"),
        ({"noncurrent": "1d"}, "versions"),
    ],
)
def test_rules_say_what_they_must_be_told(terms: Mapping[str, object], asked: str) -> None:
    rules = load([{"id": "r", "do": "delete", "age": "1d", **terms}])
    told = {"tags": asks_tags(rules), "records": asks_records(rules), "versions": asks_versions(rules)}
    assert [name for name, answer in told.items() if answer] == ([asked] if asked else [])


def test_what_was_installed_is_remembered_for_exactly_these_rules() -> None:
    state = memory()
    rules = load([{"id": "logs", "do": "delete", "undo": "none", "age": "30d", "select": {"prefix": "logs/"}}])
    compiled = compile_rules(rules, Target("s3://b", versioned=True))
    assert installed.load(state, "p/", "s3://b") is None
    installed.save(state, "p/", Installed.of(rules, compiled))
    found = installed.load(state, "p/", "s3://b")
    assert found is not None
    assert (found.target, list(found.native)) == (compiled.target, list(compiled.native))
    assert installed.marks(state, "p/", "s3://b", rules) == {"logs": "exact"}
    assert installed.marks(state, "p/", "s3://b", rules[:0]) == {}
    assert installed.marks(state, "p/", "s3://c", rules) == {}
    [document] = list(state.list())
    state.put(document.location.key, b"{")
    with pytest.raises(ConfigError, match="--take"):
        installed.load(state, "p/", "s3://b")
