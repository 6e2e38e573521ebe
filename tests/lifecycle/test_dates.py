"""When single artifacts expire: said beside the records, carried to copies, asked for again before anything is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from customhouse.catalog.record import encode, key_of
from customhouse.errors import ConfigError, Conflict, Malformed
from customhouse.lifecycle import installed, plan
from customhouse.lifecycle.apply import apply
from customhouse.lifecycle.dates import Dates, by_any_name
from customhouse.lifecycle.execute import Bucket
from customhouse.lifecycle.installed import Installed
from customhouse.lifecycle.inventory.live import Closer, rows
from customhouse.lifecycle.inventory.version import identity
from customhouse.lifecycle.limits import Limits
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.gcs import custom_time
from customhouse.lifecycle.native.words import Compiled, Target
from customhouse.lifecycle.schedule import Job, run
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY
from customhouse.model import LIFECYCLE_TAG, Location, Outcome, Stat
from customhouse.stores.memory import MemoryStore
from tests.lifecycle.support import contents, memory
from tests.lifecycle.test_upload import LATER, Deployment, record

DATED: dict[str, Any] = {"id": "dated", "do": "delete", "undo": "none", "expires": True}
RULES = load([DATED])
ALL = Limits(max_share=1)


def test_a_date_is_kept_changed_and_taken_back() -> None:
    dates, here = Dates(memory(), "p/"), Location("s3://b", "k", "v", "e")
    assert dates.get(here) is None
    for moment in (5.0, 6.0):
        dates.set(here, moment)
        assert (dates.get(here), [one.location for one in dates]) == (moment, [here])
    assert by_any_name(dates) == {("s3://b", "k", "v"): 6.0, ("s3://b", "k", "e"): 6.0}
    dates.set(here, None)
    dates.set(here, None)
    assert (dates.get(here), list(dates)) == (None, [])


def test_a_copy_takes_the_date_of_what_it_was_made_from_unless_it_has_one() -> None:
    dates, upload, copy = Dates(memory()), Location("s3://in", "k", "1"), Location("s3://out", "k", "9")
    dates.carry(upload, copy)
    assert dates.get(copy) is None
    dates.set(upload, 5.0)
    dates.carry(upload, copy)
    assert dates.get(copy) == 5.0
    dates.set(copy, 7.0)
    dates.carry(upload, copy)
    assert dates.get(copy) == 7.0


def test_a_date_that_does_not_read_stops_everything_that_asks() -> None:
    state, here = memory(), Location("s3://b", "k", "v")
    dates = Dates(state)
    dates.set(here, 5.0)
    [document] = state.list()
    state.put(document.location.key, b"half a docu")
    for ask in (lambda: dates.get(here), lambda: list(dates)):
        with pytest.raises(Malformed, match="give its artifact a date again"):
            ask()


def test_dates_that_passed_are_forgotten_once_their_artifacts_are_gone() -> None:
    dates, store = Dates(memory()), memory()
    there, gone, future = (store.put(name, b"x") for name in ("there", "gone", "future"))
    for location, moment in ((there, 5.0), (gone, 5.0), (future, 15.0)):
        dates.set(location, moment)
    for location in (gone, future):
        store.delete(location)
    assert dates.tidy(lambda _: store, 10.0) == 1
    assert {one.location.key for one in dates} == {"there", "future"}


def dated(*names: str, moment: float = LATER - DAY) -> tuple[MemoryStore, Dates]:
    """A bucket with these and one more, and dates of these."""
    store, dates = memory(), Dates(memory())
    for name in names:
        dates.set(store.put(name, name.encode()), moment)
    store.put("undated", b"x")
    return store, dates


def job(store: MemoryStore, dates: Dates) -> Job:
    return Job(Bucket(store), RULES, dates.state, dates=by_any_name(dates), limits=ALL, workers=1)


def test_what_is_past_its_date_goes_and_nothing_else() -> None:
    store, dates = dated("a", "b", "c")
    dates.set(store.stat(Location(store.root, "b")).location, LATER + DAY)
    dates.set(store.stat(Location(store.root, "c")).location, None)
    store.put("a-tag", b"x", tags={"expires": "2001-01-01", "customhouse-expires": "1"})
    assert run(job(store, dates), LATER, lambda: False).statuses == {"done": 1}
    assert set(contents(store)) == {"b", "c", "undated", "a-tag"}


def test_a_date_put_off_or_taken_back_after_planning_spares_the_artifact() -> None:
    store, dates = dated("a", "b", "c")
    found = list(rows(store, LATER, Closer(dates=by_any_name(dates))))
    made = plan.make(RULES, found, LATER)
    assert made.header.dated == ("dated",)
    dates.set(store.stat(Location(store.root, "a")).location, LATER + DAY)
    dates.set(store.stat(Location(store.root, "b")).location, None)
    done = apply(made, {store.root: Bucket(store)}, LATER, limits=ALL, dates=by_any_name(dates), workers=1)
    assert {one.location.key: one.status for one in done} == {"a": "protected", "b": "protected", "c": "done"}
    assert set(contents(store)) == {"a", "b", "undated"}
    with pytest.raises(ConfigError, match="asks for the dates"):
        apply(made, {store.root: Bucket(store)}, LATER, limits=ALL)


class Etags(MemoryStore):
    """Lists current versions by etag alone, as S3 does; equal bytes have equal etags."""

    def stat(self, location: Location) -> Stat:
        found = super().stat(replace(location, etag=""))
        return replace(found, location=replace(found.location, etag=str(hash(found.digests["sha256"]))))

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        for one in super().list(prefix, after=after, versions=versions):
            yield replace(one, location=replace(self.stat(one.location).location, version=""))


def test_the_same_bytes_uploaded_anew_are_another_version_with_no_date() -> None:
    store, dates = Etags(memory(versioned=True).root, versioned=True), Dates(memory())
    store.put("a", b"same")
    dates.set(store.stat(Location(store.root, "a")).location, LATER - DAY)
    closer = Closer(dates=by_any_name(dates))
    assert [one.expires_at for one in rows(store, LATER, closer)] == [LATER - DAY]
    store.put("a", b"same")
    assert [one.expires_at for one in rows(store, LATER, closer)] == [None]


LABEL = compile_rules(load([DATED]), Target("gs://like")).labels["dated"]


def gcs(*nodes: dict[str, Any]) -> Deployment:
    """A deployment whose rules are installed, as on Cloud Storage."""
    here = Deployment(load(list(nodes)))
    compiled = compile_rules(here.rules, Target("gs://like"))
    at_home = Compiled(replace(compiled.target, root=here.store.root), (), compiled.native, compiled.used)
    installed.save(here.state, "", Installed.of(here.rules, at_home))
    return here


def test_an_upload_that_has_a_date_is_armed_with_it_where_the_cloud_has_a_date_per_object() -> None:
    here = gcs(DATED)
    location = here.store.put("p.whl", b"x")
    assert list(here.uploads().after(record(location, "1"), [], LATER)) == []
    Dates(here.state).set(location, LATER + 9 * DAY)
    [outcome] = here.uploads().after(record(location, "1"), [], LATER)
    assert (outcome.step, outcome.detail) == ("arm", LABEL)
    assert here.target.armed == [("p.whl", LABEL, custom_time(LATER + 9 * DAY))]


def test_the_date_of_an_upload_goes_along_to_where_its_verdict_puts_it() -> None:
    here = gcs(DATED)
    upload, copy = here.store.put("in/p.whl", b"x"), here.store.put("out/p.whl", b"x")
    Dates(here.state).set(upload, LATER + DAY)
    done = [Outcome("copy", "done", copy), Outcome("delete", "done", upload)]
    found = list(here.uploads().after(record(upload, "1"), done, LATER))
    assert [(one.step, one.location.key) for one in found] == [("arm", "out/p.whl")]
    assert Dates(here.state).get(copy) == LATER + DAY


def finished(here: Deployment, upload: Location, *copies: Location, state: str = "done") -> None:
    """Keep the record of an upload with copies."""
    outcomes = tuple(Outcome("copy", "done", copy) for copy in copies)
    known = msgspec.structs.replace(record(upload, "1"), state=state, outcomes=outcomes)
    here.state.put(key_of(upload), encode(known))


def test_a_date_said_later_is_said_of_the_copies_too_and_arms_what_is_still_there() -> None:
    here = gcs(DATED)
    upload, copy, gone = (here.store.put(f"{name}/p.whl", b"x") for name in ("in", "out", "gone"))
    finished(here, upload, copy, gone)
    here.store.delete(gone)
    found = list(here.uploads().date(upload, LATER + DAY, LATER))
    assert [(one.step, one.status, one.location.key) for one in found] == [
        ("date", "done", "in/p.whl"),
        ("arm", "done", "in/p.whl"),
        ("date", "done", "out/p.whl"),
        ("arm", "done", "out/p.whl"),
    ]
    assert {one.location.key for one in Dates(here.state)} == {"in/p.whl", "out/p.whl"}


def test_a_date_said_while_an_artifact_is_looked_at_must_be_said_again_for_its_copies() -> None:
    here = Deployment(load([DATED]))
    upload = here.store.put("p.whl", b"x")
    finished(here, upload, state="running")
    assert [one.status for one in here.uploads().date(upload, LATER, LATER)] == ["done", "left"]


def test_a_date_taken_back_disarms() -> None:
    here = gcs(DATED)
    location = here.store.put("p.whl", b"x", tags={LIFECYCLE_TAG: LABEL})
    found = list(here.uploads().date(location, None, LATER))
    assert [(one.step, one.status) for one in found] == [("date", "done"), ("disarm", "done")]
    assert here.store.tags(location) == {}


def test_a_date_brought_forward_which_the_cloud_cannot_is_left_to_the_function() -> None:
    here = gcs(DATED)
    location = here.store.put("p.whl", b"x", tags={LIFECYCLE_TAG: LABEL})
    here.target.error = Conflict("can only grow")
    found = list(here.uploads().date(location, LATER - DAY, LATER))
    assert [(one.step, one.status, one.detail) for one in found][1] == ("disarm", "done", "can only grow")
    [row] = rows(here.store, LATER, Closer(dates=by_any_name(Dates(here.state))))
    [item] = plan.make(here.rules, [row], LATER, marks={"dated": LABEL}).items()
    assert not item.cloud
    assert identity(item.location) == identity(location)


def test_at_upload_nothing_is_pushed_out_by_a_rule_about_dates_or_last_reads() -> None:
    for terms in ({"expires": True}, {"idle": "1d"}):
        here = Deployment(load([{**DATED, **terms, "keep": {"latest": 1, "per": "package"}}]))
        for version in "123":
            assert here.upload(version) == []
        assert len(here.names()) == 3
