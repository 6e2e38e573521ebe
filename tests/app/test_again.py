"""A verdict that changes later: it follows the artifact wherever it was put, and loses no copy on the way."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.app import App, Result
from customhouse.errors import Denied, Rejected, Transient
from customhouse.model import VERDICT_TAG, Event, Finding, Location, Severity
from customhouse.policy.load import default
from tests.app.test_deliveries import places, refusing
from tests.app.world import NOW, World, memory
from tests.facts import finding

LOW, HIGH = (finding(severity) for severity in (Severity.LOW, Severity.HIGH))
RELEASED = {"a.txt": (b"text", {VERDICT_TAG: "clean"})}


@pytest.fixture(params=["versioned", "unversioned"])
def world(request: pytest.FixtureRequest) -> World:
    return World.of(memory(versioned=request.param == "versioned"))


def released(world: World) -> Event:
    event = world.upload("in/a.txt", b"text")
    assert world.app().process(event).verdict == "clean"
    return event


def again(app: App, event: Event, *findings: Finding) -> Result:
    held = app.catalog.find(event.location)
    assert held is not None
    assert held.record.inspection is not None
    return app.rejudge(held, replace(held.record.inspection, findings=findings))


def test_the_same_verdict_is_recorded_and_nothing_is_done(world: World) -> None:
    event = released(world)
    assert again(world.app(now=NOW + 5), event).status == "unchanged"
    assert places(world)["released"] == RELEASED
    assert (world.records()[0].decided, world.told.messages) == (NOW + 5, [])


def test_a_released_copy_that_takes_no_tag_is_still_known_when_it_has_to_leave(world: World) -> None:
    event = released(world)
    full = refusing(world, "released", tag=Rejected("tags cannot be greater than 10"))
    assert again(full, event, LOW).verdict == "flagged"
    assert places(world)["released"] == RELEASED
    assert again(world.app(), event, HIGH).verdict == "quarantined"
    assert (places(world)["released"], places(world)["intake"]) == ({}, {})


def test_a_copy_that_somebody_replaced_is_not_touched(world: World) -> None:
    event = released(world)
    own = world.stores["released"].put("in/a.txt", b"somebody else's", tags={"team": "x"})
    again(world.app(), event, HIGH)
    assert world.stores["released"].tags(own) == {"team": "x"}
    assert set(places(world)["released"]) == {"a.txt"}  # type: ignore[call-overload]  # a part of the state


def test_an_original_that_somebody_replaced_keeps_the_verdict_of_its_own(world: World) -> None:
    event = released(world)
    world.upload("in/a.txt", b"newer")
    again(world.app(), event, HIGH)
    assert places(world)["released"] == {}
    assert places(world)["intake"] == {"a.txt": (b"newer", {})}


@pytest.mark.parametrize(("part", "call"), [("released", "tag"), ("intake", "tag")])
@pytest.mark.parametrize("error", [Denied("403"), Transient("503")])
def test_what_has_to_be_tried_again_leaves_the_verdict_before(
    world: World, part: str, call: str, error: Exception
) -> None:
    event = released(world)
    with pytest.raises(Transient):
        again(refusing(world, part, **{call: error}), event, LOW)
    (record,) = world.records()
    assert record.decision is not None
    assert record.decision.verdict == "clean"
    assert again(world.app(), event, LOW).verdict == "flagged"
    assert places(world)["released"] == {"a.txt": (b"text", {VERDICT_TAG: "flagged"})}


def test_what_is_gone_everywhere_is_only_recorded(world: World) -> None:
    event = released(world)
    for part in ("intake", "released"):
        for stat in list(world.stores[part].list()):
            world.stores[part].delete(stat.location)
    assert again(world.app(), event, HIGH).verdict == "quarantined"
    assert world.told.messages == []
    assert places(world)["quarantine"] == {}


FINDINGS = {"clean": (), "flagged": (LOW,), "quarantined": (HIGH,)}


@given(st.lists(st.sampled_from(sorted(FINDINGS)), min_size=1, max_size=5))
def test_whatever_verdicts_follow_each_other_nothing_passes_that_was_set_aside_last(verdicts: list[str]) -> None:
    world = World.of(memory(versioned=True))
    event = world.upload("in/a.txt", b"text")
    app = world.app(policy=replace(default(), policy=msgspec.structs.replace(default().policy, scanners={})))
    app.process(event)
    for verdict in verdicts:
        again(app, event, *FINDINGS[verdict])
    state = places(world)
    tags = [one[1][VERDICT_TAG] for one in state["released"].values()]  # type: ignore[attr-defined]  # a mapping
    if "quarantined" in verdicts:
        assert tags == []
        assert state["intake"] == {}
        assert len(state["quarantine"]) == 1  # type: ignore[arg-type]  # a mapping
    else:
        assert tags == [verdicts[-1]]


def test_a_verdict_that_changes_where_an_artifact_only_stands_moves_nothing(world: World) -> None:
    location = world.stores["released"].put("sneaky.txt", b"text")
    event = Event(Location(location.root, location.key, location.version, location.etag), "test")
    world.app().process(event)
    assert again(world.app(), event, HIGH).verdict == "quarantined"
    assert places(world)["released"] == {"sneaky.txt": (b"text", {VERDICT_TAG: "quarantined"})}
