"""The scheduled job: stores by settings and rules, cursors, in-use lists, verdicts from records, expired waivers."""

from __future__ import annotations

import datetime as dt
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from customhouse.app import App
from customhouse.catalog import Record
from customhouse.errors import ConfigError, Gone, Transient
from customhouse.jobs import lifecycle, waivers
from customhouse.lifecycle import installed
from customhouse.lifecycle.dates import Dates
from customhouse.lifecycle.installed import Installed
from customhouse.lifecycle.native.words import Target
from customhouse.lifecycle.rules import TRASH, digest
from customhouse.model import Location, Stat, Verdict
from customhouse.policy.load import Loaded, load
from customhouse.ports import Body
from customhouse.stores.memory import MemoryStore
from tests.app.world import EICAR, NOW, World, memory
from tests.lifecycle.support import contents

DAY = 86_400.0
LATER = 4e9
OLD = {"id": "old", "do": "delete", "undo": "none", "age": "30d"}
RULES = [{"name": "seen", "verdict": "clean"}]


def policy(*lifecycle: Mapping[str, object], **parts: Any) -> Loaded:
    document = {"version": 1, "rules": RULES, "actions": {"clean": ["tag", "promote"]}, "lifecycle": [*lifecycle]}
    return load(yaml.safe_dump(document | parts), "p.yaml")


@pytest.fixture
def world() -> World:
    return World.of(memory())


def app(world: World, chosen: Loaded, now: float = LATER) -> App:
    return world.app(policy=chosen, now=now)


def run(world: World, chosen: Loaded, now: float = LATER) -> Mapping[str, object]:
    return app(world, chosen, now).run_schedule("lifecycle", 60)


def fill(world: World, part: str, names: Sequence[str]) -> None:
    for name in names:
        world.stores[part].put(name, name.encode())


def names(world: World, part: str) -> set[str]:
    return {key for key in contents(world.stores[part]) if not key.startswith(TRASH)}


def some(world: World, part: str, prefix: str = "in/", count: int = 3) -> None:
    """Things to retire and more that stay, so that the blast radius allows it."""
    fill(world, part, [*(f"{prefix}{at}" for at in range(count)), *(f"stays/{at}" for at in range(count))])


def test_a_rule_of_no_store_is_applied_to_intake_released_and_quarantine(world: World) -> None:
    for part in ("intake", "released", "quarantine"):
        some(world, part)
    done = run(world, policy(OLD | {"select": {"prefix": "in/"}}))
    assert (done["complete"], done["done"], done["refused"]) == (True, 9, [])
    for part in ("intake", "released", "quarantine"):
        assert all(name.startswith("stays/") for name in names(world, part))


def test_a_rule_of_one_store_touches_no_other(world: World) -> None:
    some(world, "intake")
    some(world, "quarantine")
    done = run(world, policy(OLD | {"in": world.stores["quarantine"].root, "select": {"prefix": "in/"}}))
    assert done["done"] == 3
    assert len(names(world, "intake")) == 6


def test_without_rules_nothing_is_listed_and_the_job_says_so(world: World) -> None:
    some(world, "intake")
    assert run(world, policy()) == {"job": "lifecycle", "complete": True, "rules": 0, "refused": []}


def test_records_in_the_same_bucket_are_never_retired() -> None:
    world = World.of(memory())
    shared = World(dict.fromkeys(world.stores, world.stores["intake"]))
    store = shared.stores["intake"]
    chosen = policy(OLD | {"select": {"suffix": ".json"}})
    fill(shared, "intake", ["in/a.json", *(f"in/{at}" for at in range(9)), "records/aa/aa.json"])
    there = shared.app(policy=chosen, now=LATER, records=f"{store.root}/records")
    there.run_schedule("lifecycle", 60)
    assert "records/aa/aa.json" in contents(store)
    assert "in/a.json" not in contents(store)


def test_only_the_prefix_of_a_store_is_looked_at() -> None:
    world = replace(World.of(memory()), prefix="mine/")
    some(world, "intake", "mine/a")
    some(world, "intake", "theirs/a")
    run(world, policy(OLD | {"select": {"glob": "**/a*"}, "keep": {"latest": 2, "per": "repository"}}))
    assert {name for name in names(world, "intake") if name.startswith("theirs/")} == {f"theirs/a{n}" for n in "012"}
    assert len([name for name in names(world, "intake") if name.startswith("mine/")]) == 2


