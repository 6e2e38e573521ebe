from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from customhouse.inspect import Limits, inspect
from customhouse.jobs import rematch
from customhouse.jobs.renewal import renewed
from customhouse.model import VERDICT_TAG, Finding, Location, Severity, Skip, SkipReason
from customhouse.policy.load import default
from customhouse.scanners.vulnerabilities import Vulnerabilities
from customhouse.vulnerabilities.index import Index
from tests.app.world import World, memory
from tests.jobs.support import DAY, LOCK, NOW, Mirror, advisory, archived
from tests.stores.faults import Calls, FaultyStore, Killed
from tests.vulnerabilities.support import empty, index, record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from customhouse.catalog.record import Record
    from customhouse.model import Inspection
    from customhouse.vulnerabilities.library import Library

OTHER = advisory("GHSA-9", "other")
LOW = advisory(severity="LOW")
LATER = NOW + DAY


@pytest.fixture(params=["versioned", "unversioned"])
def mirror(request: pytest.FixtureRequest) -> Mirror:
    mirror = Mirror(World.of(memory(versioned=request.param == "versioned")))
    publish(mirror, NOW, OTHER)
    return mirror


def publish(mirror: Mirror, now: float, *records: bytes) -> None:
    mirror.hold(npm=archived(*records))
    mirror.run("advisories", now)


def take_in(mirror: Mirror, key: str = "in/package-lock.json", data: bytes = LOCK, now: float = NOW) -> str:
    return mirror.app(now).process(mirror.world.upload(key, data)).verdict


def live(mirror: Mirror, part: str) -> dict[str, tuple[bytes, dict[str, str]]]:
    return mirror.world.state()[part]  # type: ignore[return-value]  # parts of the state are mappings


def records(mirror: Mirror) -> list[Record]:
    return mirror.world.records()


def verdicts(mirror: Mirror) -> set[str]:
    return {one.decision.verdict.value for one in records(mirror) if one.decision}


def test_what_turns_out_to_be_vulnerable_leaves_the_released_place_too(mirror: Mirror) -> None:
    assert take_in(mirror) == "clean"
    assert "package-lock.json" in live(mirror, "released")
    publish(mirror, LATER, OTHER, advisory())
    done = mirror.run("rematch", LATER)
    assert (done["complete"], done["decided"]) == (True, 1)
    assert live(mirror, "intake") == live(mirror, "released") == {}
    assert live(mirror, "quarantine") == {"package-lock.json": (LOCK, {VERDICT_TAG: "quarantined"})}
    assert verdicts(mirror) == {"quarantined"}
    assert [message["verdict"] for message in mirror.world.told.messages] == ["quarantined"]


def test_a_finding_that_only_flags_tags_what_was_released_where_it_stands(mirror: Mirror) -> None:
    take_in(mirror)
    publish(mirror, LATER, OTHER, LOW)
    mirror.run("rematch", LATER)
    flagged = {"package-lock.json": (LOCK, {VERDICT_TAG: "flagged"})}
    assert live(mirror, "intake") == live(mirror, "released") == flagged
    publish(mirror, LATER + DAY, OTHER, advisory())
    mirror.run("rematch", LATER + DAY)
    assert live(mirror, "released") == {}
    assert verdicts(mirror) == {"quarantined"}


def test_what_was_withdrawn_lets_a_held_artifact_go_and_keeps_what_people_set_aside(mirror: Mirror) -> None:
    publish(mirror, NOW, OTHER, advisory())
    assert take_in(mirror) == "quarantined"
    publish(mirror, LATER, OTHER)
    mirror.run("rematch", LATER)
    assert live(mirror, "quarantine") == {"package-lock.json": (LOCK, {VERDICT_TAG: "clean"})}
    assert live(mirror, "released") == {}
    assert [message["verdict"] for message in mirror.world.told.messages] == ["quarantined"]


def test_an_ecosystem_that_the_index_gains_releases_what_was_held_for_it(mirror: Mirror) -> None:
    assert take_in(mirror, "in/requirements.txt", b"flask==1.0\n") == "held"
    mirror.hold(PyPI=archived(record("PYSEC-1", "PyPI", "django", ("introduced", "0"))))
    mirror.run("advisories", LATER, ecosystems=("npm", "PyPI"))
    assert mirror.run("rematch", LATER)["decided"] == 1
    assert live(mirror, "released") == {"requirements.txt": (b"flask==1.0\n", {VERDICT_TAG: "clean"})}


