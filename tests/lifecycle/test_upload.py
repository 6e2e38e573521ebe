"""The upload path: arming, disarming, and the latest N of a package, wherever the artifact stands."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.catalog import Record
from customhouse.errors import Denied, Transient
from customhouse.lifecycle import installed
from customhouse.lifecycle.installed import Installed
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.words import Compiled, Target
from customhouse.lifecycle.plan import make
from customhouse.lifecycle.rules import TRASH, Rule
from customhouse.lifecycle.siblings import MOST as REMEMBERED
from customhouse.lifecycle.siblings import Siblings
from customhouse.lifecycle.upload import MOST, Uploads
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import Artifact
from customhouse.model import LIFECYCLE_TAG, Coverage, Decision, Inspection, Location, Outcome, Package, Verdict
from customhouse.policy.load import default
from customhouse.ports import LifecycleTarget, Store
from customhouse.stores.memory import MemoryStore
from tests.app.world import World
from tests.app.world import memory as worlds
from tests.lifecycle.support import FakeTarget, contents, memory
from tests.stores.faults import Calls, FaultyStore, Killed

LATER = 4e9
TWO: dict[str, Any] = {
    "id": "two",
    "do": "delete",
    "undo": "none",
    "age": "0m",
    "keep": {"latest": 2, "per": "package"},
}


@dataclass
class Deployment:
    """One bucket of packages, the state, and what a target was asked for."""

    rules: tuple[Rule, ...]
    store: MemoryStore = field(default_factory=memory)
    state: MemoryStore = field(default_factory=memory)
    target: FakeTarget = field(default_factory=FakeTarget)

    def uploads(self) -> Uploads:
        def target(root: str) -> LifecycleTarget | None:
            return self.target if root == self.store.root else None

        def store(root: str) -> Store:
            assert root == self.store.root
            return self.store

        return Uploads(self.rules, store, target, self.state)

    def upload(self, version: str, *, tags: Mapping[str, str] | None = None, **known: Any) -> list[Outcome]:
        """What comes of one wheel that was found clean."""
        key = f"p-{version}.whl"
        location = self.store.put(key, version.encode(), tags=tags)
        return list(self.uploads().after(record(location, version, **known), [], LATER))

    def names(self) -> set[str]:
        return {key for key in contents(self.store) if not key.startswith(TRASH)}


def record(location: Location, version: str, *, verdict: Verdict = Verdict.CLEAN, kind: str = "wheel") -> Record:
    package = Package(f"pkg:pypi/p@{version}", f"{location.key}!/p.dist-info/METADATA")
    inspection = Inspection(location.key, kind, 1, {}, (), (package,), Coverage(1, 1, 1))
    return Record(location=location, state="running", decision=Decision(verdict, "r"), inspection=inspection)


def rules(*nodes: Mapping[str, object]) -> tuple[Rule, ...]:
    return load(list(nodes))


def test_a_third_upload_of_a_package_pushes_the_oldest_out() -> None:
    here = Deployment(rules(TWO))
    assert here.upload("1") == here.upload("2") == []
    [outcome] = here.upload("3")
    assert (outcome.step, outcome.status, outcome.location.key) == ("retire delete", "done", "p-1.whl")
    assert here.names() == {"p-2.whl", "p-3.whl"}


def test_what_is_pushed_out_waits_in_the_trash_where_the_rule_has_a_window() -> None:
    here = Deployment(rules(TWO | {"undo": "7d"}))
    for version in "123":
        here.upload(version)
    assert here.names() == {"p-2.whl", "p-3.whl"}
    assert sorted(contents(here.store).values()) == [b"1", b"2", b"3"]


def test_a_redelivered_upload_pushes_nothing_more_out() -> None:
    here = Deployment(rules(TWO))
    for version in "123":
        here.upload(version)
    last = record(here.store.stat(Location(here.store.root, "p-3.whl")).location, "3")
    assert list(here.uploads().after(last, [], LATER)) == []
    assert here.names() == {"p-2.whl", "p-3.whl"}


def test_a_sibling_that_somebody_removed_takes_up_no_place() -> None:
    here = Deployment(rules(TWO))
    here.upload("1")
    here.upload("2")
    here.store.delete(Location(here.store.root, "p-2.whl"))
    assert here.upload("3") == []
    assert here.names() == {"p-1.whl", "p-3.whl"}


def test_a_sibling_that_was_overwritten_is_left_alone() -> None:
    here = Deployment(rules(TWO))
    here.upload("1")
    here.store.put("p-1.whl", b"something else")
    here.upload("2")
    assert here.upload("3") == []
    assert here.names() == {"p-1.whl", "p-2.whl", "p-3.whl"}


def test_a_sibling_pinned_since_it_came_is_kept_and_takes_up_no_place() -> None:
    here = Deployment(rules(TWO | {"protect": {"tag": {"pinned": "true"}}}))
    here.upload("1")
    here.store.tag(Location(here.store.root, "p-1.whl"), {"pinned": "true"})
    assert here.upload("2") == here.upload("3") == []
    assert [one.location.key for one in here.upload("4")] == ["p-2.whl"]
    assert here.names() == {"p-1.whl", "p-3.whl", "p-4.whl"}


def test_what_did_not_pass_is_not_counted_and_pushes_nothing_out() -> None:
    here = Deployment(rules(TWO))
    here.upload("1")
    here.upload("2")
    assert here.upload("3", verdict=Verdict.HELD) == []
    assert here.names() == {"p-1.whl", "p-2.whl", "p-3.whl"}


def test_what_passed_once_and_passes_no_more_pushes_nothing_out_by_what_it_was() -> None:
    here = Deployment(rules(TWO | {"select": {"verdict": "clean"}}))
    here.upload("1")
    here.upload("2")
    again = record(here.store.stat(Location(here.store.root, "p-2.whl")).location, "2", verdict=Verdict.HELD)
    assert list(here.uploads().after(again, [], LATER)) == []
    assert here.upload("3") == []
    assert here.names() == {"p-1.whl", "p-2.whl", "p-3.whl"}


steps = st.tuples(
    st.sampled_from("12345"), st.sampled_from([Verdict.CLEAN, Verdict.FLAGGED, Verdict.HELD]), st.booleans()
)


@pytest.mark.parametrize("select", [{}, {"verdict": "clean"}])
@given(st.lists(steps, max_size=10))
@settings(max_examples=80)
def test_an_upload_pushes_nothing_out_that_a_plan_over_everything_would_keep(
    select: dict[str, Any], uploads: list[tuple[str, Verdict, bool]]
) -> None:
    pinned = {"protect": {"tag": {"pinned": "true"}}, "keep": {"latest": 2, "per": "package", "order": "version"}}
    here, verdicts = Deployment(rules(TWO | pinned | ({"select": select} if select else {}))), dict[str, Verdict]()
    for version, verdict, pin in uploads:
        before = here.names()
        tags = {"pinned": "true"} if pin else {}
        if version in verdicts and f"p-{version}.whl" in before:  # decided again, where it stands
            location = here.store.stat(Location(here.store.root, f"p-{version}.whl")).location
            done = list(here.uploads().after(record(location, version, verdict=verdict), [], LATER))
        else:
            done = here.upload(version, tags=tags, verdict=verdict)
        verdicts[version] = verdict
        everything = {one.location.key: one.location for one in done} | {
            stat.location.key: stat.location for stat in here.store.list()
        }
        told = [there(here, location, verdicts) for location in everything.values()]
        planned = {item.location.key for item in make(here.rules, told, LATER).items()}
        assert {one.location.key for one in done} <= planned


def there(here: Deployment, location: Location, verdicts: Mapping[str, Verdict]) -> Artifact:
    """A row of everything that is or was there a moment ago; what was pushed out carried no protecting tag."""
    version = location.key.removeprefix("p-").removesuffix(".whl")
    tags = here.store.tags(location) if location.key in here.names() else {}
    found = replace(artifact(location, version), tags=tags)
    return replace(found, verdict=verdicts[version], kind="wheel", package_version=version)


def test_a_rule_of_another_store_is_not_asked() -> None:
    here = Deployment(rules(TWO | {"in": "s3://elsewhere"}))
    for version in "123":
        assert here.upload(version) == []
    assert contents(here.state) == {}


def test_more_than_a_few_at_once_is_left_to_the_schedule() -> None:
    here = Deployment(())
    kept = TWO | {"keep": {"latest": 1, "per": "package"}}
    for version in range(MOST + 1):
        location = here.store.put(f"p-{version}.whl", b"x")
        Siblings(here.state).add(artifact(location, f"{version}"))
    here.rules = rules(kept)
    [outcome] = here.upload("99")
    assert (outcome.step, outcome.status) == ("retire", "failed")
    assert "left to the schedule" in outcome.detail
    assert len(here.names()) == MOST + 2


def artifact(location: Location, version: str) -> Artifact:
    created = float(location.version)
    return Artifact(location, 1, created, ecosystem="pypi", package="p", package_version=version)


def test_only_so_many_siblings_are_remembered_and_the_newest_ones() -> None:
    state, here = memory(), memory()
    siblings = Siblings(state)
    for at in range(REMEMBERED + 5):
        known = siblings.add(artifact(here.put(f"{at}", b"x"), "1"))
    assert [one.location.key for one in known] == [f"{at}" for at in range(5, REMEMBERED + 5)]


def test_a_document_of_siblings_that_does_not_read_begins_anew() -> None:
    state, here = memory(), memory()
    one = artifact(here.put("a", b"x"), "1")
    Siblings(state).add(one)
    [document] = list(state.list())
    state.put(document.location.key, b"half a docu")
    assert Siblings(state).add(one) == [one]


class Contended(MemoryStore):
    """Somebody else always writes first."""

    def put(self, key: str, data: Any, **known: Any) -> Location:
        super().put(key, b"[]")
        return super().put(key, data, **known)


def test_a_document_that_others_keep_writing_is_given_up_and_reported() -> None:
    here = Deployment(rules(TWO), state=Contended("memory://contended"))
    [outcome] = here.upload("1")
    assert (outcome.step, outcome.status) == ("retire", "failed")
    with pytest.raises(Transient, match="written by others"):
        Siblings(here.state).add(artifact(here.store.put("a", b"x"), "1"))


ARMED = {"id": "wheels", "do": "delete", "undo": "none", "age": "30d", "select": {"kind": "wheel"}}
LABEL = compile_rules(load([ARMED]), Target("s3://like")).labels["wheels"]


def armed(*nodes: Mapping[str, object]) -> Deployment:
    """A deployment whose rules are installed, as on S3."""
    here = Deployment(rules(*nodes))
    compiled = compile_rules(here.rules, Target("s3://like"))
    assert compiled.labels
    at_home = Compiled(replace(compiled.target, root=here.store.root), (), compiled.native, compiled.used)
    installed.save(here.state, "", Installed.of(here.rules, at_home))
    return here


def test_an_upload_that_an_armed_rule_selects_is_labelled_once() -> None:
    here = armed(ARMED)
    [outcome] = here.upload("1")
    assert (outcome.step, outcome.status, outcome.detail) == ("arm", "done", LABEL)
    assert [(key, label) for key, label, _ in here.target.armed] == [("p-1.whl", LABEL)]
    assert here.upload("2", kind="zip") == []


def test_nothing_is_labelled_where_other_rules_are_installed_or_none() -> None:
    here = armed(ARMED)
    here.rules = rules(ARMED | {"age": "60d"})
    assert here.upload("1") == []
    assert Deployment(rules(ARMED)).upload("1") == []


def test_a_label_that_no_rule_puts_there_is_taken_off() -> None:
    here = armed(ARMED)
    [outcome] = here.upload("1", kind="zip", tags={LIFECYCLE_TAG: LABEL, "team": "red"})
    assert outcome.step == "disarm"
    assert here.store.tags(Location(here.store.root, "p-1.whl")) == {"team": "red"}


def test_what_waits_in_the_trash_is_neither_labelled_nor_held_and_is_nobody_s_sibling() -> None:
    for here in (armed(ARMED), Deployment(rules(TWO))):
        location = here.store.put(f"{TRASH}7d/x", b"x", tags={LIFECYCLE_TAG: "undo"})
        before = contents(here.state)
        assert list(here.uploads().after(record(location, "1"), [], LATER)) == []
        assert here.store.tags(location) == {LIFECYCLE_TAG: "undo"}
        assert (here.target.armed, here.target.held, contents(here.state)) == ([], [], before)


def test_what_the_cloud_refuses_to_label_is_reported_and_does_not_stop_the_verdict() -> None:
    here = armed(ARMED)
    here.target.error = Denied("no")
    [outcome] = here.upload("1")
    assert (outcome.step, outcome.status, outcome.detail) == ("arm", "failed", "no")


def test_the_copy_is_armed_too_and_what_was_deleted_is_not() -> None:
    here = armed(ARMED)
    upload, copy = here.store.put("in/p.whl", b"x"), here.store.put("out/p.whl", b"x")
    done = [Outcome("copy", "done", copy), Outcome("delete", "done", upload)]
    found = list(here.uploads().after(record(upload, "1"), done, LATER))
    assert [(one.step, one.location.key) for one in found] == [("arm", "out/p.whl")]
    superseded = [*done, Outcome("tag", "superseded", upload)]
    assert list(here.uploads().after(record(upload, "1"), superseded, LATER)) == []


def test_what_was_installed_is_asked_for_once_in_a_while_not_at_every_upload() -> None:
    here = armed(ARMED)
    uploads = here.uploads()
    location = here.store.put("p.whl", b"x")
    assert len(list(uploads.after(record(location, "1"), [], LATER))) == 1
    for stat in list(here.state.list()):
        here.state.delete(stat.location)
    assert len(list(uploads.after(record(location, "1"), [], LATER + 60))) == 1
    assert list(uploads.after(record(location, "1"), [], LATER + 3600)) == []


def wheel(version: str) -> bytes:
    """A wheel whose RECORD is true."""
    out, info = io.BytesIO(), f"p-{version}.dist-info"
    members = {
        "p/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: p\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    lines = [f"{name},sha256={_digest(text)},{len(text)}\n" for name, text in members.items()]
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        archive.writestr(f"{info}/RECORD", "".join([*lines, f"{info}/RECORD,,\n"]))
    return out.getvalue()


def _digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def test_the_app_retires_what_a_released_wheel_pushes_out_and_the_record_says_so() -> None:
    world = World.of(worlds())
    released = world.stores["released"]
    policy = replace(
        default(), lifecycle=rules(TWO | {"in": released.root, "keep": TWO["keep"] | {"order": "version"}})
    )
    for version in ("1.9", "1.10", "1.2"):
        app = world.app(policy=policy, now=LATER)
        result = app.process(world.upload(f"p-{version}-py3-none-any.whl", wheel(version)))
        assert result.verdict == "clean"
    assert set(contents(released)) == {"p-1.9-py3-none-any.whl", "p-1.10-py3-none-any.whl"}
    assert result.record is not None
    steps = {(one.step, one.location.root, one.location.key) for one in result.record.outcomes}
    assert ("retire delete", released.root, "p-1.2-py3-none-any.whl") in steps
    assert len(contents(world.stores["intake"])) == 3


@pytest.mark.parametrize("mode", ["before", "after"])
def test_retiring_killed_at_any_call_and_delivered_again_ends_the_same(mode: Literal["before", "after"]) -> None:
    """The new build and one more stay, whatever happened; nothing that is kept is touched."""

    def third(at: int | None) -> tuple[Deployment, Calls]:
        here, calls = Deployment(rules(TWO | {"undo": "7d"})), Calls(at, mode)
        for version in "12":
            here.upload(version)
        location = here.store.put("p-3.whl", b"3")
        store, state = FaultyStore(here.store, calls=calls), FaultyStore(here.state, calls=calls)
        dying = Uploads(here.rules, lambda _: store, lambda _: None, state)
        with suppress(Killed):
            list(dying.after(record(location, "3"), [], LATER))
        list(here.uploads().after(record(location, "3"), [], LATER))
        return here, calls

    calls = third(None)[1].count
    assert calls > 8
    for at in range(1, calls + 1):
        here, _ = third(at)
        assert here.names() == {"p-2.whl", "p-3.whl"}, f"killed {mode} call {at}"
        assert sorted(contents(here.store).values()) == [b"1", b"2", b"3"]
