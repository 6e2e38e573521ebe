"""A policy file is YAML of which every node knows its line; whatever does not read is one line with a remedy."""

from __future__ import annotations

import datetime as dt

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.policy.document import parse

WORDS = st.from_regex(r"[a-z]{1,8}", fullmatch=True).filter(
    lambda word: word not in {"y", "n", "yes", "no", "on", "off"}
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20) | st.dates()
VALUES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=12
)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse(text, "p.yaml")
    return str(caught.value)


@given(VALUES)
def test_a_document_reads_as_the_library_reads_it(value: object) -> None:
    text = yaml.safe_dump({"top": value})
    assert parse(text, "p.yaml").value == yaml.safe_load(text)


@given(st.lists(WORDS, min_size=1, max_size=6, unique=True), st.integers(0, 3))
def test_every_key_knows_its_line(names: list[str], gap: int) -> None:
    text = "".join(f"{chr(10) * gap}{name}:\n  inner: 1\n" for name in names)
    document = parse(text, "p.yaml")
    for name in names:
        assert document.where([name]) == f"p.yaml:{text.split(chr(10)).index(f'{name}:') + 1}"
        assert document.where([name, "inner"]) == f"p.yaml:{text.split(chr(10)).index(f'{name}:') + 2}"


@pytest.mark.parametrize(
    ("path", "line"),
    [(["rules", 1, "when", "kind"], 4), (["rules", 1, "absent"], 3), (["rules", 7], 1), (["nothing"], 1), ([], 1)],
)
def test_what_is_not_there_is_told_by_the_nearest_node_around_it(path: list[str | int], line: int) -> None:
    document = parse("rules:\n  - name: a\n  - name: b\n    when: {kind: jar}\n", "p.yaml")
    assert document.where(path) == f"p.yaml:{line}"


@pytest.mark.parametrize(
    "value",
    [
        "2026-02-30",
        "2026-13-01",
        "2026-01-01T25:00:00Z",
        "!!int x",
        "!!int ''",
        "!!float x",
        "!!bool perhaps",
        "!!timestamp soon",
        "!secret x",
        "!!python/object/apply:os.system x",
    ],
)
def test_a_value_that_its_type_does_not_have_is_named_with_its_line(value: str) -> None:
    said = refusal(f"version: 1\nwaivers:\n  - expires: {value}\n")
    assert said.startswith("p.yaml:3: ")
    assert said.endswith("; correct it")
    assert "\n" not in said


def test_a_long_value_does_not_fill_the_line() -> None:
    assert len(refusal(f"a: !!int {'x' * 10_000}\n")) < 200


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\n---\nb: 2\n", "p.yaml:2: "),
        ("a: 1\n b: 2\n", "p.yaml:2: "),
        ("a: {b: 1\n", "p.yaml:2: "),
        ("a:\n\t- 1\n", "p.yaml:2: "),
        ("a: \x00\n", "p.yaml:1: not YAML"),
        ("a: 1\nb:\n  c: 1\n  c: 2\n", "p.yaml:4: c stands there twice"),
        ("a: 1\n1: 1\n'1': 2\n", "p.yaml:3: 1 stands there twice"),
        ("a: &x [1]\nb: *x\n", "p.yaml:1: YAML aliases are not taken"),
        ("a: &x\n  b: *x\n", "p.yaml:1: YAML aliases are not taken"),
    ],
)
def test_bad_syntax_is_named_with_its_line(text: str, says: str) -> None:
    said = refusal(text)
    assert said.startswith(says)
    assert "\n" not in said


@pytest.mark.parametrize("text", ["", "\n", "# only a comment\n", "---\n"])
def test_a_file_without_content_is_an_empty_one(text: str) -> None:
    assert not parse(text, "p.yaml").value


@pytest.mark.parametrize("text", ["a: 2026-11-24\r\n", "\ufeffa: 2026-11-24\n", "{a: 2026-11-24}"])
def test_line_ends_marks_and_flow_style_do_not_matter(text: str) -> None:
    assert parse(text, "p.yaml").value == {"a": dt.date(2026, 11, 24)}
