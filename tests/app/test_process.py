from __future__ import annotations

import dataclasses

import pytest

from customhouse.errors import Transient
from customhouse.inspect import Limits
from customhouse.model import VERDICT_TAG, Event, Location
from customhouse.policy.load import default
from tests.app.world import EICAR, NOW, World, memory
from tests.stores.faults import Calls, FaultyStore


@pytest.fixture
def world() -> World:
    return World.of(memory(versioned=True))


def live(world: World, part: str) -> dict[str, object]:
    return world.state()[part]  # type: ignore[return-value]  # parts of the state are mappings


def test_clean_upload_is_tagged_promoted_and_recorded(world: World) -> None:
    result = world.app().process(world.upload("in/a.txt", b"hello"))
    assert (result.status, result.verdict) == ("decided", "clean")
    assert live(world, "released") == {"a.txt": (b"hello", {VERDICT_TAG: "clean"})}
    assert live(world, "intake") == {"a.txt": (b"hello", {VERDICT_TAG: "clean"})}
    assert world.records()[0].state == "done"


def test_malware_moves_to_quarantine_and_is_told(world: World) -> None:
    result = world.app().process(world.upload("in/a.txt", EICAR))
    assert (result.verdict, result.rule) == ("quarantined", "serious-finding")
    assert live(world, "intake") == {}
    assert live(world, "released") == {}
    assert live(world, "quarantine") == {"a.txt": (EICAR, {VERDICT_TAG: "quarantined"})}
    assert world.told.messages[0]["verdict"] == "quarantined"


def test_forged_verdict_is_overwritten_and_foreign_tags_stay(world: World) -> None:
    world.app().process(world.upload("in/a.txt", EICAR, {VERDICT_TAG: "clean", "team": "x"}))
    assert live(world, "quarantine") == {"a.txt": (EICAR, {VERDICT_TAG: "quarantined", "team": "x"})}


def test_forged_verdict_is_overwritten_where_there_is_no_quarantine(world: World) -> None:
    event = world.upload("in/a.txt", EICAR, {VERDICT_TAG: "clean"})
    world.app(quarantine="").process(event)
    assert live(world, "intake") == {"a.txt": (EICAR, {VERDICT_TAG: "quarantined"})}


def test_second_delivery_does_nothing(world: World) -> None:
    event = world.upload("in/a.txt", b"hello")
    world.app().process(event)
    before, calls = world.state(), Calls()
    assert world.app(calls).process(event).status == "duplicate"
    assert world.state() == before
    assert set(calls.made) <= {"read", "put"}


def test_delivery_meanwhile_waits_for_the_first(world: World) -> None:
    event = world.upload("in/a.txt", b"hello")
    with world.stores["intake"].read(event.location) as body:
        world.app().catalog.claim(body.stat, NOW)
    with pytest.raises(Transient):
        world.app().process(event)


def test_object_that_is_gone_is_acknowledged(world: World) -> None:
    event = world.upload("in/a.txt", b"hello")
    world.stores["intake"].delete(event.location)
    assert world.app().process(event).status == "gone"


def test_older_version_of_an_overwritten_object_is_superseded(world: World) -> None:
    event = world.upload("in/a.txt", b"old")
    world.upload("in/a.txt", b"new")
    assert world.app().process(event).status == "superseded"
    assert live(world, "released") == {}
    assert world.stores["intake"].tags(event.location) == {}


def test_identical_bytes_uploaded_again_are_judged_again() -> None:
    world = World.of(memory())
    for _ in range(2):
        assert world.app().process(world.upload("in/a.txt", b"same")).status == "decided"


class Overwriting(FaultyStore):
    """Somebody uploads anew just before our first change of the object."""

    def tag(self, location: Location, changes: object) -> Location:
        self.inner.put(location.key, b"new")
        return super().tag(location, changes)  # type: ignore[arg-type]  # as the port says