def test_what_was_held_for_a_stale_index_is_decided_when_it_is_fresh_again(mirror: Mirror) -> None:
    mirror.run("rematch", NOW)
    assert take_in(mirror, now=NOW + 9 * DAY) == "held"
    assert mirror.run("rematch", NOW + 9 * DAY) == {"job": "rematch", "complete": False, "index": "stale"}
    mirror.run("advisories", NOW + 10 * DAY)
    mirror.run("rematch", NOW + 10 * DAY)
    assert verdicts(mirror) == {"clean"}
    assert "package-lock.json" in live(mirror, "released")


def test_without_an_index_no_verdict_is_taken_away() -> None:
    mirror = Mirror(World.of(memory()))
    assert take_in(mirror) == "held"
    assert mirror.run("rematch") == {"job": "rematch", "complete": False, "index": "absent"}


def test_without_the_scanner_there_is_nothing_to_do(mirror: Mirror) -> None:
    app = replace(mirror.app(), policy=default())
    assert app.run_schedule("rematch", 60) == {"job": "rematch", "complete": True, "unused": True}


def test_the_same_verdict_is_recorded_and_nothing_else_happens(mirror: Mirror) -> None:
    publish(mirror, NOW, OTHER, LOW)
    assert take_in(mirror) == "flagged"
    publish(mirror, LATER, OTHER, LOW, advisory("GHSA-2", severity="LOW"))
    assert mirror.run("rematch", LATER)["unchanged"] == 1
    (one,) = records(mirror)
    assert one.inspection
    assert {finding.rule for finding in one.inspection.findings} == {"GHSA-1", "GHSA-2"}
    assert len(mirror.world.told.messages) == 1


def test_advisories_about_other_packages_read_no_record_twice(mirror: Mirror) -> None:
    take_in(mirror)
    mirror.run("rematch", LATER)
    publish(mirror, LATER, OTHER, advisory("GHSA-3", "third"))
    old = {stat.location.key: stat.modified for stat in mirror.world.stores["records"].list("records/")}
    done = mirror.run("rematch", LATER + DAY)
    assert done["complete"] is True
    assert "decided" not in done
    assert old == {stat.location.key: stat.modified for stat in mirror.world.stores["records"].list("records/")}


def test_out_of_time_it_goes_on_where_it_stopped_and_towards_the_same_index(mirror: Mirror) -> None:
    for number in range(600):
        take_in(mirror, f"in/{number}/package-lock.json", LOCK + b" " * number)
    publish(mirror, LATER, OTHER, LOW)
    first = mirror.run("rematch", LATER, seconds=0)
    assert (first["complete"], first["decided"]) == (False, 256)
    publish(mirror, LATER + 1, OTHER)
    second, third = (mirror.run("rematch", LATER + 2, seconds=0) for _ in range(2))
    assert (second["decided"], second["complete"], third["decided"], third["complete"]) == (256, False, 88, False)
    mirror.run("rematch", LATER + 3)
    assert verdicts(mirror) == {"flagged"}
    while not mirror.run("rematch", LATER + 4)["complete"]:
        pass
    assert verdicts(mirror) == {"clean"}


def test_a_record_that_somebody_holds_is_tried_again(mirror: Mirror) -> None:
    take_in(mirror)
    publish(mirror, LATER, OTHER, LOW)

    class Held(FaultyStore):
        """The intake does not let itself be tagged today."""

        def stat(self, location: Location) -> object:  # type: ignore[override]  # it never returns
            raise rematch.Transient(location.key)

    app = mirror.app(LATER)
    inner, intake = app.open_store, mirror.world.stores["intake"]
    broken = replace(app, open_store=lambda root: Held(inner(root)) if root == intake.root else inner(root))
    assert broken.run_schedule("rematch", 60)["later"] == 1
    assert verdicts(mirror) == {"clean"}
    assert mirror.run("rematch", LATER + 1)["decided"] == 1
    assert verdicts(mirror) == {"flagged"}


