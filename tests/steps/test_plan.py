from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import VERDICT_TAG, Copy, Delete, Location, Notify, Stat, Step, Tag, Verdict
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


ACTIONS = st.lists(st.sampled_from(["tag", "promote", "quarantine", "delete", "notify"]), max_size=6)
PLACES = st.sets(st.sampled_from(sorted(TARGETS)))
ORDER: list[type[Step]] = [Copy, Tag, Delete, Notify]


@given(ACTIONS, PLACES, st.sampled_from(Verdict), st.sampled_from(["", "log:"]))
def test_whatever_the_policy_asks_it_is_done_in_the_order_in_which_it_is_safe(
    actions: list[str], places: set[str], verdict: Verdict, notify: str
) -> None:
    targets = {name: TARGETS[name] for name in places}
    steps = plan(decision(verdict), inspection(), stat(), actions, targets=targets, notify=notify)
    kinds = [type(step) for step in steps]
    assert kinds == sorted(kinds, key=ORDER.index)
    assert all(step.location == stat().location for step in steps)
    for step in steps:
        if isinstance(step, Copy):
            assert (step.tags, step.size, step.digests) == ({VERDICT_TAG: verdict.value}, 10, inspection().digests)
        if isinstance(step, Tag):
            assert step.changes == {VERDICT_TAG: verdict.value}


@given(ACTIONS, PLACES)
def test_nothing_is_deleted_but_where_the_policy_says_so_or_quarantine_has_a_copy(
    actions: list[str], places: set[str]
) -> None:
    targets = {name: TARGETS[name] for name in places}
    steps = plan(decision(Verdict.QUARANTINED), inspection(), stat(), actions, targets=targets)
    moved = [step for step in steps if isinstance(step, Copy) and step.root == TARGETS["quarantine"].root]
    deletes = [step for step in steps if isinstance(step, Delete)]
    assert len(deletes) == ("delete" in actions or bool(moved))
    assert bool(moved) is ("quarantine" in actions and "quarantine" in places)


@given(ACTIONS, PLACES)
def test_what_is_to_be_set_aside_is_at_least_tagged(actions: list[str], places: set[str]) -> None:
    targets = {name: TARGETS[name] for name in places}
    steps = plan(decision(Verdict.QUARANTINED), inspection(), stat(), [*actions, "quarantine"], targets=targets)
    assert any(isinstance(step, Tag | Copy) for step in steps)


@given(st.permutations(["tag", "promote", "quarantine", "delete", "notify"]))
def test_the_order_and_number_of_times_that_actions_are_named_do_not_matter(actions: list[str]) -> None:
    assert planned(actions) == planned([*actions, *actions]) == planned(sorted(actions))


LONG = st.builds(
    lambda letter, count, end: (letter * count).encode()[: 1024 - len(end)].decode(errors="ignore") + end,
    st.sampled_from("aé漢😀/"),
    st.integers(240, 1024),
    st.sampled_from(["1", "2"]),
)


@given(LONG, LONG)
def test_the_longest_names_fit_with_a_prefix_and_stay_apart(one: str, other: str) -> None:
    targets = {"released": Target("memory://released", "team/released/")}
    names = []
    for key in (one, other):
        (copy,) = plan(decision(), inspection(), stat(key), ["promote"], targets=targets)
        assert isinstance(copy, Copy)
        assert copy.key.startswith("team/released/")
        assert len(copy.key.encode()) <= 1024
        names.append(copy.key)
    assert (names[0] == names[1]) is (one == other)


@pytest.mark.parametrize(("length", "kept"), [(1010, True), (1011, False), (1024, False)])
def test_a_name_is_kept_as_it_is_where_it_fits_to_the_byte(length: int, *, kept: bool) -> None:
    targets = {"released": Target("memory://released", "team/released/")}
    (copy,) = plan(decision(), inspection(), stat("k" * length), ["promote"], targets=targets)
    assert isinstance(copy, Copy)
    assert (copy.key == "team/released/" + "k" * length) is kept
    assert "~" in copy.key or kept


def test_a_version_is_told_by_its_etag_where_there_are_no_versions() -> None:
    first, second = (
        planned(["quarantine"], at=Stat(Location("memory://in", "a", "", etag), 1, 5.0))[0] for etag in ("e1", "e2")
    )
    assert isinstance(first, Copy)
    assert isinstance(second, Copy)
    assert first.key != second.key
