"""The three engines as their vendors describe them, case by case: what the compiler is checked against."""

from __future__ import annotations

from typing import Any

import pytest

from customhouse.lifecycle.native.simulate import azure, gcs, s3
from customhouse.lifecycle.words import DAY, Action, Artifact
from customhouse.model import Location

NOON = 20_000.5 * DAY


def version(key: str = "k", days: float = 0, **known: Any) -> Artifact:
    """A version written so many days before noon."""
    root = known.pop("root", "s3://b")
    return Artifact(Location(root, key, known.pop("version", "1")), known.pop("size", 10), NOON - days * DAY, **known)


def done(found: Any) -> list[str]:
    """Actions, or classes moved to, or nothing."""
    return [(one.storage_class or one.action.value) if one else "" for one in found]


# S3


def s3_rule(chosen: dict[str, Any] | None = None, **does: Any) -> dict[str, Any]:
    return {"ID": "r", "Status": "Enabled", "Filter": chosen or {"Prefix": ""}, **does}


@pytest.mark.parametrize(
    ("age", "now", "deleted"),
    [
        (1.4, NOON, False),  # written yesterday after midnight: due tonight
        (1.5, NOON, True),  # written exactly at the midnight before
        (1.6, NOON, True),
        (0.5, NOON, False),
        (1.4, NOON + 0.49 * DAY, False),
        (1.4, NOON + 0.5 * DAY, True),
    ],
)
def test_s3_counts_days_up_to_the_midnight_after_them(age: float, now: float, *, deleted: bool) -> None:
    [found] = s3.simulate([s3_rule(Expiration={"Days": 1})], [version(days=age)], now)
    assert (found is not None) is deleted


def test_s3_keeps_the_newest_noncurrent_versions_and_never_counts_the_current_one() -> None:
    rule = s3_rule(NoncurrentVersionExpiration={"NoncurrentDays": 1, "NewerNoncurrentVersions": 2})
    old = [version(days=50 - at, version=f"{at}", noncurrent_since=NOON - 9 * DAY) for at in range(4)]
    assert done(s3.simulate([rule], [*old, version(days=1)], NOON)) == ["delete", "delete", "", "", ""]
    assert done(s3.simulate([rule], [*old, version("other", days=1)], NOON))[:2] == ["delete", "delete"]


@pytest.mark.parametrize("known", [{"held": True}, {"locked_until": NOON + DAY}])
def test_s3_takes_no_locked_version_but_hides_a_current_one_behind_a_marker(known: dict[str, Any]) -> None:
    rule = s3_rule(Expiration={"Days": 1}, NoncurrentVersionExpiration={"NoncurrentDays": 1})
    old = version(days=9, noncurrent_since=NOON - 5 * DAY)
    assert done(s3.simulate([rule], [old, version(days=9)], NOON)) == ["delete", "delete"]
    held = [version(days=9, noncurrent_since=NOON - 5 * DAY, **known), version(days=9, **known)]
    assert done(s3.simulate([rule], held, NOON)) == ["", "delete"]


@pytest.mark.parametrize(
    ("chosen", "size", "moved"),
    [
        ({"Prefix": ""}, 128 * 1024, "GLACIER"),
        ({"Prefix": ""}, 128 * 1024 - 1, ""),
        ({"ObjectSizeGreaterThan": 0}, 1, "GLACIER"),
        ({"ObjectSizeGreaterThan": 1}, 1, ""),
        ({"And": {"Prefix": "k", "ObjectSizeLessThan": 5}}, 4, "GLACIER"),
        ({"And": {"Prefix": "k", "ObjectSizeLessThan": 5}}, 5, ""),
    ],
)
def test_s3_moves_no_small_object_unless_the_filter_names_a_size(chosen: dict[str, Any], size: int, moved: str) -> None:
    rule = s3_rule(chosen, Transitions=[{"Days": 1, "StorageClass": "GLACIER"}])
    assert done(s3.simulate([rule], [version(days=9, size=size)], NOON)) == [moved]