def test_a_record_that_does_not_read_stops_nothing(mirror: Mirror) -> None:
    take_in(mirror)
    mirror.world.stores["records"].put("records/00/0.json", b"{")
    publish(mirror, LATER, OTHER, LOW)
    app = mirror.app(LATER)
    assert app.run_schedule("rematch", 60) == {
        "job": "rematch", "complete": True, "unreadable": 1, "matched": 1, "decided": 1
    }  # fmt: skip


def test_a_state_that_does_not_read_only_means_to_begin_anew(mirror: Mirror) -> None:
    take_in(mirror)
    mirror.run("rematch")
    mirror.world.stores["records"].put("vulnerabilities/rematched.json", b"{")
    assert mirror.run("rematch") == {"job": "rematch", "complete": True, "matched": 1}


def test_an_artifact_that_is_gone_is_recorded_and_told_to_nobody(mirror: Mirror) -> None:
    take_in(mirror)
    for part in ("intake", "released"):
        for stat in list(mirror.world.stores[part].list()):
            mirror.world.stores[part].delete(stat.location)
    publish(mirror, LATER, OTHER, advisory())
    assert mirror.run("rematch", LATER)["decided"] == 1
    assert verdicts(mirror) == {"quarantined"}
    assert mirror.world.told.messages == []


@pytest.mark.parametrize("versioned", [False, True])
def test_killed_anywhere_the_next_run_ends_as_if_nothing_had_happened(*, versioned: bool) -> None:
    def ended(number: int | None) -> tuple[object, int]:
        fresh = Mirror(World.of(memory(versioned=versioned)))
        publish(fresh, NOW, OTHER)
        take_in(fresh)
        publish(fresh, LATER, OTHER, advisory())
        calls, app = Calls(number, "after"), fresh.app(LATER)
        faulty = replace(app, open_store=lambda root: FaultyStore(app.open_store(root), calls=calls))
        with suppress(Killed):
            faulty.run_schedule("rematch", 60)
        for later in (LATER + 10_000, LATER + 20_000):
            fresh.run("reconcile", later)
            fresh.run("rematch", later)
        state = fresh.world.state()
        return {part: state[part] for part in ("intake", "released", "quarantine")}, calls.count

    expected, count = ended(None)
    assert count > 10
    for number in range(1, count + 1):
        assert ended(number)[0] == expected, f"killed after call {number}"


def inspections(library: Library, *files: tuple[str, bytes]) -> Iterator[Inspection]:
    scanner = Vulnerabilities(library, 7, clock=lambda: NOW)
    for name, data in files:
        yield inspect(name, [data], [scanner], Limits())


FILES = (
    ("package-lock.json", LOCK),
    ("requirements.txt", b"flask==1.0\n"),
    ("status", b""),
    ("Cargo.lock", b'[[package]]\nname = "x"\nversion = "1.0.0"\n'),
    ("package.json", b"{"),
)


@pytest.mark.parametrize("before", [(OTHER,), (advisory(),), (LOW, record("P", "PyPI", "flask", ("introduced", "0")))])
@pytest.mark.parametrize("after", [(OTHER,), (advisory(),), (LOW, record("P", "PyPI", "flask", ("introduced", "0")))])
def test_a_renewed_inspection_is_that_of_a_second_look(before: tuple[bytes, ...], after: tuple[bytes, ...]) -> None:
    old, new = empty(), empty()
    index(*before, library=old)
    index(*after, library=new)
    for seen, again in zip(inspections(old, *FILES), inspections(new, *FILES), strict=True):
        fresh = renewed(seen, Index(new))
        assert (set(fresh.findings), fresh.packages) == (set(again.findings), again.packages)
        assert (fresh.coverage.opened, set(fresh.coverage.skipped)) == (
            again.coverage.opened,
            set(again.coverage.skipped),
        )
        assert fresh.engines == again.engines


def test_facts_of_other_scanners_stay() -> None:
    library = empty()
    index(advisory(), library=library)
    (seen, *_) = inspections(library, *FILES)
    odd = Finding("malware", "x", Severity.HIGH, "m", "found")
    unseen = Skip(seen.packages[0].member, SkipReason.LIMIT, "too large")
    more = replace(
        seen,
        findings=(odd, *seen.findings),
        coverage=replace(seen.coverage, opened=0, skipped=(unseen,)),
    )
    index(OTHER, library=library)
    fresh = renewed(more, Index(library))
    assert (fresh.findings, fresh.coverage) == ((odd,), more.coverage)