def test_object_overwritten_before_the_tag_never_gets_the_old_verdict() -> None:
    world = World.of(memory())
    event = world.upload("in/a.txt", b"old")
    app = world.app()
    intake = Overwriting(world.stores["intake"])
    others = {store.root: store for store in world.stores.values()}
    app = dataclasses.replace(app, open_store=lambda root: intake if root == intake.root else others[root])
    assert app.process(event).status == "superseded"
    assert live(world, "intake") == {"a.txt": (b"new", {})}


def test_own_records_are_no_artifacts(world: World) -> None:
    app = world.app(records=f"{world.stores['intake'].root}/.records")
    event = world.upload(".records/records/ab/abc.json", b"{}")
    assert app.process(event).status == "ignored"


def test_upload_straight_into_the_released_place_is_judged_and_not_moved(world: World) -> None:
    location = world.stores["released"].put("sneaky", EICAR, tags={VERDICT_TAG: "clean"})
    assert world.app().process(Event(location, "test")).verdict == "quarantined"
    assert live(world, "released") == {"sneaky": (EICAR, {VERDICT_TAG: "quarantined"})}


def test_what_lifecycle_keeps_for_undo_is_judged_and_not_moved(world: World) -> None:
    event = world.upload("customhouse-undo/1/a.txt", EICAR)
    assert world.app().process(event).verdict == "quarantined"
    assert live(world, "intake") == {"a.txt": (EICAR, {VERDICT_TAG: "quarantined"})}


def test_image_is_held_as_unsupported(world: World) -> None:
    image = Event(Location("oci://host/team/app", "v1", "sha256:" + "a" * 64), "test")
    result = world.app().process(image)
    assert (result.status, result.verdict) == ("decided", "held")
    assert result.record is not None
    assert result.record.inspection is not None
    assert result.record.inspection.coverage.skipped[0].reason == "unsupported"
    assert world.app().process(image).status == "duplicate"


def test_clean_artifact_costs_four_calls_of_its_stores_and_two_of_the_records(world: World) -> None:
    event, calls = world.upload("in/a.txt", b"hello"), Calls()
    world.app(calls).process(event)
    assert sorted(calls.made) == ["copy", "put", "put", "read", "stat", "tag"]


def test_reconcile_finds_what_no_event_came_for_and_then_rests(world: World) -> None:
    for n in range(5):
        world.upload(f"in/{n}", b"hello %d" % n)
    assert world.app().run_schedule("reconcile", 60)["decided"] == 5
    again = world.app().run_schedule("reconcile", 60)
    assert again == {"job": "reconcile", "complete": True}


def test_reconcile_out_of_time_goes_on_where_it_stopped(world: World) -> None:
    for n in range(3):
        world.upload(f"in/{n}", b"hello")
    runs = [world.app().run_schedule("reconcile", 0) for _ in range(4)]
    assert [run.get("decided", 0) for run in runs] == [1, 1, 1, 0]
    assert world.app().run_schedule("reconcile", 60) == {"job": "reconcile", "complete": True}


def test_identical_bytes_are_inspected_once() -> None:
    world = World.of(memory())
    data = b"a line of text\n" * 100_000
    first, second = (world.app().process(world.upload(key, data)) for key in ("dev/a.txt", "prod/a.txt"))
    assert first.record is not None
    assert second.record is not None
    assert first.record.inspection is not None
    assert second.record.inspection is not None
    assert second.record.inspection.seconds == first.record.inspection.seconds
    assert (first.verdict, second.verdict) == ("clean", "clean")


def test_what_is_too_large_to_be_read_whole_is_held_and_seen_in_parts(world: World) -> None:
    policy = dataclasses.replace(default(), limits=Limits(artifact=1 << 10, window=1 << 10))
    event = world.upload("model.safetensors", b"\x10" + bytes(7) + b'{"a": 1, "b": 2}' + bytes(1 << 20))

    result = world.app(policy=policy).process(event)

    assert result.verdict == "held"
    assert result.record is not None
    assert result.record.inspection is not None
    assert result.record.inspection.kind == "safetensors"
    assert "bytes were read" in result.record.inspection.coverage.skipped[-1].detail
