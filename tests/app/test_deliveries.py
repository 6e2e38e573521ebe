"""Deliveries come twice, late and in any order, and stores refuse: the end is always the same, and always recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.app import App
from customhouse.errors import CustomhouseError, Denied, Gone, Malformed, Rejected, Transient
from customhouse.model import VERDICT_TAG, Event, Location, Stat
from customhouse.policy.load import load
from customhouse.ports import Body, Store
from tests.app.world import EICAR, NOW, World, memory
from tests.commands.test_commands import zipped
from tests.stores.faults import Calls, FaultyStore, Killed

CONTENTS = {"clean": b"nothing but text", "other": b"other text", "zip": zipped(b"text")}
QUICK = load(
    """
version: 1
rules:
  - {name: no-archives, when: {kind: zip}, verdict: quarantined}
  - {name: rest, verdict: clean}
actions: {clean: [tag, promote], quarantined: [quarantine, notify]}
""",
    "quick.yaml",
)
DAY = 86_400.0
MIDNIGHT = 1_799_971_200.0  # 2027-01-15T00:00:00Z
WAIVED = load(
    """
version: 1
scanners: {malware: {}}
rules:
  - {name: bad, when: {severity: low}, verdict: quarantined}
  - {name: unseen, when: {complete: false}, verdict: held}
  - {name: rest, verdict: clean}
waivers:
  - {finding: "malware/*", owner: sec@example.com, reason: our own test file, expires: 2027-01-14}
