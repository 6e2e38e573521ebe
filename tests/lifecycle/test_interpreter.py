from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from customhouse.lifecycle.interpreter import interpret
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import DAY, Action, Artifact, Disposition
from customhouse.model import Location
from tests.conformance.lifecycle import run as conformance

NOW = 1000 * DAY


def thing(key: str, age: float = 100, **known: Any) -> Artifact:
    return Artifact(
        Location(known.pop("root", "s3://bucket"), key, version=known.pop("version", "")), 10, NOW - age * DAY, **known
    )


def decided(nodes: list[dict[str, Any]], *things: Artifact, in_use: frozenset[str] = frozenset()) -> list[Disposition]:
    return interpret(load(nodes), things, NOW, in_use)


def actions(nodes: list[dict[str, Any]], *things: Artifact, in_use: frozenset[str] = frozenset()) -> list[str]:
    return [one.action.value for one in decided(nodes, *things, in_use=in_use)]


OLD: dict[str, Any] = {"id": "old", "do": "delete", "age": "30d"}


def test_age_is_reached_at_the_very_second_and_says_so() -> None:
    found = decided([OLD], thing("a", 30), thing("b", 29.999))
    assert found[0] == Disposition(Action.DELETE, "old", "age >= 30d")
    assert found[1].action is Action.NONE


def test_all_conditions_must_hold_and_what_is_unknown_never_does() -> None:
    rule = OLD | {"idle": "10d"}
    assert actions([rule], thing("a", used=NOW - 11 * DAY), thing("b", used=NOW), thing("c")) == [
        "delete",
        "none",
        "none",
    ]
    dated = OLD | {"expires": True}
    assert actions([dated], thing("a", expires_at=NOW), thing("b", expires_at=NOW + 1), thing("c")) == [
        "delete",
        "none",
        "none",
    ]


def test_keep_beats_delete_whichever_rule_comes_first() -> None:
    keeper = {"id": "keep", "do": "keep", "select": {"prefix": "a"}}
    for rules in ([OLD, keeper], [keeper, OLD]):
        assert actions(rules, thing("a"), thing("b")) == ["keep", "delete"]


def test_the_latest_of_each_package_stay_and_others_say_why_they_go() -> None:
    rule = OLD | {"keep": {"latest": 1, "per": "package"}}
    found = decided(
        [rule], thing("a", 50, package="p"), thing("b", 60, package="p"), thing("c", 70, package="q"), thing("d")
    )
    assert [one.action.value for one in found] == ["keep", "delete", "keep", "none"]
    assert found[1].clause == "not in latest 1 per package, age >= 30d"
    assert found[0].clause == "keep latest 1 per package"


def test_what_is_protected_or_excluded_takes_up_no_place_unless_it_is_told_to() -> None:
    things = (thing("x1", 40), thing("a", 50), thing("b", 60))
    keep: dict[str, Any] = {"keep": {"latest": 1, "per": "repository"}, "exclude": {"prefix": "x"}}
    assert actions([OLD | keep], *things) == ["none", "keep", "delete"]
    keep["keep"]["count_excluded"] = True
    assert actions([OLD | keep], *things) == ["none", "delete", "delete"]
    pinned = OLD | {"keep": {"latest": 1, "per": "repository"}, "protect": {"tag": {"pinned": "true"}}}
    assert actions([pinned], thing("p", 1, tags={"pinned": "true"}), *things[1:]) == ["keep", "keep", "delete"]


def test_versions_are_ranked_by_the_ecosystem_and_not_by_date() -> None:
    rule = {"id": "r", "do": "delete", "age": "0m", "keep": {"latest": 1, "per": "package", "order": "version"}}
    releases = [
        thing(text, at, package="p", ecosystem="pypi", package_version=text)
        for at, text in enumerate(("1.9", "1.10", "1.10rc1", "nonsense"))
    ]
    assert actions([rule], *releases) == ["delete", "keep", "delete", "delete"]


def test_only_names_of_the_class_are_counted_and_kept() -> None:
    rule = OLD | {"keep": {"latest": 1, "per": "repository", "matching": "release-*"}}
    assert actions([rule], thing("dev-2", 31), thing("release-1", 90), thing("release-0", 99)) == [
        "delete",
        "keep",
        "delete",
    ]


def test_holds_and_locks_protect_from_deletion_but_not_from_a_cheaper_class() -> None:
    things = (thing("held", held=True), thing("locked", locked_until=NOW + 1), thing("was", locked_until=NOW - 1))
    found = decided([OLD], *things)
    assert [one.action.value for one in found] == ["keep", "keep", "delete"]
    assert [one.clause for one in found[:2]] == ["hold", "lock"]
    cool = {"id": "cool", "do": {"class": "cool"}, "age": "30d"}
    assert actions([cool], *things) == ["class"] * 3


def test_what_runs_is_protected_by_digest_and_by_address() -> None:
    rule = OLD | {"protect": {"in_use": True}}
    used = frozenset({"sha256:1", "s3://bucket/model"})
    assert actions([rule], thing("a", digest="sha256:1"), thing("model"), thing("b"), in_use=used) == [
        "keep",
        "keep",
        "delete",
    ]


