from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.inspect.kinds import ECOSYSTEMS, MEDIA
from customhouse.lifecycle.patterns import compiled, glob
from customhouse.lifecycle.rules import Keep, Protect, Select, digest, purges
from customhouse.lifecycle.units import duration, show_duration, show_size, size
from customhouse.lifecycle.vocabulary import load
from customhouse.lifecycle.words import Action
from tests.lifecycle.worlds import World, seeds

FULL: dict[str, Any] = {
    "id": "builds",
    "in": "s3://builds/",
    "select": {"prefix": ["a/", "b/"], "glob": "**/*.whl", "tag": {"team": "red"}, "over": "1MiB", "verdict": "clean"},
    "exclude": [{"suffix": ".keep"}, {"kind": "zip"}],
    "protect": {"tag": {"pinned": "true"}, "in_use": True},
    "keep": {"latest": 10, "per": "package", "order": "version", "matching": "a/**"},
    "age": "30d",
    "do": "delete",
}


def test_a_whole_rule_loads_as_it_is_written() -> None:
    [rule] = load([FULL])
    assert rule.root == ("s3://builds",)
    assert rule.select == Select(
        prefix=("a/", "b/"), glob=("**/*.whl",), tag={"team": "red"}, over=1 << 20, verdict=("clean",)
    )
    assert rule.exclude == (Select(suffix=(".keep",)), Select(kind=("zip",)))
    assert rule.protect == Protect(tag={"pinned": "true"}, in_use=True)
    assert rule.keep == Keep(10, "package", "version", "a/**")
    assert (rule.age, rule.undo, rule.action) == (2_592_000, 604_800, Action.DELETE)
    assert rule.grounds == "not in latest 10 per package, age >= 30d"


BASE: dict[str, Any] = {"id": "r", "do": "delete", "age": "1d"}
WRONG = [
    ({"ages": "1d"}, r"no term 'ages'"),
    ({"age": 30}, r"30 is no duration"),
    ({"age": "-1d"}, r"no duration"),
    ({"age": "1.5d"}, r"no duration"),
    ({"age": "٣d"}, r"no duration"),
    ({"id": "Has Space"}, r"lower-case letters"),
    ({"id": "a--b"}, r"single dashes"),
    ({"id": "123"}, r"not only digits"),
    ({"do": "erase"}, r"do: expected"),
    ({"do": {"class": "frosty"}}, r"expected one of cool"),
    ({"do": {"tag": {"customhouse-verdict": "clean"}}}, r"set by customhouse alone"),
    ({"do": {"tag": {"k": "with space"}}}, r"not portable"),
    ({"do": {"tag": {"k": "123"}}}, r"not portable"),
    ({"do": "hold", "undo": "7d"}, r"undo is about deleting"),
    ({"undo": "0d"}, r"write none"),
    ({"undo": "soon"}, r"no duration"),
    ({"select": {}}, r"expected a mapping"),
    ({"select": {"regex": "("}}, r"RE2"),
    ({"select": {"glob": "[z-a]"}}, r"RE2"),
    ({"select": {"prefix": ""}}, r"expected text"),
    ({"select": {"prefix": []}}, r"expected text"),
    ({"select": {"verdict": "infected"}}, r"expected one of clean"),
    ({"select": {"kind": "whel"}}, r"no kind is called 'whel'; the nearest is 'wheel'"),
    ({"select": {"kind": ["zip", "Wheels"]}}, r"no kind is called 'Wheels'; the nearest is 'wheel'"),
    ({"select": {"ecosystem": "PyPI"}}, r"no ecosystem is called 'PyPI'; the nearest is 'pypi'"),
    ({"select": {"ecosystem": "go-lang"}}, r"the nearest is 'golang'"),
    ({"exclude": {"kind": "zip "}}, r"the nearest is 'zip'"),
    ({"exclude": [{"suffix": "x"}, {"ecosystem": "npn"}]}, r"the nearest is 'npm'"),
    ({"select": {"tag": {"a": True}}}, r"quote them"),
    ({"select": {"over": "1 MB"}}, r"no size"),
    ({"select": {"untagged": "yes"}}, r"true or false"),
    ({"exclude": "x"}, r"expected a mapping"),
    ({"protect": {"in_use": 1}}, r"true or false"),
    ({"keep": {"per": "package"}}, r"keep needs 'latest'"),
    ({"keep": {"latest": 0, "per": "package"}}, r"leave keep out"),
    ({"keep": {"latest": True, "per": "package"}}, r"whole number"),
    ({"keep": {"latest": 1, "per": "bucket"}}, r"expected one of package"),
    ({"keep": {"latest": 1, "per": "key"}}, r"say noncurrent"),
    *(({"in": url}, r"expected a whole store") for url in ("builds", "s3://b/in", "az://a", "az://a/c/d", "gs://b//")),
    *(({"in": url}, r"expected a whole store") for url in ("oci://host", "file://x", ["s3://b", "s3://b/part/"])),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_a_rule_that_says_something_else_stops_everything_and_names_its_place(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=rf"^policy\.yaml:\(1.*{message}"):
        load([BASE | {"id": "fine"}, BASE | change], lambda path: f"policy.yaml:{path}")


def test_every_kind_that_an_inspection_names_and_every_ecosystem_of_a_package_may_be_selected() -> None:
    load([BASE | {"select": {"kind": [*MEDIA, "image", "unread"], "ecosystem": [*ECOSYSTEMS.values(), "generic"]}}])


@pytest.mark.parametrize("nodes", ["text", {"id": "r"}, [None], ["r"], [[]], [{}]])
def test_what_is_no_list_of_rules_is_refused(nodes: Any) -> None:
    with pytest.raises(ConfigError):
        load(nodes)


@pytest.mark.parametrize("missing", ["id", "do"])
def test_a_rule_needs_its_name_and_its_action(missing: str) -> None:
    with pytest.raises(ConfigError, match=f"needs '{missing}'"):
        load([{key: value for key, value in BASE.items() if key != missing}])


def test_a_rule_that_would_delete_everything_at_once_is_refused() -> None:
    with pytest.raises(ConfigError, match="would delete everything"):
        load([{"id": "r", "do": "delete"}])
    assert load([{"id": "r", "do": "delete", "age": "0m"}])


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="two rules are called 'r'"):
        load([BASE, BASE])