def test_s3_moves_down_the_ladder_only_to_the_cheapest_and_deletes_rather_than_moves() -> None:
    rules = [
        s3_rule({"ObjectSizeGreaterThan": 0}, Transitions=[{"Days": 1, "StorageClass": name}])
        for name in ("GLACIER", "STANDARD_IA")
    ]
    there = [
        version(days=9),
        version(days=9, storage_class="DEEP_ARCHIVE"),
        version(days=9, storage_class="GLACIER_IR"),
    ]
    assert done(s3.simulate(rules, there, NOON)) == ["GLACIER", "", "GLACIER"]
    assert done(s3.simulate([*rules, s3_rule(Expiration={"Days": 5})], there, NOON)) == ["delete"] * 3


@pytest.mark.parametrize(
    ("chosen", "tags", "matches"),
    [
        ({"Tag": {"Key": "a", "Value": "1"}}, {"a": "1", "b": "2"}, True),
        ({"Tag": {"Key": "a", "Value": "1"}}, {"a": "2"}, False),
        ({"And": {"Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]}}, {"a": "1"}, False),
        ({"And": {"Prefix": "x", "Tags": [{"Key": "a", "Value": "1"}]}}, {"a": "1"}, False),
    ],
)
def test_s3_s_filters_are_anded(chosen: dict[str, Any], tags: dict[str, str], *, matches: bool) -> None:
    [found] = s3.simulate([s3_rule(chosen, Expiration={"Days": 1})], [version(days=9, tags=tags)], NOON)
    assert (found is not None) is matches


def test_s3_does_nothing_by_a_disabled_rule() -> None:
    assert s3.simulate([s3_rule(Expiration={"Days": 1}) | {"Status": "Disabled"}], [version(days=9)], NOON) == [None]


# Cloud Storage


def gcs_rule(action: str = "Delete", **condition: Any) -> dict[str, Any]:
    does = {"type": "Delete"} if action == "Delete" else {"type": "SetStorageClass", "storageClass": action}
    return {"action": does, "condition": condition}


@pytest.mark.parametrize(
    ("condition", "known", "deleted"),
    [
        ({"age": 3}, {"days": 3}, True),
        ({"age": 3}, {"days": 2.999}, False),
        ({"age": 0}, {"days": 0}, True),
        ({"age": 0, "isLive": True}, {"noncurrent_since": NOON}, False),
        ({"daysSinceNoncurrentTime": 2}, {"noncurrent_since": NOON - 2 * DAY}, True),
        ({"daysSinceNoncurrentTime": 2}, {"days": 99}, False),
        ({"daysSinceCustomTime": 0}, {"days": 99}, False),
        ({"matchesPrefix": ["x/", "k"]}, {}, True),
        ({"matchesPrefix": ["x/", "k"], "matchesSuffix": ["z"]}, {}, False),
        ({"matchesStorageClass": ["STANDARD"]}, {"storage_class": ""}, True),
        ({"sizeAboveBytes": 10}, {}, False),
        ({"sizeBelowBytes": 11}, {}, True),
        ({"age": 0}, {"held": True}, False),
        ({"age": 0}, {"locked_until": NOON + 1}, False),
        ({"age": 0}, {"locked_until": NOON}, True),
    ],
)
def test_cloud_storage_s_conditions_must_all_hold_at_any_time_of_day(
    condition: dict[str, Any], known: dict[str, Any], *, deleted: bool
) -> None:
    [found] = gcs.simulate([gcs_rule(**condition)], [version(root="gs://b", **known)], NOON)
    assert (found is not None) is deleted


def test_cloud_storage_counts_the_live_generation_among_the_newer_ones() -> None:
    old = [version(version=f"{at}", days=9 - at, noncurrent_since=NOON) for at in range(3)]
    live = version(version="9", days=1)
    rule = gcs_rule(numNewerVersions=2, isLive=False)
    assert done(gcs.simulate([rule], [*old, live], NOON)) == ["delete", "delete", "", ""]
    assert done(gcs.simulate([rule], [*old, version("other")], NOON)) == ["delete", "", "", ""]


def test_cloud_storage_deletes_by_custom_time_from_the_day_it_names() -> None:
    item = version(root="gs://b")
    rule = gcs_rule(daysSinceCustomTime=3)
    for since, deleted in ((3, True), (2.9, False), (-1, False)):
        [found] = gcs.simulate([rule], [item], NOON, {item.location: NOON - since * DAY})
        assert (found is not None) is deleted


def test_cloud_storage_deletes_rather_than_moves_and_moves_to_the_cheapest() -> None:
    rules = [gcs_rule("ARCHIVE", age=1), gcs_rule("NEARLINE", age=1)]
    there = [version(root="gs://b", days=9)]
    assert done(gcs.simulate(rules, there, NOON)) == done(gcs.simulate(rules[::-1], there, NOON)) == ["ARCHIVE"]
    assert done(gcs.simulate([*rules, gcs_rule(age=1)], there, NOON)) == ["delete"]


# Azure


def azure_rule(does: dict[str, Any], kind: str = "baseBlob", **filters: Any) -> dict[str, Any]:
    return {"name": "r", "enabled": True, "definition": {"filters": filters, "actions": {kind: does}}}


OLD = {"delete": {"daysAfterModificationGreaterThan": 2}}


@pytest.mark.parametrize(("days", "deleted"), [(2, False), (2.99, False), (3, True)])
def test_azure_counts_whole_days_and_more_than_so_many(days: float, *, deleted: bool) -> None:
    [found] = azure.simulate([azure_rule(OLD)], [version(root="az://a/c", days=days)], NOON)
    assert (found is not None) is deleted


def test_azure_knows_nothing_of_a_blob_that_was_never_read() -> None:
    rule = azure_rule({"delete": {"daysAfterLastAccessTimeGreaterThan": 2}})
    there = [version(days=99), version(days=99, used=NOON - 3 * DAY), version(days=99, used=NOON - 2 * DAY)]
    assert done(azure.simulate([rule], there, NOON)) == ["", "delete", ""]


def test_azure_deletes_no_blob_that_has_older_versions_and_judges_those_by_when_they_were_written() -> None:
    rules = [azure_rule(OLD), azure_rule({"delete": {"daysAfterCreationGreaterThan": 2}}, "version")]
    old = version(days=9, noncurrent_since=NOON - DAY / 2)
    assert done(azure.simulate(rules, [version(days=9, version="2"), old], NOON)) == ["", "delete"]
    assert done(azure.simulate(rules[:1], [version(days=9, version="2"), old], NOON)) == ["", ""]


@pytest.mark.parametrize("known", [{"held": True}, {"locked_until": NOON + 1}])
def test_azure_moves_what_is_held_and_does_not_delete_it(known: dict[str, Any]) -> None:
    move = azure_rule({"tierToCool": {"daysAfterModificationGreaterThan": 2}})
    assert done(azure.simulate([azure_rule(OLD), move], [version(days=9, **known)], NOON)) == ["Cool"]


@pytest.mark.parametrize(
    ("filters", "matches"),
    [
        ({"prefixMatch": ["c/k"]}, True),
        ({"prefixMatch": ["c/x", "c/k"]}, True),
        ({"prefixMatch": ["k"]}, False),
        ({"prefixMatch": ["cc/k"]}, False),
        ({"blobIndexMatch": [{"name": "a", "op": "==", "value": "1"}]}, True),
        ({"blobIndexMatch": [{"name": "a", "op": "==", "value": "2"}]}, False),
        ({"prefixMatch": ["c/k"], "blobIndexMatch": [{"name": "b", "op": "==", "value": ""}]}, False),
    ],
)
def test_azure_s_prefixes_begin_with_the_container_and_its_tags_are_anded(
    filters: dict[str, Any], *, matches: bool
) -> None:
    [found] = azure.simulate([azure_rule(OLD, **filters)], [version(root="az://a/c", days=9, tags={"a": "1"})], NOON)
    assert (found is not None) is matches
    assert azure.simulate([azure_rule(OLD, **filters) | {"enabled": False}], [version(days=9)], NOON) == [None]


def test_an_effect_names_its_action_and_the_native_rule_that_had_it_done() -> None:
    [found] = azure.simulate([azure_rule(OLD)], [version(days=9)], NOON)
    assert found is not None
    assert (found.action, found.rule, found.storage_class) == (Action.DELETE, "r", "")
