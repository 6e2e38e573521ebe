"""Live listings: tags read where a listing has none, the trash beside a prefix, records found by any place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from customhouse.catalog import Catalog, Record
from customhouse.catalog.record import encode, key_of
from customhouse.errors import ConfigError, Malformed
from customhouse.lifecycle import installed
from customhouse.lifecycle.asking import asks_dates, asks_reads, asks_records, asks_tags, asks_versions, refuse_unread
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.installed import Installed
from customhouse.lifecycle.inventory.live import Closer, rows
from customhouse.lifecycle.inventory.records import Index, Records, read
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.schedule import Job, run
from customhouse.lifecycle.vocabulary import load
from customhouse.model import Coverage, Decision, Inspection, Location, Outcome, Stat, Verdict
from customhouse.ports import Body
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
    assert [dict(one.tags) for one in rows(store, NOW, Closer(tags=True))] == [{"name": name} for name in "abc"]
    assert [dict(one.tags) for one in rows(store, NOW, Closer(tags=True), versions=True)] == [
        {"name": name} for name in "abc"
    ]


def test_tags_that_come_along_are_not_read_again() -> None:
    store = memory()
    store.put("a", b"x", tags={"name": "a"})
    store.tags = lambda location: pytest.fail(f"asked for {location}")  # type: ignore[method-assign] # a store that must not be asked
    assert [dict(one.tags) for one in rows(store, NOW, Closer(tags=True))] == [{"name": "a"}]


def test_an_object_that_went_away_while_its_tags_were_read_is_left_out() -> None:
    store = terse()
    store.gone = "b"
    assert [one.location.key for one in rows(store, NOW, Closer(tags=True))] == ["a", "c"]


def test_what_is_tagged_already_is_not_planned_again_where_a_listing_has_no_tags() -> None:
    store = terse()
    job = Job(Bucket(store), load([{"id": "t", "do": {"tag": {"name": "b"}}}]), memory(), workers=1)
    assert run(job, NOW, lambda: False).statuses == {"done": 2}
    assert run(job, NOW, lambda: False).planned == 0


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


def record(location: Location, *outcomes: Outcome, verdict: Verdict = Verdict.CLEAN, decided: float = 0.0) -> Record:
    inspection = Inspection(location.key, "zip", 1, {}, (), (), Coverage(1, 1, 1))
    decision = Decision(verdict, "r")
    known: dict[str, Any] = {"decision": decision, "inspection": inspection, "outcomes": outcomes}
    return Record(location=location, state="done", decided=decided, **known)


UPLOAD = Location("s3://in", "k", "v1", "e1")
COPY = Location("s3://out", "k", "v9", "e9")


def test_a_record_is_found_where_the_artifact_came_in_and_where_it_was_put() -> None:
    index = Index(
        [record(UPLOAD, Outcome("copy", "done", COPY), Outcome("copy", "superseded", replace(COPY, key="x")))]
    )
    for place in (UPLOAD, COPY, replace(COPY, etag=""), replace(COPY, version="")):  # as current versions are listed
        found = index(place)
        assert found is not None
        assert (found.verdict, found.kind) == ("clean", "zip")
    assert index(replace(COPY, version="v10")) is None
    assert index(replace(COPY, key="x")) is None


def test_of_two_versions_with_the_same_bytes_the_last_word_is_told_where_a_listing_has_no_versions() -> None:
    older, newer = record(UPLOAD, decided=1.0), record(replace(UPLOAD, version="v2"), verdict=Verdict.HELD, decided=2.0)
    for records in ([older, newer], [newer, older]):
        index = Index(records)
        found = [index(place) for place in (UPLOAD, replace(UPLOAD, version=""))]
        assert [one.verdict for one in found if one] == ["clean", "held"]


def test_records_are_read_one_by_one_until_an_artifact_has_none_of_its_own() -> None:
    store = Reads(memory().root)
    uploads = [replace(UPLOAD, version=f"{at}") for at in range(30)]
    for one in uploads:
        store.put(f"p/{key_of(one)}", encode(record(one, Outcome("copy", "done", replace(COPY, version=one.version)))))
    lookup = Records(Catalog(store, "p/"))
    store.opened = 0
    assert [lookup(one) is not None for one in uploads[:3]] == [True] * 3
    assert store.opened == 3
    assert lookup(replace(COPY, version="7")) is not None
    assert store.opened == 3 + 1 + 30
    assert lookup(replace(COPY, version="never")) is None
    assert lookup(uploads[9]) is not None
    assert store.opened == 34


class Reads(MemoryStore):
    """Counts what is opened."""

    opened = 0

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        self.opened += 1
        return super().read(location, start, length)


class Locked(MemoryStore):
    """Lists without holds as S3 does; each object is held by its own name, which asking it tells."""

    asked = 0

    def stat(self, location: Location) -> Stat:
        self.asked += 1
        found = super().stat(location)
        return replace(found, held=location.key == "held", locked_until=NOW + 1 if location.key == "locked" else None)


def test_holds_that_a_listing_leaves_out_are_asked_for_where_a_rule_could_act() -> None:
    store = Locked(memory().root)
    for name in ("held", "locked", "free", "other"):
        store.put(name, b"x")
    closer = Closer(locks=True, wanted=lambda one: one.location.key != "other")
    found = {one.location.key: (one.held, one.locked_until) for one in rows(store, NOW, closer)}
    assert found == {"held": (True, None), "locked": (False, NOW + 1), "free": (False, None), "other": (False, None)}
    assert store.asked == 3
    assert not any(one.held for one in rows(store, NOW))
    assert store.asked == 3


def test_only_rows_that_a_rule_could_act_on_are_looked_at_more_closely() -> None:
    store, asked = terse(), []
    closer = Closer(lambda where: asked.append(where.key), tags=True, wanted=lambda one: one.location.key == "b")
    found = [(one.location.key, dict(one.tags)) for one in rows(store, NOW, closer)]
    assert found == [("a", {}), ("b", {"name": "b"}), ("c", {})]
    assert (asked, store.asked) == (["b"], 1)


@pytest.mark.parametrize(
    "terms", [{"idle": "30d"}, {"age": "1d", "keep": {"latest": 1, "per": "folder", "order": "used"}}]
)
def test_rules_about_last_reads_are_refused_where_no_object_tells_one(terms: Mapping[str, object]) -> None:
    rules = load([{"id": "unread", "do": "delete", "in": "s3://b", **terms}])
    with pytest.raises(ConfigError, match="rule 'unread' asks when objects were last read, which s3://b does not tell"):
        refuse_unread(rules, {"az://a/c": False, "s3://b": False})
    refuse_unread(rules, {"az://a/c": False, "s3://b": True})
    refuse_unread(load([{"id": "old", "do": "delete", "age": "1d"}]), {"s3://b": False})


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
        ({"expires": True}, "dates"),
        ({"idle": "1d"}, "reads"),
        ({"keep": {"latest": 1, "per": "folder", "order": "used"}}, "reads"),
        ({"noncurrent": "1d"}, "versions"),
    ],
)
def test_rules_say_what_they_must_be_told(terms: Mapping[str, object], asked: str) -> None:
    rules = load([{"id": "r", "do": "delete", "age": "1d", **terms}])
    told = {"tags": asks_tags(rules), "records": asks_records(rules), "versions": asks_versions(rules)}
    told |= {"dates": asks_dates(rules), "reads": asks_reads(rules)}
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
    assert (found.compiled(rules).used, installed.outdated(found, rules)) == ({"logs": "exact"}, "")
    assert found.compiled(rules[:0]).used == {}
    assert "lifecycle install s3://b" in installed.outdated(found, rules[:0])
    assert installed.load(state, "p/", "s3://c") is None
    [document] = list(state.list())
    state.put(document.location.key, b"{")
    with pytest.raises(ConfigError, match="--take"):
        installed.load(state, "p/", "s3://b")