def test_a_store_has_its_turn_once_a_day_and_at_once_after_a_change_of_policy(world: World) -> None:
    chosen = policy(OLD | {"select": {"prefix": "in/"}})
    run(world, chosen)
    some(world, "intake")
    assert "done" not in run(world, chosen, LATER + 3600)
    other = policy(OLD | {"select": {"prefix": ["in/", "x/"]}})
    assert run(world, other, LATER + 7200)["done"] == 3
    some(world, "intake")
    assert run(world, other, LATER + 2 * DAY)["done"] == 3


def test_out_of_time_it_goes_on_with_its_plan_next_time(world: World) -> None:
    some(world, "intake", count=20)
    chosen, ticks = policy(OLD | {"select": {"prefix": "in/"}, "in": world.stores["intake"].root}), itertools.count()
    first = lifecycle.run(app(world, chosen), lambda: next(ticks) >= 4)
    assert first["complete"] is False
    assert 0 < int(str(first["done"])) < 20
    rest = lifecycle.run(app(world, chosen, LATER + 60), lambda: False)
    assert (rest["complete"], int(str(first["done"])) + int(str(rest["done"]))) == (True, 20)
    assert len(names(world, "intake")) == 20


def test_out_of_time_before_a_store_s_turn_it_is_not_complete(world: World) -> None:
    some(world, "intake")
    done = lifecycle.run(app(world, policy(OLD)), lambda: True)
    assert done["complete"] is False
    assert len(names(world, "intake")) == 6


def test_a_plan_beyond_the_blast_radius_is_refused_and_said_so_unless_it_is_small(world: World) -> None:
    fill(world, "intake", [f"in/{at}" for at in range(lifecycle.FEW + 1)])
    fill(world, "quarantine", ["in/1", "in/2"])
    done = run(world, policy(OLD | {"in": [world.stores[part].root for part in ("intake", "quarantine")]}))
    assert "100% of the inventory" in str(done["refused"])
    assert (done["done"], names(world, "quarantine"), len(names(world, "intake"))) == (2, set(), lifecycle.FEW + 1)


class Absent(MemoryStore):
    """A bucket that somebody removed."""

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        del prefix, after, versions
        raise Gone("no such bucket")


def test_a_store_that_is_not_there_is_reported_and_holds_up_no_other() -> None:
    stores = dict(World.of(memory()).stores)
    stores["intake"] = Absent(stores["intake"].root)
    world = World(stores)
    some(world, "released")
    done = run(world, policy(OLD | {"select": {"prefix": "in/"}}))
    assert done["refused"] == [f"{stores['intake'].root}: no such bucket"]
    assert done["done"] == 3


class Busy(MemoryStore):
    """A bucket that answers later."""

    def list(self, prefix: str = "", *, after: str = "", versions: bool = False) -> Iterator[Stat]:
        del prefix, after, versions
        raise Transient("slow down")


def test_a_store_that_is_busy_is_told_to_the_platform_once_the_others_had_their_turn() -> None:
    stores = dict(World.of(memory()).stores)
    stores["intake"] = Busy(stores["intake"].root)
    world = World(stores)
    some(world, "released")
    with pytest.raises(Transient, match="slow down"):
        run(world, policy(OLD | {"select": {"prefix": "in/"}}))
    assert len(names(world, "released")) == 3


def test_what_the_cloud_carries_out_is_left_to_it(world: World) -> None:
    some(world, "intake")
    root = world.stores["intake"].root
    chosen = policy(OLD | {"select": {"prefix": "in/"}, "in": root})
    there = Installed(Target(root), digest(chosen.lifecycle), (), {"old": "exact"})
    installed.save(world.stores["records"], "", there)
    assert "done" not in run(world, chosen)
    assert len(names(world, "intake")) == 6


