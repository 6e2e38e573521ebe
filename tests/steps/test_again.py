from __future__ import annotations

import pytest

from customhouse.model import VERDICT_TAG, Copy, Delete, Notify, Step, Tag, Verdict
from customhouse.steps.again import Standing, follow, replan
from customhouse.steps.plan import Target
from tests.facts import decision, inspection, stat

TARGETS = {"released": Target("memory://released"), "quarantine": Target("memory://quarantine")}
ORIGINAL, RELEASED, ASIDE = stat(), stat(root="memory://released"), stat(root="memory://quarantine")


def followed(actions: list[str], verdict: Verdict = Verdict.QUARANTINED) -> tuple[Step, ...]:
    return follow(decision(verdict), inspection(), RELEASED, actions, TARGETS)


def planned(where: Standing, actions: list[str], notify: str = "log:") -> list[type[Step]]:
    steps = replan(decision(Verdict.FLAGGED), inspection(), where, actions, targets=TARGETS, notify=notify)
    return [type(step) for step in steps]


def test_a_released_copy_leaves_where_the_policy_sets_aside() -> None:
    copy, delete = followed(["quarantine", "notify"])
    assert isinstance(copy, Copy)
    assert (copy.location, copy.root, copy.tags) == (
        RELEASED.location,
        "memory://quarantine",
        {VERDICT_TAG: "quarantined"},
    )
    assert delete == Delete(RELEASED.location)


def test_a_released_copy_is_deleted_where_the_policy_deletes() -> None:
    assert followed(["tag", "delete"], Verdict.REJECTED) == (Delete(RELEASED.location),)


@pytest.mark.parametrize("actions", [[], ["tag"], ["tag", "promote", "notify"]])
def test_otherwise_a_copy_is_tagged_where_it_stands(actions: list[str]) -> None:
    assert followed(actions, Verdict.FLAGGED) == (Tag(RELEASED.location, {VERDICT_TAG: "flagged"}),)


def test_what_was_released_is_not_released_again_and_one_message_is_sent() -> None:
    assert planned(Standing(ORIGINAL, (RELEASED,)), ["tag", "promote", "notify"]) == [Tag, Notify]
    assert planned(Standing(ORIGINAL, (), (ASIDE,)), ["tag", "promote", "notify"]) == [Copy, Tag, Notify]


def test_without_the_original_only_the_message_is_left_and_only_where_something_stands() -> None:
    assert planned(Standing(None, (RELEASED,)), ["tag", "promote", "notify"]) == [Notify]
    assert planned(Standing(None, (RELEASED,)), ["tag"]) == []
    assert planned(Standing(None, (RELEASED,)), ["notify"], notify="") == []
    assert planned(Standing(None), ["notify"]) == []