@given(seeds)
def test_random_policies_load_and_their_digest_tells_them_apart(seed: int) -> None:
    one, again, other = World(seed).policy(), World(seed).policy(), load([BASE | {"id": "another"}])
    assert digest(one) == digest(again) != digest((*one, *other))


def test_the_trash_is_emptied_once_per_window() -> None:
    rules = load([BASE | {"id": "a"}, BASE | {"id": "b", "undo": "30d"}, BASE | {"id": "c", "undo": "none"}])
    assert [(rule.id, rule.age, rule.undo) for rule in purges(rules)[:2]] == [
        ("undo-7d", 604_800, 0),
        ("undo-30d", 2_592_000, 0),
    ]
    assert purges(rules[2:]) == ()


@given(st.integers(0, 10**6), st.sampled_from("mhdw"))
def test_durations_read_back_as_they_are_shown(number: int, unit: str) -> None:
    seconds = duration(f"{number}{unit}")
    assert duration(show_duration(seconds)) == seconds


def test_sizes_are_bytes_with_or_without_a_unit() -> None:
    assert [size(text) for text in (0, 7, "7B", "2KB", "2KiB", "1GiB")] == [0, 7, 7, 2000, 2048, 1 << 30]
    assert [show_size(count) for count in (999, 1500, 2_000_000, 5e15)] == ["999 B", "1.5 KB", "2.0 MB", "5000.0 TB"]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.log", ["a.log", ".log"], ["x/a.log", "a.log.gz"]),
        ("**/*.log", ["a.log", "x/a.log", "x/y/a.log"], ["a.txt"]),
        ("app/**", ["app/", "app/x/y", "app/new\nline"], ["apps"]),
        ("a?c", ["abc", "aéc"], ["a/c", "ac"]),
        ("[a-c]x", ["ax", "bx"], ["dx"]),
        ("[!a-c]x", ["dx"], ["ax"]),
        ("a.b", ["a.b"], ["axb"]),
        ("[", ["["], ["x"]),
        ("$(x)+", ["$(x)+"], ["x"]),
    ],
)
def test_globs_match_whole_names(pattern: str, yes: list[str], no: list[str]) -> None:
    found = compiled(glob(pattern))
    assert all(found.search(text) for text in yes)
    assert not any(found.search(text) for text in no)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="*?[")))
def test_a_glob_without_wildcards_matches_itself_alone(text: str) -> None:
    found = compiled(glob(text))
    assert found.search(text)
    assert not found.search(text + "x")