def test_old_versions_go_only_where_the_rule_means_versions() -> None:
    version = thing("a", 50, version="1", noncurrent_since=NOW - 8 * DAY)
    live = thing("a", 40, version="2")
    assert actions([OLD], live, version) == ["delete", "none"]
    rule = {"id": "v", "do": "delete", "noncurrent": "7d"}
    assert actions([rule], live, version) == ["none", "delete"]
    assert actions([rule | {"keep": {"latest": 2, "per": "key"}}], live, version) == ["keep", "keep"]


def test_the_strongest_action_wins_and_then_the_cheapest_class() -> None:
    cool = {"id": "cool", "do": {"class": "cool"}, "age": "10d"}
    deep = {"id": "deep", "do": "archive", "age": "20d"}
    assert decided([cool, deep], thing("a"))[0] == Disposition(Action.CLASS, "deep", "age >= 20d", "DEEP_ARCHIVE")
    assert decided([cool, deep, OLD], thing("a"))[0].rule == "old"
    assert decided([OLD, OLD | {"id": "old2"}], thing("a"))[0].rule == "old"
    hold = {"id": "hold", "do": "hold", "age": "1d"}
    assert decided([OLD, hold], thing("a"))[0].action is Action.HOLD


def test_what_is_done_already_is_not_done_again() -> None:
    cool = {"id": "cool", "do": {"class": "cool"}, "age": "1d"}
    assert actions([cool], thing("a", storage_class="GLACIER"), thing("b", root="file:///data")) == ["none", "none"]
    tag = {"id": "tag", "do": {"tag": {"a": "b"}}, "age": "1d"}
    assert actions([tag], thing("a", tags={"a": "b"}), thing("b", tags={"a": "c"})) == ["none", "tag"]
    hold = {"id": "hold", "do": "hold", "age": "1d"}
    assert actions([hold], thing("a", held=True)) == ["none"]


def test_the_trash_is_out_of_reach_of_every_rule() -> None:
    assert actions([OLD], thing("customhouse-undo/7d/abc")) == ["none"]


def test_a_rule_for_one_bucket_leaves_the_others_alone() -> None:
    assert actions([OLD | {"in": "s3://other"}], thing("a"), thing("a", root="s3://other")) == ["none", "delete"]


def image(digest: str, age: float = 100, **known: Any) -> Artifact:
    return thing("app", age, root="oci://host/app", version=digest, digest=digest, **known)


UNTAGGED: dict[str, Any] = {"id": "untagged", "do": "delete", "age": "7d", "select": {"untagged": True}}


def test_children_and_signatures_of_a_kept_image_are_kept_at_any_depth() -> None:
    found = decided(
        [UNTAGGED],
        image("index", image_tags=("v1",), children=("nested",)),
        image("nested", children=("amd64",)),
        image("amd64"),
        image("signature", subject="amd64"),
        image("attestation", subject="signature"),
        image("orphan"),
    )
    assert [one.action.value for one in found] == ["none", "keep", "keep", "keep", "keep", "delete"]
    assert {one.clause for one in found[1:5]} == {"closure: child of a kept image", "closure: referrer of a kept image"}


def test_signatures_go_with_the_image_they_are_about() -> None:
    old = {"id": "old", "do": "delete", "age": "7d", "select": {"image_tags": "v*"}}
    found = decided(
        [old], image("a", image_tags=("v1",)), image("signature", subject="a"), image("sbom", subject="signature")
    )
    assert [one.action.value for one in found] == ["delete"] * 3
    assert found[1].clause == "closure: its subject is deleted"


def test_a_shared_child_stays_while_one_of_its_indexes_does() -> None:
    old = {"id": "old", "do": "delete", "age": "50d"}
    assert actions([old], image("one", children=("c",)), image("two", 1, children=("c",)), image("c")) == [
        "delete",
        "none",
        "keep",
    ]


def test_images_that_point_at_each_other_in_a_circle_end() -> None:
    circle = (image("a", children=("b",), subject="b"), image("b", children=("a",), subject="a"))
    assert actions([UNTAGGED], *circle) == ["delete", "delete"]


CASES = {
    "acr/a.json": (
        {
            "tags": [{"name": "v1", "age_minutes": 9, "deleteEnabled": True, "writeEnabled": True}],
            "ago": "5m",
            "filter": "v(?!2)",
            "keep": 0,
            "deleted": ["v1"],
        },
        "deleted=['v1']",
    ),
    "harbor/b.json": ({"rule": "lastx", "pushed_days_ago": [1, 2, 3], "days": 2, "retained": 1}, "retain 1"),
    "ecr/c.json": ({"policy": {"rules": []}, "images": [], "expired": None}, "syntax only"),
    "new/d.json": ({}, "?"),
}


def test_other_products_cases_are_judged_and_those_without_words_are_told_apart(tmp_path: Path) -> None:
    lines = ["path\texpect\tnote\tsource"]
    for name, (case, expect) in CASES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps(case))
        lines.append(f"{name}\t{expect}\t\tours")
    (tmp_path / "manifest.tsv").write_text("\n".join(lines) + "\n")
    found = {result.row.path: result for result in conformance(tmp_path)}
    assert [found[name].right for name in CASES] == [True, True, False, False]
    assert [found[name].counted for name in CASES] == [True, True, False, False]


@pytest.mark.parametrize("count", [0, 1])
def test_an_empty_policy_or_inventory_decides_nothing(count: int) -> None:
    assert interpret((), [thing("a")] * count, NOW) == [Disposition(Action.NONE)] * count
    assert interpret(load([OLD]), [], NOW) == []
