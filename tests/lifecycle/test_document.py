from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.errors import ConfigError, Rejected
from customhouse.lifecycle.native.compile import compile_rules
from customhouse.lifecycle.native.document import Drifted, drift, install, unwrap, wrap
from customhouse.lifecycle.native.words import Compiled, Mark, Target
from customhouse.lifecycle.vocabulary import load
from customhouse.model import LIFECYCLE_TAG
from tests.lifecycle.support import FakeTarget
from tests.lifecycle.worlds import World, seeds

ROOTS = ("s3://bucket", "gs://bucket", "az://account/container")
OLD = {"id": "old", "do": "delete", "undo": "none", "age": "30d", "select": {"prefix": "logs/"}}
COOL = {"id": "cool", "do": {"class": "cool"}, "age": "60d"}
FOREIGN: dict[str, dict[str, Any]] = {
    "s3": {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 9}},
    "gs": {"action": {"type": "Delete"}, "condition": {"age": 9, "matchesPrefix": ["x/"]}},
    "az": {"name": "theirs", "enabled": True, "type": "Lifecycle", "definition": {"filters": {}, "actions": {}}},
}


def compiled(root: str, *nodes: dict[str, Any], **target: Any) -> Compiled:
    return compile_rules(load(list(nodes)), Target(root, **target))


def with_foreign(root: str) -> FakeTarget:
    target = Target(root)
    return FakeTarget(document=wrap(target, [FOREIGN[target.scheme]]))


@pytest.mark.parametrize("root", ROOTS)
def test_install_keeps_foreign_rules_and_reads_back_ours(root: str) -> None:
    there, ours = with_foreign(root), compiled(root, OLD, COOL)
    install(ours, there)
    rules = unwrap(ours.target, there.native_rules())
    assert rules[0] == FOREIGN[ours.target.scheme]
    assert len(rules) == 3
    assert drift(ours.target, ours.native, there.native_rules(), ()).clean


@pytest.mark.parametrize("root", ROOTS)
def test_a_changed_policy_replaces_what_was_installed_before(root: str) -> None:
    there, before = with_foreign(root), compiled(root, OLD, COOL)
    install(before, there)
    after = compiled(root, OLD | {"age": "90d"})
    install(after, there, known=before.native)
    assert len(unwrap(after.target, there.native_rules())) == 2
    install(compiled(root), there, known=after.native)
    assert unwrap(after.target, there.native_rules()) == [FOREIGN[after.target.scheme]]


@pytest.mark.parametrize("root", ROOTS)
def test_a_rule_of_ours_that_somebody_removed_is_drift_and_refused_without_take(root: str) -> None:
    there, ours = with_foreign(root), compiled(root, OLD, COOL)
    install(ours, there)
    there.document = wrap(ours.target, unwrap(ours.target, there.document)[:-1])
    assert len(drift(ours.target, ours.native, there.document, ours.native).missing) == 1
    with pytest.raises(Drifted, match="1 of our rules"):
        install(ours, there, known=ours.native)
    install(ours, there, known=ours.native, take=True)
    assert drift(ours.target, ours.native, there.document, ours.native).clean


@pytest.mark.parametrize("root", ["s3://bucket", "az://account/container"])
def test_a_rule_with_our_name_that_we_did_not_write_is_drift(root: str) -> None:
    theirs = compiled(root, OLD | {"id": "strange"})
    there, ours = FakeTarget(document=wrap(theirs.target, theirs.native)), compiled(root, OLD)
    assert drift(ours.target, ours.native, there.document, ours.native).stale == theirs.native
    with pytest.raises(Drifted):
        install(ours, there)
    install(ours, there, take=True)
    assert unwrap(ours.target, there.document) == list(ours.native)


@pytest.mark.parametrize("root", ROOTS)
def test_a_cloud_that_does_not_keep_what_was_written_is_found_out(root: str) -> None:
    with pytest.raises(Drifted, match="does not hold what was written"):
        install(compiled(root, OLD), FakeTarget(lossy=True))


