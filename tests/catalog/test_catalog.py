from __future__ import annotations

import dataclasses
import uuid

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.catalog import Catalog, Cursors, Planned
from customhouse.catalog.record import Record, decode, encode, key_of
from customhouse.errors import Malformed, Transient
from customhouse.model import Delete, Location, Outcome, Stat, Tag
from customhouse.stores.memory import MemoryStore
from tests.facts import decision, finding, inspection, skip, stat


@pytest.fixture
def catalog() -> Catalog:
    return Catalog(MemoryStore(f"memory://{uuid.uuid4().hex}"), "r/", lease=100)


def finish(catalog: Catalog, at: Stat, now: float) -> None:
    held = catalog.claim(at, now)
    assert held is not None
    catalog.save(held, msgspec.structs.replace(held.record, state="done", lease=0.0))


def test_second_claim_waits_while_the_lease_lasts(catalog: Catalog) -> None:
    assert catalog.claim(stat(), 0) is not None
    with pytest.raises(Transient):
        catalog.claim(stat(), 99)


def test_dead_run_is_taken_over_and_counted(catalog: Catalog) -> None:
    catalog.claim(stat(), 0)
    held = catalog.claim(stat(), 101)
    assert held is not None
    assert held.record.attempt == 2


def test_run_that_was_taken_over_can_no_longer_write(catalog: Catalog) -> None:
    first = catalog.claim(stat(), 0)
    assert first is not None
    catalog.claim(stat(), 101)
    with pytest.raises(Transient):
        catalog.save(first, first.record)


def test_finished_record_ends_every_later_claim(catalog: Catalog) -> None:
    finish(catalog, stat(), 0)
    assert catalog.claim(stat(), 5000) is None


def test_same_etag_uploaded_later_is_a_new_artifact_where_there_are_no_versions(catalog: Catalog) -> None:
    first = dataclasses.replace(stat(version=""), modified=1.0)
    finish(catalog, first, 0)
    assert catalog.claim(first, 1) is None
    assert catalog.claim(dataclasses.replace(first, modified=2.0), 1) is not None


def test_two_versions_have_two_records(catalog: Catalog) -> None:
    finish(catalog, stat(version="1"), 0)
    assert catalog.claim(stat(version="2"), 0) is not None


def test_unfinished_names_dead_runs_only(catalog: Catalog) -> None:
    finish(catalog, stat("done"), 0)
    catalog.claim(stat("dead"), 0)
    assert [record.location.key for _, record in catalog.unfinished(1e12) if record] == ["dead"]


def test_unfinished_reads_nothing_that_was_written_before_the_last_pass(catalog: Catalog) -> None:
    catalog.claim(stat("dead"), 0)
    catalog.store.put("r/records/00/broken.json", b"{")
    seen = list(catalog.unfinished(1e12, since=1e11))
    assert len(seen) == 2
    assert not any(record for _, record in seen)


def test_broken_record_is_malformed_and_not_taken_for_an_absent_one(catalog: Catalog) -> None:
    catalog.store.put("r/" + key_of(stat().location), b"{")
    with pytest.raises(Malformed):
        catalog.claim(stat(), 0)


def test_record_reads_back_as_it_was_written() -> None:
    steps = (Delete(stat().location), Tag(stat().location, {"a": None}))
    record = Record(
        location=stat().location,
        state="decided",
        decision=decision(),
        inspection=inspection(finding(), skip()),
        planned=Planned.of(steps),
        outcomes=(Outcome("tag", "done", stat().location),),
    )
    assert decode(encode(record)) == record
    assert record.planned.steps == (steps[1], steps[0])


@given(st.text(), st.text(), st.text())
def test_different_locations_have_different_records(root: str, key: str, version: str) -> None:
    here = Location(root, key, version)
    assert key_of(here) == key_of(Location(root, key, version, "some etag") if version else here)
    assert key_of(here) != key_of(Location(root, key + "x", version))


def test_cursor_starts_empty_and_is_remembered_per_job_and_subject() -> None:
    cursors = Cursors(MemoryStore(f"memory://{uuid.uuid4().hex}"))
    cursors.set("reconcile", "s3://a", "in/\udc80x")
    assert cursors.get("reconcile", "s3://a") == "in/\udc80x"
    assert cursors.get("reconcile", "s3://b") == ""
