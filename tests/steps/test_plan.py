from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import VERDICT_TAG, Copy, Delete, Notify, Stat, Step, Tag, Verdict
from customhouse.steps.plan import Target, plan
from tests.facts import decision, inspection, stat

TARGETS = {"released": Target("memory://released"), "quarantine": Target("memory://q", "bad/")}


def planned(actions: list[str], verdict: Verdict = Verdict.CLEAN, at: Stat | None = None) -> tuple[Step, ...]:
    return plan(decision(verdict), inspection(), at or stat(), actions, targets=TARGETS, notify="log:")


def test_clean_artifact_is_copied_with_its_tag_then_tagged() -> None:
    copy, tag = planned(["tag", "promote"])
    assert isinstance(copy, Copy)
    assert (copy.root, copy.key, copy.tags) == ("memory://released", "in/a.zip", {VERDICT_TAG: "clean"})
    assert tag == Tag(stat().location, {VERDICT_TAG: "clean"})


def test_quarantine_copies_before_it_deletes_and_tells_last() -> None:
    steps = planned(["notify", "quarantine"], Verdict.QUARANTINED)
    assert [type(step) for step in steps] == [Copy, Delete, Notify]
    assert isinstance(steps[0], Copy)
    assert steps[0].key.startswith("bad/")
    assert steps[0].key.endswith("/in/a.zip")


def test_two_versions_of_one_name_never_meet_in_quarantine() -> None:
    first, second = (planned(["quarantine"], at=stat(version=version))[0] for version in ("1", "2"))
    assert isinstance(first, Copy)
    assert isinstance(second, Copy)
    assert first.key != second.key


def test_quarantine_without_a_place_for_it_tags_and_deletes_nothing() -> None:
    steps = plan(decision(Verdict.QUARANTINED), inspection(), stat(), ["quarantine"], targets={})
    assert steps == (Tag(stat().location, {VERDICT_TAG: "quarantined"}),)


def test_message_names_artifact_verdict_and_reasons() -> None:
    step = planned(["notify"])[-1]
    assert isinstance(step, Notify)
    assert step.message["verdict"] == "clean"
    assert step.message["reasons"] == ["because"]


def test_no_actions_do_nothing() -> None:
    assert planned([]) == ()


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=400))
def test_names_fit_every_store_and_stay_apart(key: str) -> None:
    copies = [planned(["quarantine"], at=stat(key))[0], planned(["quarantine"], at=stat(key + "x"))[0]]
    names = {copy.key for copy in copies if isinstance(copy, Copy)}
    assert len(names) == 2
    assert all(len(name.encode()) <= 1024 for name in names)