def test_a_cloud_that_reorders_and_fills_in_fields_is_no_drift() -> None:
    ours = compiled("gs://bucket", OLD | {"select": {"prefix": ["b/", "a/"]}})
    [rule] = ours.native
    condition = dict(rule["condition"]) | {"matchesPrefix": ["a/", "b/"], "matchesSuffix": []}  # type: ignore[call-overload] # JSON
    assert drift(ours.target, ours.native, {"rule": [{"action": rule["action"], "condition": condition}]}, ()).clean


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of everything in a document that is no list and no mapping."""
    if isinstance(value, Mapping | list):
        for key in value if isinstance(value, Mapping) else range(len(value)):
            yield from leaves(value[key], (*path, key))
    else:
        yield path


def changed(document: Any, path: tuple[Any, ...]) -> None:
    """Change one value of it."""
    for key in path[:-1]:
        document = document[key]
    value = document[path[-1]]
    document[path[-1]] = not value if isinstance(value, bool) else value + (1 if isinstance(value, int) else "x")


@pytest.mark.parametrize("scheme", ["s3", "gs", "az"])
@given(seeds, st.data())
@settings(max_examples=100)
def test_whatever_value_of_a_rule_of_ours_is_changed_is_drift_and_a_reordered_document_is_none(
    scheme: str, seed: int, data: st.DataObject
) -> None:
    world = World(seed, scheme, plainly=0.9)
    ours = compile_rules(world.policy(), world.target(), allow_approximated=True)
    there = json.loads(json.dumps(wrap(ours.target, ours.native)))
    reordered = wrap(ours.target, world.random.sample(ours.native, len(ours.native)))
    assert drift(ours.target, ours.native, reordered, ()).clean
    if paths := list(leaves(there)):
        changed(there, data.draw(st.sampled_from(paths)))
        found = drift(ours.target, ours.native, there, ours.native)
        assert not found.clean
        assert found.missing


def sound_s3(rule: Any) -> bool:
    chosen = rule["Filter"].get("And", rule["Filter"])
    alone = len(rule["Filter"]) == 1 and ("And" not in rule["Filter"] or len(chosen) + len(chosen.get("Tags", [])) > 1)
    kinds = ("Expiration", "Transitions", "NoncurrentVersionExpiration", "NoncurrentVersionTransitions")
    [does] = [rule[kind] for kind in kinds if kind in rule]
    [wait] = does if isinstance(does, list) else [does]
    least = 0 if "Transitions" in rule else 1
    days = wait.get("Days", wait.get("NoncurrentDays"))
    early = wait.get("StorageClass") == "STANDARD_IA" and days < 30
    return alone and days >= least and not early and 1 <= wait.get("NewerNoncurrentVersions", 1) <= 100


def sound_gs(rule: Any) -> bool:
    allowed = {"age", "daysSinceCustomTime", "daysSinceNoncurrentTime", "isLive", "matchesPrefix", "matchesSuffix"}
    allowed |= {"matchesStorageClass", "numNewerVersions", "sizeAboveBytes", "sizeBelowBytes"}
    return (
        rule["condition"].keys() <= allowed
        and "isLive" in rule["condition"]
        and all(value >= 0 for value in rule["condition"].values() if isinstance(value, int))
    )


def sound_az(rule: Any) -> bool:
    filters, actions = rule["definition"]["filters"], rule["definition"]["actions"]
    [[condition]] = [list(does.values()) for does in actions.values()]
    [days] = condition.values()
    prefixes = filters["prefixMatch"]
    fits = 1 <= len(prefixes) <= 10 and all(prefix.startswith("container/") for prefix in prefixes)
    return fits and len(filters.get("blobIndexMatch", [])) <= 10 and days >= 0


SOUND = {"s3": (sound_s3, "ID"), "gs": (sound_gs, ""), "az": (sound_az, "name")}


@pytest.mark.parametrize("scheme", SOUND)
@given(seeds)
@settings(max_examples=150)
def test_every_document_is_one_that_its_cloud_takes(scheme: str, seed: int) -> None:
    world = World(seed, scheme, plainly=0.9)
    sound, name = SOUND[scheme]
    native: Any = compile_rules(world.policy(), world.target(), allow_approximated=True).native
    assert all(map(sound, native))
    texts = [rule[name] if name else json.dumps(rule) for rule in native]
    assert len(set(texts)) == len(texts)
    assert all(len(text) <= 255 for text in texts if name)


def test_two_containers_of_one_account_leave_each_other_s_rules_alone() -> None:
    one, other = compiled("az://account/a", OLD), compiled("az://account/a-b", OLD)
    there = FakeTarget()
    install(one, there)
    install(other, there)
    assert len(unwrap(one.target, there.document)) == 2
    install(compiled("az://account/a"), there, known=one.native)
    assert unwrap(one.target, there.document) == list(other.native)


def test_foreign_and_own_rules_beyond_the_cloud_s_limit_are_refused_before_writing() -> None:
    rules = [dict(FOREIGN["gs"], condition={"age": at + 1}) for at in range(100)]
    there = FakeTarget(document={"rule": rules})
    with pytest.raises(Rejected, match="exceed 100"):
        install(compiled("gs://bucket", OLD), there)
    assert there.document == {"rule": rules}


def test_rules_beyond_the_limit_become_residual_and_say_so() -> None:
    nodes = [OLD | {"id": f"r{at}", "select": {"prefix": f"p{at}/"}} for at in range(103)]
    ours = compiled("gs://bucket", *nodes)
    assert len(ours.native) == 100
    assert [part.mark for part in ours.parts[100:]] == [Mark.RESIDUAL] * 3
    assert "100 rules at most" in ours.parts[100].reason


def test_more_prefixes_than_an_azure_rule_takes_are_packed_into_several() -> None:
    ours = compiled("az://account/c", OLD | {"select": {"prefix": [f"p{at:02}/" for at in range(23)]}})
    packed = [rule["definition"]["filters"]["prefixMatch"] for rule in ours.native]  # type: ignore[index]
    assert [len(prefixes) for prefixes in packed] == [10, 10, 3]
    assert len({rule["name"] for rule in ours.native}) == 3


MARKS = [
    (OLD, {}, ("exact", "exact", "exact")),
    (OLD | {"select": {"suffix": ".log"}}, {}, ("armed", "exact", "armed")),
    (OLD | {"exclude": {"suffix": ".keep"}}, {}, ("armed", "armed", "armed")),
    (OLD | {"undo": "7d"}, {}, ("residual", "residual", "residual")),
    (OLD | {"undo": "7d"}, {"soft_delete": 604_800}, ("exact", "exact", "exact")),
    (OLD | {"keep": {"latest": 3, "per": "package"}}, {}, ("residual", "residual", "residual")),
    (OLD | {"protect": {"in_use": True}}, {}, ("residual", "residual", "residual")),
    (OLD | {"age": "30h"}, {}, ("residual", "residual", "residual")),
    (OLD | {"age": "1d"}, {}, ("exact", "exact", "exact")),
    (OLD | {"age": "0d"}, {}, ("residual", "exact", "residual")),
    (OLD | {"expires": True}, {}, ("residual", "armed", "residual")),
    (COOL, {}, ("exact", "exact", "exact")),
    (COOL | {"age": "7d"}, {}, ("residual", "exact", "exact")),
    (
        {"id": "n", "do": "delete", "undo": "none", "noncurrent": "7d"},
        {"versioned": True},
        ("exact", "exact", "approximated"),
    ),
    ({"id": "k", "do": "keep", "select": {"prefix": "x/"}}, {}, ("residual", "residual", "residual")),
    (
        {
            "id": "v",
            "do": "delete",
            "undo": "none",
            "noncurrent": "7d",
            "keep": {"latest": 3, "per": "key"},
        },
        {"versioned": True},
        ("approximated", "approximated", "residual"),
    ),
]


@pytest.mark.parametrize(("node", "target", "marks"), MARKS)
def test_how_each_cloud_carries_a_rule_out(
    node: dict[str, Any], target: dict[str, Any], marks: tuple[str, ...]
) -> None:
    found = [compiled(root, node, **target).parts[0] for root in ROOTS]
    assert tuple(part.mark for part in found) == marks
    assert all(part.reason for part in found if part.mark is not Mark.EXACT)


def test_an_approximated_rule_is_used_only_where_that_is_allowed() -> None:
    rules = load([{"id": "n", "do": "delete", "undo": "none", "noncurrent": "7d"}])
    target = Target("az://account/c", versioned=True)
    assert compile_rules(rules, target).native == ()
    allowed = compile_rules(rules, target, allow_approximated=True)
    assert len(allowed.native) == 1
    assert allowed.used == {"n": "exact"}


def test_a_rule_that_another_may_keep_from_is_residual_and_names_it() -> None:
    keeper = {"id": "keeper", "do": "keep", "age": "1d", "select": {"prefix": "logs/important/"}}
    [part, _] = compiled("s3://bucket", OLD, keeper).parts
    assert part.mark is Mark.RESIDUAL
    assert "'keeper'" in part.reason
    elsewhere = keeper | {"select": {"prefix": "other/"}}
    assert compiled("s3://bucket", OLD, elsewhere).parts[0].mark is Mark.EXACT
    for_ever = {"id": "keeper", "do": "keep", "select": {"prefix": "logs/important/"}}
    assert compiled("s3://bucket", OLD, for_ever).parts[0].mark is Mark.ARMED


@pytest.mark.parametrize(
    ("node", "marks"),
    [
        ({"exclude": {"tag": {"pinned": "true"}}}, ("residual", "residual", "residual")),
        ({"exclude": [{"suffix": ".keep"}, {"tag": {"pinned": "true"}}]}, ("residual", "residual", "residual")),
        ({"select": {"tag": {"team": "red"}}}, ("exact", "residual", "exact")),
        ({"select": {"suffix": ".log", "tag": {"team": "red"}}}, ("armed", "residual", "armed")),
    ],
)
def test_what_a_tag_decides_is_left_to_no_label_that_would_outlive_the_tag(
    node: dict[str, Any], marks: tuple[str, ...]
) -> None:
    found = [compiled(root, OLD | node) for root in ROOTS]
    assert tuple(one.parts[0].mark for one in found) == marks
    texts = [json.dumps(one.native) for one in found]
    for mark, text in zip(marks, texts, strict=True):
        assert (mark == "residual") == (text == "[]")
        assert mark != "armed" or ('"team"' in text and LIFECYCLE_TAG in text)


def test_azure_s_filter_takes_ten_tags_with_our_label() -> None:
    for count, suffix, mark in (
        (10, "", "exact"),
        (11, "", "residual"),
        (9, ".log", "armed"),
        (10, ".log", "residual"),
    ):
        select = {"tag": {f"t{at}": "x" for at in range(count)}} | ({"suffix": suffix} if suffix else {})
        assert compiled("az://account/c", OLD | {"select": select}).parts[0].mark == mark


VERSIONS: dict[str, Any] = {"id": "versions", "do": "delete", "undo": "none", "noncurrent": "1d"}


@pytest.mark.parametrize(
    ("other", "known", "mark"),
    [
        ({"id": "none", "do": "delete", "undo": "none", "age": "90d", "select": {"prefix": "x/"}}, {}, "exact"),
        (VERSIONS, {}, "residual"),
        (VERSIONS | {"noncurrent": "7d"}, {}, "exact"),
        (VERSIONS | {"select": {"prefix": "elsewhere/"}}, {}, "exact"),
        (VERSIONS | {"in": "s3://another"}, {}, "exact"),
        (VERSIONS, {"soft_delete": 604_800}, "exact"),
    ],
)
@pytest.mark.parametrize("root", ROOTS[:2])
def test_versions_give_an_undo_window_only_for_as_long_as_no_rule_takes_them_away(
    root: str, other: dict[str, Any], known: dict[str, Any], mark: str
) -> None:
    node = OLD | {"undo": "7d", "select": {"prefix": "logs/"}}
    found = compiled(root, node, other, versioned=True, **known).parts[0]
    assert found.mark == mark
    assert mark == "exact" or "undoes a delete for 1d only" in found.reason


def test_rules_about_different_verdicts_do_not_stand_in_each_other_s_way() -> None:
    keeper = {"id": "keeper", "do": "keep", "age": "1d", "select": {"verdict": "held"}}
    for verdict, mark in (("clean", Mark.ARMED), (["clean", "held"], Mark.RESIDUAL)):
        assert compiled("s3://bucket", OLD | {"select": {"verdict": verdict}}, keeper).parts[0].mark is mark


def test_s3_keeps_one_noncurrent_version_fewer_since_the_current_one_counts() -> None:
    for latest, newer in ((3, 2), (2, 1), (1, None)):
        part = compiled("s3://bucket", VERSIONS | {"keep": {"latest": latest, "per": "key"}}, versioned=True).parts[0]
        [rule] = part.native
        assert dict(rule["NoncurrentVersionExpiration"]).get("NewerNoncurrentVersions") == newer  # type: ignore[call-overload] # JSON


def test_a_folder_has_no_rules_of_its_own() -> None:
    with pytest.raises(ConfigError, match="only s3://, gs:// and az://"):
        compiled("file:///data", OLD)


@pytest.mark.parametrize(
    "condition", [{"daysSinceCustomTime": 30}, {"customTimeBefore": "2020-01-01"}, {"age": 1, "daysSinceCustomTime": 0}]
)
def test_nothing_is_armed_beside_somebody_s_rule_that_asks_for_custom_times(condition: dict[str, Any]) -> None:
    """Their rule would delete an armed object at once: its Custom-Time is a century back."""
    armed = compiled("gs://bucket", OLD | {"exclude": {"suffix": ".keep"}})
    exact = compiled("gs://bucket", OLD)
    theirs = {"action": {"type": "Delete"}, "condition": condition}
    there = FakeTarget({"rule": [theirs]})
    with pytest.raises(Rejected, match="asks for the Custom-Time, and would act at once on what is armed for old"):
        install(armed, there)
    assert there.document == {"rule": [theirs]}
    install(exact, there)
    assert there.document == {"rule": [theirs, *exact.native]}


def test_arming_goes_together_with_other_people_s_rules_about_anything_else() -> None:
    armed = compiled("gs://bucket", OLD | {"exclude": {"suffix": ".keep"}})
    there = FakeTarget({"rule": [{"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7}}]})
    install(armed, there)
    assert armed.native[0] in there.document["rule"]  # type: ignore[operator] # a list
    install(armed, there, known=armed.native)