def test_in_use_is_read_from_a_file_or_a_store_and_its_lack_stops_the_plan(world: World, tmp_path: Path) -> None:
    some(world, "intake")
    root = world.stores["intake"].root
    chosen = policy(OLD | {"select": {"prefix": "in/"}, "in": root, "protect": {"in_use": True}})
    with pytest.raises(ConfigError, match="in-use list"):
        run(world, chosen)
    (tmp_path / "used").write_text(f"{root}/in/0\n")
    world.stores["records"].put("used", f"{root}/in/1\n".encode())
    there = app(world, chosen)
    lists = (str(tmp_path / "used"), f"{world.stores['records'].root}/used")
    there.settings = replace(there.settings, in_use=lists)
    assert there.run_schedule("lifecycle", 60)["done"] == 1
    assert {"in/0", "in/1"} <= names(world, "intake")
    with pytest.raises(ConfigError, match="No such file"):
        lifecycle.read_text(str(tmp_path / "absent"), there.store)


def test_an_in_use_list_of_which_a_letter_is_lost_is_refused_wherever_it_comes_from(
    world: World, tmp_path: Path
) -> None:
    store, data = world.stores["records"], "s3://b/ä.whl".encode("latin-1")
    (tmp_path / "used").write_bytes(data)
    store.put("used", data)
    for name in (str(tmp_path / "used"), f"{store.root}/used"):
        with pytest.raises(ConfigError, match="used: not UTF-8"):
            lifecycle.read_text(name, lambda _: store)


def test_verdicts_come_from_records_also_for_what_was_promoted(world: World) -> None:
    chosen = policy(OLD | {"select": {"verdict": "clean"}, "in": world.stores["released"].root})
    app(world, chosen, NOW).process(world.upload("good.txt", b"hello"))
    fill(world, "released", ["unknown.txt", "other.txt"])
    assert run(world, chosen)["done"] == 1
    assert names(world, "released") == {"unknown.txt", "other.txt"}


def test_that_the_cloud_goes_on_by_the_rules_of_another_policy_is_told(world: World) -> None:
    some(world, "intake")
    root, chosen = world.stores["intake"].root, policy(OLD | {"select": {"prefix": "in/"}})
    there = Installed(Target(root), "sha256:another", ({"ID": "customhouse-old"},), {"old": "exact"})
    installed.save(world.stores["records"], "", there)
    done = run(world, chosen)
    assert done["outdated"] == [
        f"{root}: its native rules are of another policy and go on; `customhouse lifecycle install {root}` ends that"
    ]
    assert done["done"] == 3


WAIVER = {"finding": "*", "owner": "o@example.org", "reason": "r", "expires": dt.date(2027, 6, 1)}
STRICT = {
    "rules": [{"name": "bad", "when": {"severity": "low"}, "verdict": "quarantined"}, *RULES],
    "actions": {"clean": ["tag", "promote"], "quarantined": ["tag"]},
    "scanners": {"malware": {}},
}
BEFORE, AFTER = 1_800_000_000.0, 1_812_000_000.0  # 15 January and 3 June 2027


def waived(world: World) -> Loaded:
    chosen = policy(waivers=[WAIVER], **STRICT)
    result = app(world, chosen, BEFORE).process(world.upload("config.txt", EICAR))
    assert result.verdict == "clean"
    assert result.record is not None
    assert result.record.decision is not None
    assert result.record.decision.waived
    return chosen


def verdicts(world: World) -> list[str]:
    return [one.decision.verdict.value for one in world.records() if one.decision]


def test_what_an_expired_waiver_let_through_is_decided_again(world: World) -> None:
    chosen = waived(world)
    run(world, chosen, BEFORE)
    assert verdicts(world) == ["clean"]
    assert run(world, chosen, AFTER)["decided"] == 1
    assert verdicts(world) == ["quarantined"]


def test_records_are_read_once_for_every_set_of_waivers_in_force(world: World) -> None:
    chosen = waived(world)
    assert waivers.run(app(world, chosen, AFTER), lambda: False) == {"decided": 1}
    assert waivers.run(app(world, chosen, AFTER + DAY), lambda: False) == {}


def test_out_of_time_among_the_records_it_goes_on_behind_the_last(world: World) -> None:
    chosen = waived(world)
    app(world, chosen, BEFORE).process(world.upload("other.txt", EICAR + b"\n"))
    first = waivers.run(app(world, chosen, AFTER), lambda: True)
    second = waivers.run(app(world, chosen, AFTER), lambda: False)
    assert (first, second) == ({"decided": 1}, {"decided": 1})
    assert verdicts(world) == ["quarantined"] * 2


