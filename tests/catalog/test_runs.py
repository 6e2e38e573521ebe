"""Any number of runs at one artifact, dying at any time: one holds it at a time, and what is done is done once."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from customhouse.catalog import Catalog, Held, Planned
from customhouse.catalog.record import Record, begins, decode, encode, key_of
from customhouse.errors import Conflict, Gone, Malformed, Transient
from customhouse.model import (
    Copy,
    Delete,
    Finding,
    Location,
    Notify,
    Outcome,
    Package,
    Severity,
    Signature,
    Stat,
    Tag,
    Verdict,
)
from customhouse.ports import Body
from customhouse.stores.memory import MemoryStore
from tests.facts import decision, finding, inspection, skip, stat
from tests.stores.faults import FaultyStore

LEASE = 100.0


class Runs(RuleBasedStateMachine):
    """Runs claim, go on, end or die, while time passes; versions are known, so what is done stays done."""

    def __init__(self) -> None:
        super().__init__()
        self.catalog = Catalog(MemoryStore(f"memory://{uuid.uuid4().hex}"), lease=LEASE)
        self.now = 0.0
        self.runs: list[tuple[Held, float]] = []
        self.finished = 0

    @rule(seconds=st.sampled_from([0.0, 1.0, LEASE - 1, LEASE, LEASE + 1]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def claim(self) -> None:
        try:
            held = self.catalog.claim(stat(), self.now)
        except Transient:
            assert any(until > self.now for _, until in self.runs)
            return
        if held is None:
            assert self.finished
            return
        assert not self.finished
        assert all(until <= self.now for _, until in self.runs)
        assert held.record.attempt == len(self.runs) + 1
        self.runs.append((held, self.now + LEASE))

    @rule(at=st.integers(0, 5), state=st.sampled_from(["decided", "done", "superseded"]))
    def save(self, at: int, state: str) -> None:
        if at >= len(self.runs) or self.runs[at][0].record.finished:
            return
        held, until = self.runs[at]
        try:
            saved = self.catalog.save(held, msgspec.structs.replace(held.record, state=state))
        except Transient:
            assert at < len(self.runs) - 1 or self.finished, "only a run that was taken over or ended may not write"
            return
        assert at == len(self.runs) - 1
        self.runs[at] = (saved, until)
        self.finished += saved.record.finished

    @invariant()
    def what_is_read_is_what_was_written_last(self) -> None:
        there = self.catalog.find(stat().location)
        assert (there is None) is (not self.runs)
        if there and self.runs:
            assert there == self.runs[-1][0]


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=40, stateful_step_count=20)


@given(st.lists(st.tuples(st.floats(0, 3), st.booleans()), min_size=1, max_size=6))
def test_a_claim_is_given_only_when_the_lease_before_has_run_out(steps: list[tuple[float, bool]]) -> None:
    catalog = Catalog(MemoryStore(f"memory://{uuid.uuid4().hex}"), lease=LEASE)
    now, until = 0.0, 0.0
    for leases, _ in steps:
        now += leases * LEASE
        if now < until:
            with pytest.raises(Transient, match="another run is at this artifact"):
                catalog.claim(stat(), now)
        else:
            assert catalog.claim(stat(), now) is not None
            until = now + LEASE


@pytest.mark.parametrize(("after", "free"), [(LEASE - 0.001, False), (LEASE, True), (LEASE + 0.001, True)])
def test_a_lease_runs_out_at_its_second(after: float, *, free: bool) -> None:
    catalog = Catalog(MemoryStore(f"memory://{uuid.uuid4().hex}"), lease=LEASE)
    catalog.claim(stat(), 0.0)
    if free:
        assert catalog.claim(stat(), after) is not None
    else:
        with pytest.raises(Transient):
            catalog.claim(stat(), after)


class Racing(FaultyStore):
    """Something happens to the record between the write that fails and the look at what is there."""

    def __init__(self, inner: MemoryStore, happens: Callable[[MemoryStore, Location], object]) -> None:
        super().__init__(inner)
        self.store, self.happens = inner, happens

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        self.happens(self.store, location)
        return super().read(location, start, length)


def test_a_record_that_is_removed_while_it_is_looked_at_is_tried_again() -> None:
    store = MemoryStore(f"memory://{uuid.uuid4().hex}")
    Catalog(store).claim(stat(), 0.0)
    racing = Catalog(Racing(store, lambda inner, location: inner.delete(location)))
    with pytest.raises(Transient, match="removed while it was read"):
        racing.claim(stat(), 10_000.0)


@pytest.mark.parametrize("error", [Conflict("changed"), Gone("none")])
def test_a_run_whose_record_is_no_longer_its_own_stops(error: Exception) -> None:
    class Losing(FaultyStore):
        def put(self, *_: Any, **__: Any) -> Location:
            raise error

    store = MemoryStore(f"memory://{uuid.uuid4().hex}")
    held = Catalog(store).claim(stat(), 0.0)
    assert held is not None
    with pytest.raises(Transient, match="another run took this record over"):
        Catalog(Losing(store)).save(held, held.record)


def test_nothing_is_resumed_that_was_never_begun_or_is_over() -> None:
    catalog = Catalog(MemoryStore(f"memory://{uuid.uuid4().hex}"), lease=LEASE)
    assert catalog.resume(stat().location, 0.0) is None
    held = catalog.claim(stat(), 0.0)
    assert held is not None
    with pytest.raises(Transient):
        catalog.resume(stat().location, LEASE - 1)
    resumed = catalog.resume(stat().location, LEASE)
    assert resumed is not None
    assert resumed.record.attempt == 2
    catalog.save(resumed, msgspec.structs.replace(resumed.record, state="superseded"))
    assert catalog.resume(stat().location, 10 * LEASE) is None


@pytest.mark.parametrize(
    ("state", "version", "recorded", "now", "settled"),
    [
        ("done", "7", 5.0, 5.0, True),
        ("done", "7", 5.0, 9.0, True),
        ("done", "", 5.0, 5.0, True),
        ("done", "", 5.0, 9.0, False),
        ("superseded", "7", 5.0, 5.0, True),
        ("running", "7", 5.0, 5.0, False),
        ("decided", "7", 5.0, 5.0, False),
        ("done", "7", 0.0, 5.0, False),
        ("done", "7", 0.0, 0.0, True),
        ("done", "", 0.0, 0.0, True),
    ],
)
def test_a_record_settles_the_object_that_it_was_made_of(
    state: str, version: str, recorded: float, now: float, *, settled: bool
) -> None:
    at = replace(stat(version=version), modified=now)
    record = msgspec.structs.replace(begins(at, 0.0, 0.0), state=state, modified=recorded)
    assert record.settles(at) is settled


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
LOCATIONS = st.builds(Location, TEXT, TEXT, TEXT, TEXT)
TAGS = st.dictionaries(TEXT, TEXT, max_size=2)
STEPS = st.one_of(
    st.builds(Tag, LOCATIONS, st.dictionaries(TEXT, TEXT | st.none(), max_size=2)),
    st.builds(Copy, LOCATIONS, TEXT, TEXT, TAGS, st.integers(0, 1 << 50), TAGS),
    st.builds(Delete, LOCATIONS),
    st.builds(Notify, LOCATIONS, TEXT, st.dictionaries(TEXT, TEXT | st.integers(-9, 9) | st.lists(TEXT), max_size=2)),
)
FACTS = st.builds(finding, st.sampled_from(Severity), rule=TEXT) | st.builds(skip)
RECORDS = st.builds(
    Record,
    location=LOCATIONS,
    state=st.sampled_from(["running", "decided", "done", "superseded"]),
    modified=st.floats(0, 1e11),
    attempt=st.integers(1, 9),
    lease=st.floats(0, 1e11),
    decided=st.floats(0, 1e11),
    decision=st.none() | st.builds(decision, st.sampled_from(Verdict)),
    inspection=st.none() | st.lists(FACTS, max_size=3).map(lambda facts: inspection(*facts)),
    policy=TEXT,
    planned=st.lists(STEPS, max_size=4).map(lambda steps: Planned.of(tuple(steps))),
    outcomes=st.lists(st.builds(Outcome, TEXT, TEXT, LOCATIONS, TEXT), max_size=2).map(tuple),
)


@given(RECORDS)
def test_any_record_reads_back_and_is_written_alike(record: Record) -> None:
    data = encode(record)
    assert decode(data) == record
    assert encode(decode(data)) == data


@given(RECORDS, st.data())
def test_half_a_record_is_malformed_and_never_a_guess(record: Record, data: st.DataObject) -> None:
    whole = encode(record)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(Malformed):
        decode(whole[:cut])


@given(st.lists(STEPS, max_size=6))
def test_planned_steps_are_copies_then_tags_then_deletes_then_messages(steps: list[Any]) -> None:
    kinds = [type(step) for step in Planned.of(tuple(steps)).steps]
    order = [Copy, Tag, Delete, Notify]
    assert kinds == sorted(map(type, steps), key=order.index)


def test_a_record_of_before_reads_though_it_knows_less_and_one_of_after_though_it_knows_more() -> None:
    old = b'{"location": {"root": "s3://b", "key": "k", "version": "1"}, "state": "done"}'
    assert decode(old) == Record(location=Location("s3://b", "k", "1"), state="done")
    assert decode(old.replace(b'"state"', b'"tomorrow": [1], "state"')) == decode(old)


@given(LOCATIONS, LOCATIONS)
def test_records_of_two_versions_never_meet(one: Location, other: Location) -> None:
    identities = [(at.root, at.key, at.version or at.etag) for at in (one, other)]
    plain = not any("\0" in part for identity in identities for part in identity)
    if plain:
        assert (key_of(one) == key_of(other)) is (identities[0] == identities[1])


def test_facts_of_every_kind_are_kept() -> None:
    seen = replace(
        inspection(finding(), skip()),
        packages=(Package("pkg:npm/a@1", "m", "MIT"),),
        signatures=(Signature(Location("s3://b", "k.sig"), "signature", "verified", "issuer", "subject"),),
    )
    kept = Record(location=stat().location, state="done", inspection=seen)
    read = decode(encode(kept)).inspection
    assert read == seen
    assert isinstance(read.findings[0], Finding)


def test_an_artifact_is_known_by_its_version_and_else_by_its_etag() -> None:
    here = Stat(Location("s3://b", "k", "", "e1"), 1, 5.0)
    other = replace(here, location=replace(here.location, etag="e2"))
    assert key_of(here.location) != key_of(other.location)
    assert key_of(replace(here.location, version="1")) == key_of(replace(other.location, version="1"))
