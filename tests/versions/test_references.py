"""Our keys order any text as the comparisons do that the ecosystems' own tools make, step for step."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from customhouse.versions import compare


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def at(text: str, place: int) -> str:
    return text[place] if place < len(text) else ""


def run(text: str, place: int, kind: str) -> str:
    """What stands at a place, as far as it is of that kind."""
    found = re.compile(kind).match(text, place)
    return found[0] if found else ""


def verrevcmp(one: str, other: str) -> int:
    """Of dpkg, lib/dpkg/version.c: character after character, then number after number."""

    def order(character: str) -> int:
        if not character or character.isdigit():
            return 0
        return -1 if character == "~" else ord(character) + (0 if character.isalpha() else 256)

    i = j = 0
    while at(one, i) or at(other, j):
        while (at(one, i) and not at(one, i).isdigit()) or (at(other, j) and not at(other, j).isdigit()):
            if order(at(one, i)) != order(at(other, j)):
                return sign(order(at(one, i)) - order(at(other, j)))
            i, j = i + 1, j + 1
        left, right = run(one, i, "[0-9]*"), run(other, j, "[0-9]*")
        if int(left or 0) != int(right or 0):
            return sign(int(left or 0) - int(right or 0))
        i, j = i + len(left), j + len(right)
    return 0


def rpmvercmp(one: str, other: str) -> int:  # noqa: C901, PLR0911 -- in the steps of the C source
    """Of rpm, rpmio/rpmvercmp.c."""
    if one == other:
        return 0
    i = j = 0
    while at(one, i) or at(other, j):
        i += len(run(one, i, r"[^A-Za-z0-9~^]*"))
        j += len(run(other, j, r"[^A-Za-z0-9~^]*"))
        left, right = at(one, i), at(other, j)
        if "~" in (left, right):
            if left != right:
                return -1 if left == "~" else 1
            i, j = i + 1, j + 1
            continue
        if "^" in (left, right):
            if left != right:
                return {"": -1, "^": -1 if right else 1}.get(left, 1)
            i, j = i + 1, j + 1
            continue
        if not (left and right):
            break
        kind = "[0-9]*" if left.isdigit() else "[A-Za-z]*"
        left, right = run(one, i, kind), run(other, j, kind)
        if not right:
            return 1 if left.isdigit() else -1
        i, j = i + len(left), j + len(right)
        if left.isdigit():
            left, right = left.lstrip("0"), right.lstrip("0")
            if len(left) != len(right):
                return sign(len(left) - len(right))
        if left != right:
            return 1 if left > right else -1
    return bool(at(one, i)) - bool(at(other, j))


def gem(one: str, other: str) -> int:
    """Gem::Version#<=> of RubyGems, lib/rubygems/version.rb."""

    def segments(version: str) -> list[int | str]:
        found = [int(part) if part.isdigit() else part for part in re.findall("[0-9]+|[a-zA-Z]+", version)]
        word = next((place for place, part in enumerate(found) if isinstance(part, str)), len(found))
        out: list[int | str] = []
        for half in (found[:word], found[word:]):
            kept = list(itertools.dropwhile(lambda part: part == 0, reversed(half)))
            out += reversed(kept)
        return out

    pairs = itertools.zip_longest(
        segments(one.replace("-", ".pre.")), segments(other.replace("-", ".pre.")), fillvalue=0
    )
    for left, right in pairs:
        if left == right:
            continue
        if isinstance(left, str) != isinstance(right, str):
            return -1 if isinstance(left, str) else 1
        return 1 if left > right else -1  # type: ignore[operator] # both are of one kind
    return 0


def semver(one: str, other: str) -> int:
    """https://semver.org/#spec-item-11 as it is written."""
    (left, _, early), (right, _, late) = (text.partition("+")[0].partition("-") for text in (one, other))
    numbers = [[int(part) for part in text.split(".")] for text in (left, right)]
    if numbers[0] != numbers[1]:
        return 1 if numbers[0] > numbers[1] else -1
    if not early or not late:
        return bool(late) - bool(early)
    for first, second in zip(early.split("."), late.split("."), strict=False):
        if first == second:
            continue
        if first.isdigit() and second.isdigit():
            return sign(int(first) - int(second))
        if first.isdigit() or second.isdigit():
            return -1 if first.isdigit() else 1
        return 1 if first > second else -1
    return sign(early.count(".") - late.count("."))


def text(alphabet: str) -> st.SearchStrategy[str]:
    return st.text(alphabet, min_size=1, max_size=9)


@given(text("019aZ.+~"), text("019aZ.+~"))
@example("1.0~", "1.0")
@example("1.", "1.0")
@example("a0", "a")
def test_debian_orders_as_dpkg_does(one: str, other: str) -> None:
    assert compare("Debian", one, other) == verrevcmp(one, other)
    assert compare("Ubuntu", f"1:2-{one}", f"1:2-{other}") == verrevcmp(one, other)


@given(text("0129abZ.~^_"), text("0129abZ.~^_"))
@example("1^", "1~")
@example("1.a", "1.1")
@example("a", "a.")
def test_rpm_orders_as_rpm_does(one: str, other: str) -> None:
    assert compare("Red Hat", one, other) == rpmvercmp(one, other)
    assert compare("openSUSE", f"3:1-{one}", f"3:1-{other}") == rpmvercmp(one, other)


GEMS = st.lists(st.sampled_from(["0", "1", "2", "a", "b", "a1", "-"]), min_size=1, max_size=5).map(".".join)


@given(GEMS | text("0129abZ.-"), GEMS | text("0129abZ.-"))
@example("1.0.a", "1.a")
@example("1.a.0.b", "1.a")
@example("1-0", "1")
def test_gems_order_as_rubygems_does(one: str, other: str) -> None:
    assert compare("RubyGems", one, other) == gem(one, other)


NUMBER = st.integers(0, 20).map(str)
WORD = st.one_of(NUMBER, st.text("abZ-", min_size=1, max_size=3))
DOTTED = st.lists(WORD, min_size=1, max_size=3).map(".".join)
SEMVER = st.builds(
    "{}{}{}".format,
    st.lists(NUMBER, min_size=3, max_size=3).map(".".join),
    st.one_of(st.just(""), DOTTED.map("-{}".format)),
    st.one_of(st.just(""), DOTTED.map("+{}".format)),
)


@pytest.mark.parametrize("ecosystem", ["npm", "crates.io", "Go", "Hex"])
@given(SEMVER, SEMVER)
def test_semantic_versions_order_as_the_specification_says(ecosystem: str, one: str, other: str) -> None:
    prefix = "v" if ecosystem == "Go" else ""
    assert compare(ecosystem, prefix + one, prefix + other) == semver(one, other)