class Slow(MemoryStore):
    """A bucket too busy to tag, as long as it is told to be."""

    busy = False

    def tag(self, location: Location, changes: Mapping[str, str | None]) -> Location:
        if self.busy:
            raise Transient("slow down")
        return super().tag(location, changes)


@pytest.mark.parametrize("expired", [True, False])
def test_what_could_not_be_decided_again_is_tried_by_the_next_run(*, expired: bool) -> None:
    stores = dict(World.of(memory()).stores)
    stores["intake"] = slow = Slow(stores["intake"].root)
    world = World(stores)
    chosen = waived(world)
    slow.busy = True
    assert waivers.run(app(world, chosen, AFTER), lambda: expired) == {"later": 1}
    slow.busy = False
    assert waivers.run(app(world, chosen, AFTER + DAY), lambda: False) == {"decided": 1}
    assert verdicts(world) == ["quarantined"]
    assert waivers.run(app(world, chosen, AFTER + 2 * DAY), lambda: False) == {}


def test_a_verdict_without_a_waiver_or_with_a_live_one_rests_on_something(world: World) -> None:
    chosen = waived(world)
    [record] = world.records()
    today = chosen.policy.waivers[0].expires
    assert not waivers.rests_on_nothing(chosen.policy, record, today)
    assert not waivers.rests_on_nothing(chosen.policy, Record(location=Location("s3://b", "k"), state="done"), today)
    assert record.decision is not None
    assert record.decision.verdict is Verdict.CLEAN


DATED = {"id": "dated", "do": "delete", "undo": "none", "expires": True}


def test_a_date_given_to_an_upload_retires_its_copy_once_it_has_passed_and_is_then_forgotten(world: World) -> None:
    chosen = policy(DATED | {"in": world.stores["released"].root})
    for name in ("good.txt", "other.txt"):
        event = world.upload(name, name.encode())
        if name == "good.txt":
            Dates(world.stores["records"]).set(event.location, LATER)
        app(world, chosen, NOW).process(event)
    assert "done" not in run(world, chosen, LATER - DAY)
    assert run(world, chosen, LATER + DAY)["done"] == 1
    assert names(world, "released") == {"other.txt"}
    world.stores["intake"].delete(Location(world.stores["intake"].root, "good.txt"))
    run(world, chosen, LATER + 2 * DAY)
    assert list(Dates(world.stores["records"])) == []


def test_a_store_that_tells_no_last_reads_is_reported_and_holds_up_no_other(world: World) -> None:
    for part in ("intake", "released"):
        some(world, part)
    root = world.stores["released"].root
    done = run(
        world, policy(OLD | {"select": {"prefix": "in/"}}, {"id": "cold", "do": "delete", "idle": "9d", "in": root})
    )
    [refused] = done["refused"]  # type: ignore[misc] # a list of texts
    assert f"rule 'cold' asks when objects were last read, which {root} does not tell" in refused
    assert (done["done"], len(names(world, "released"))) == (3, 6)


class Reads(MemoryStore):
    """Counts the records that are opened."""

    opened = 0

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        self.opened += location.key.startswith("records/")
        return super().read(location, start, length)


def test_records_are_read_for_what_is_due_alone_and_not_at_all_between_two_plans(world: World) -> None:
    records = Reads(world.stores["records"].root)
    counted, intake = World({**world.stores, "records": records}), world.stores["intake"].root
    chosen = policy(OLD | {"select": {"verdict": "clean"}, "in": intake}, actions={"clean": ["tag"]})
    for at in range(5):
        app(counted, chosen, NOW).process(counted.upload(f"{at}.txt", f"{at}".encode()))
    fill(counted, "intake", [f"stays/{at}" for at in range(5)])
    first, records.opened = time.time() + 20 * DAY, 0
    for now in (first, first + 3600):
        run(counted, chosen, now)
    assert records.opened == 0
    assert run(counted, chosen, first + 30 * DAY)["done"] == 5
    assert records.opened >= 5
    assert names(counted, "intake") == {f"stays/{at}" for at in range(5)}