""",
    "waived.yaml",
)


class Refusing(FaultyStore):
    """A store that answers some calls with an error instead."""

    def __init__(self, inner: Store, **errors: Exception) -> None:
        super().__init__(inner)
        self.errors = errors

    def _refuse(self, call: str) -> None:
        if call in self.errors:
            raise self.errors[call]

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        self._refuse("read")
        return super().read(location, start, length)

    def stat(self, location: Location) -> Stat:
        self._refuse("stat")
        return super().stat(location)

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        self._refuse("tag")
        return super().tag(location, changes)

    def copy(self, source: Stat, key: str, **more: Any) -> Location:  # type: ignore[override]  # passed on whole
        self._refuse("copy")
        return super().copy(source, key, **more)

    def delete(self, location: Location) -> None:
        self._refuse("delete")
        super().delete(location)


def refusing(world: World, part: str, app: App | None = None, **errors: Exception) -> App:
    """An app of which one store refuses."""
    stores = {store.root: store for store in world.stores.values()}
    at = Refusing(world.stores[part], **errors)
    stores[at.root] = at  # type: ignore[assignment]  # a store as any other
    return replace(app or world.app(), open_store=stores.__getitem__)


@pytest.fixture
def world() -> World:
    return World.of(memory(versioned=True))


def places(world: World) -> dict[str, object]:
    return {part: content for part, content in world.state().items() if part != "records"}


@pytest.mark.parametrize("versioned", [True, False])
@given(
    names=st.lists(st.sampled_from(sorted(CONTENTS)), min_size=1, max_size=3),
    order=st.lists(st.integers(0, 2), max_size=5),
)
def test_whatever_is_delivered_in_whatever_order_the_newest_version_decides(
    names: list[str], order: list[int], *, versioned: bool
) -> None:
    world, alone = World.of(memory(versioned=versioned)), World.of(memory(versioned=versioned))
    events = [world.upload("in/a.txt", CONTENTS[name]) for name in names]
    app = world.app(policy=QUICK)
    for at in [*order, *range(len(events))]:
        app.process(events[at % len(events)])
    for name in names:
        event = alone.upload("in/a.txt", CONTENTS[name])
    alone.app(policy=QUICK).process(event)
    assert places(world) == places(alone)
    assert len(world.told.messages) == len(alone.told.messages)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_artifacts_do_not_depend_on_each_other(order: list[int]) -> None:
    world = World.of(memory())
    events = [world.upload(f"in/{name}", data) for name, data in CONTENTS.items()]
    app = world.app(policy=QUICK)
    for at in order:
        app.process(events[at])
    done = {list(CONTENTS)[at] for at in order}
    assert set(world.state()["released"]) == done - {"zip"}  # type: ignore[call-overload]  # a part of the state
    assert set(world.state()["quarantine"]) == done & {"zip"}  # type: ignore[call-overload]  # as above


def test_an_event_that_names_no_version_is_about_what_is_there_now(world: World) -> None:
    event = world.upload("in/a.txt", EICAR)
    bare = Event(Location(event.location.root, event.location.key), "audit-log")
    assert world.app().process(bare).verdict == "quarantined"
    assert world.app().process(event).status == "gone"
    assert len(world.told.messages) == 1


@pytest.mark.parametrize("key", ["", "/", "a//b", "..", "a/../b", "é/ü%2F +.txt", "%", "%41", "a\nb", "x" * 1024, "~"])
def test_any_name_is_judged_and_kept_as_it_is(world: World, key: str) -> None:
    name = f"in/{key}"[:1024]
    assert world.app().process(world.upload(name, b"text")).verdict == "clean"
    assert [stat.location.key for stat in world.stores["released"].list()] == [name]


def test_what_may_not_be_read_is_held_recorded_and_told(world: World) -> None:
    event = world.upload("in/a.txt", EICAR)
    result = refusing(world, "intake", read=Denied("AccessDenied (403)")).process(event)
    assert (result.status, result.verdict) == ("decided", "held")
    assert world.records()[0].decision is not None
    assert world.told.messages[0]["reasons"] == ["not seen: in/a.txt: unsupported (AccessDenied (403))"]
    assert places(world)["released"] == {}


def test_what_could_not_be_read_is_judged_once_it_can_be(world: World) -> None:
    event = world.upload("in/a.txt", b"text")
    closed = refusing(world, "intake", read=Rejected("it is archived: restore it, then process it again"))
    assert [closed.process(event).status for _ in range(2)] == ["decided", "duplicate"]
    assert world.app().process(event).verdict == "clean"
    assert world.app().process(event).status == "duplicate"


def test_reconcile_judges_what_could_not_be_read_once_it_can_be(world: World) -> None:
    event = world.upload("in/a.txt", b"text")
    refusing(world, "intake", read=Denied("403")).process(event)
    assert world.app().run_schedule("reconcile", 60)["decided"] == 1
    assert set(places(world)["released"]) == {"a.txt"}  # type: ignore[call-overload]  # a part of the state


@pytest.mark.parametrize(("part", "call"), [("intake", "tag"), ("released", "copy")])
def test_a_step_that_is_not_allowed_is_tried_again_and_named(world: World, part: str, call: str) -> None:
    event = world.upload("in/a.txt", b"text")
    with pytest.raises(Transient, match="not allowed, and needed: no PutObject"):
        refusing(world, part, **{call: Denied("no PutObject")}).process(event)
    assert world.app(now=NOW + 10_000).process(event).verdict == "clean"


def test_malware_stays_where_it_is_until_its_copy_in_quarantine_is_made(world: World) -> None:
    event = world.upload("in/a.txt", EICAR)
    with pytest.raises(Rejected):
        refusing(world, "quarantine", copy=Rejected("no room")).process(event)
    assert places(world)["intake"] == {"a.txt": (EICAR, {})}
    assert world.app(now=NOW + 10_000).run_schedule("reconcile", 60)["decided"] == 1
    assert places(world)["intake"] == {}


def test_an_object_with_no_room_for_a_tag_is_released_with_its_verdict_and_recorded(world: World) -> None:
    event = world.upload("in/a.txt", b"text")
    result = refusing(world, "intake", tag=Rejected("Object tags cannot be greater than 10")).process(event)
    assert (result.status, result.verdict) == ("decided", "clean")
    assert places(world)["released"] == {"a.txt": (b"text", {VERDICT_TAG: "clean"})}
    assert [(one.step, one.status) for one in world.records()[0].outcomes] == [("copy", "done"), ("tag", "failed")]


def test_an_object_that_is_deleted_while_it_is_inspected_is_superseded_and_not_released(world: World) -> None:
    event = world.upload("in/a.txt", b"text")
    result = refusing(world, "intake", stat=Gone("deleted")).process(event)
    assert result.status == "superseded"
    assert places(world)["released"] == {}


def test_a_record_that_does_not_read_is_no_verdict_and_nothing_is_done(world: World) -> None:
    event = world.upload("in/a.txt", b"text")
    world.app().process(event)
    (stat,) = world.stores["records"].list("records/")
    world.stores["records"].put(stat.location.key, b'{"state": "done"')
    before = list(world.stores["released"].list())
    with pytest.raises(Malformed, match="a record does not read"):
        world.app().process(event)
    assert list(world.stores["released"].list()) == before
    assert world.told.messages == []


def test_a_message_that_nobody_takes_undoes_no_quarantine(world: World) -> None:
    class Deaf:
        def notify(self, _: Mapping[str, object]) -> None:
            raise Rejected("404")

    event = world.upload("in/a.txt", EICAR)
    result = replace(world.app(), open_notifier=lambda _: Deaf()).process(event)
    assert result.verdict == "quarantined"
    assert places(world)["intake"] == {}
    assert [one.status for one in world.records()[0].outcomes] == ["done", "done", "failed"]


def test_a_message_that_is_late_is_sent_once_though_the_steps_are_repeated(world: World) -> None:
    class Busy:
        def notify(self, _: Mapping[str, object]) -> None:
            raise Transient("503")

    event = world.upload("in/a.txt", EICAR)
    with pytest.raises(Transient):
        replace(world.app(), open_notifier=lambda _: Busy()).process(event)
    assert world.app(now=NOW + 10_000).process(event).status == "decided"
    assert [message["verdict"] for message in world.told.messages] == ["quarantined"]
    assert len(list(world.stores["quarantine"].list())) == 1


@pytest.mark.parametrize(
    ("now", "verdict"),
    [
        (MIDNIGHT - DAY, "clean"),
        (MIDNIGHT - 0.001, "clean"),
        (MIDNIGHT, "quarantined"),
        (MIDNIGHT + DAY, "quarantined"),
    ],
)
def test_a_waiver_counts_to_the_last_moment_of_its_day(world: World, now: float, verdict: str) -> None:
    event = world.upload("in/a.txt", EICAR)
    assert world.app(now=now, policy=WAIVED).process(event).verdict == verdict


def test_a_waived_finding_is_recorded_with_the_verdict(world: World) -> None:
    result = world.app(now=MIDNIGHT - DAY, policy=WAIVED).process(world.upload("in/a.txt", EICAR))
    assert result.record is not None
    assert result.record.decision is not None
    assert [one.scanner for one in result.record.decision.waived] == ["malware"]
    assert result.record.policy == WAIVED.digest


@pytest.mark.parametrize(
    ("error", "raised"), [(Transient("503"), Transient), (Denied("403"), Denied), (Rejected("400"), Rejected)]
)
def test_without_records_nothing_is_done(world: World, error: CustomhouseError, raised: type[Exception]) -> None:
    class Closed(FaultyStore):
        def put(self, *_: Any, **__: Any) -> Location:
            raise error

    event = world.upload("in/a.txt", EICAR)
    stores = {store.root: store for store in world.stores.values()}
    records = Closed(world.stores["records"])
    app = replace(world.app(), open_store=lambda root: records if root == records.root else stores[root])
    with pytest.raises(raised):
        app.process(event)
    assert places(world)["intake"] == {"a.txt": (EICAR, {})}


def dies(world: World, event: Event, call: str, mode: Literal["before", "after"]) -> None:
    """A run that dies at its first call of that name, after which the object's owner deletes it."""
    twin, seen = World.of(memory(versioned=True)), Calls()
    twin.app(seen, policy=QUICK).process(twin.upload("in/a.zip", CONTENTS["zip"]))
    with pytest.raises(Killed):
        world.app(Calls(seen.made.index(call) + 1, mode), policy=QUICK).process(event)
    world.stores["intake"].delete(event.location)


@pytest.mark.parametrize(
    ("call", "mode", "status", "told"),
    [
        ("stat", "before", "superseded", 0),
        ("copy", "before", "superseded", 0),
        ("copy", "after", "decided", 1),
        ("delete", "before", "decided", 1),
        ("delete", "after", "decided", 1),
    ],
)
def test_a_dead_run_whose_object_is_gone_is_ended_as_far_as_it_came(
    world: World, call: str, mode: Literal["before", "after"], status: str, told: int
) -> None:
    event = world.upload("in/a.zip", CONTENTS["zip"])
    dies(world, event, call, mode)
    assert world.app(now=NOW + 10_000, policy=QUICK).process(event).status == status
    assert world.app(now=NOW + 10_000, policy=QUICK).process(event).status == "gone"
    assert len(world.told.messages) == len(list(world.stores["quarantine"].list())) == told
    assert [record.state for record in world.records()] == ["done" if told else "superseded"]
