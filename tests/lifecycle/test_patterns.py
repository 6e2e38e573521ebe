"""Globs, durations and sizes mean what they say, or are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customhouse.lifecycle import patterns, units
from customhouse.lifecycle.rules import trash_prefix


def matches(glob: str, name: str) -> bool:
    return patterns.compiled(patterns.glob(glob)).search(name) is not None


@dataclass(frozen=True)
class Part:
    """A piece of a glob: its text, and which lengths of text it may take at the front of a name."""

    text: str
    takes: Callable[[str], Sequence[int]]


def one(text: str, fits: Callable[[str], bool]) -> Part:
    return Part(text, lambda name: [1] if name and fits(name[0]) else [])


def upto_slash(name: str) -> Sequence[int]:
    return range(len(name.partition("/")[0]) + 1)


def folders(name: str) -> Sequence[int]:
    return [0, *(at + 1 for at, char in enumerate(name) if char == "/")]


PARTS = (
    *(one(char, lambda found, char=char: found == char) for char in "ab/.\n^$|(+"),
    one("?", lambda found: found != "/"),
    one("[ab]", lambda found: found in "ab"),
    one("[!a]", lambda found: found not in "a/"),
    one("[!]a]", lambda found: found not in "]a/"),
    one("[^-_]", lambda found: found in "^_"),
    one("[]a]", lambda found: found in "]a"),
    Part("*", upto_slash),
)
FOLDERS = Part("**/", folders)


def expected(parts: Sequence[Part], name: str) -> bool:
    """By trying everything."""
    if not parts:
        return not name
    return any(expected(parts[1:], name[count:]) for count in parts[0].takes(name))


@given(st.lists(st.sampled_from(PARTS), max_size=5), st.booleans(), st.text("ab/.\n^$|(+-_]", max_size=6))
@settings(max_examples=500)
def test_a_glob_matches_whole_names_as_its_parts_do(parts: list[Part], anywhere: bool, name: str) -> None:  # noqa: FBT001 -- hypothesis draws it
    stars = [at for at in range(len(parts) - 1) if parts[at].text == parts[at + 1].text == "*"]
    chosen = [part for at, part in enumerate(parts) if at not in stars]  # two stars are another term
    chosen = [FOLDERS, *chosen] if anywhere else chosen
    text = "".join(part.text for part in chosen)
    assert matches(text, name) == expected(chosen, name)


@pytest.mark.parametrize(
    ("glob", "name", "found"),
    [
        ("**", "a/b\n/c", True),
        ("a/**", "a/", True),
        ("a/**", "a", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "ab", False),
        ("*.log", "x/y.log", False),
        ("*.log", "x.log\n", False),
        ("x[", "x[", True),
        ("[!]", "[!]", True),
        ("[!]", "a", False),
        ("[!a]", "/", False),
        ("[\\d]", "5", False),
        ("é?", "éö", True),
    ],
)
def test_what_globs_are_often_taken_for(glob: str, name: str, *, found: bool) -> None:
    assert matches(glob, name) is found


def test_a_glob_that_means_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        matches("[z-a]", "x")


@given(st.integers(0, 10**6), st.sampled_from("mhdw"))
def test_a_duration_is_shown_as_it_would_be_read(number: int, unit: str) -> None:
    seconds = units.duration(f"{number}{unit}")
    assert units.duration(units.show_duration(seconds)) == seconds


@given(st.integers(1, 10**5), st.integers(1, 10**5))
def test_two_undo_windows_never_share_a_folder_of_the_trash(one: int, other: int) -> None:
    assert (trash_prefix(one * 60) == trash_prefix(other * 60)) == (one == other)
    assert not trash_prefix(one * 60).startswith(trash_prefix(other * 60)) or one == other


@pytest.mark.parametrize(
    "text", ["30", "d", "-1d", "1.5d", "\u0661d", "1 d", "1D", "", " 1d", "1d ", "1y", "0x1d", "1_0d", 30]
)
def test_a_duration_without_a_number_or_a_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration"):
        units.duration(text)


@given(st.integers(0, 10**6), st.sampled_from(sorted(units.BYTES)))
def test_a_size_is_its_number_of_its_unit(number: int, unit: str) -> None:
    assert units.size(f"{number}{unit}") == number * units.BYTES[unit]
    assert units.size(number) == number


@pytest.mark.parametrize(
    "text", ["1K", "KB", "-1B", "1.5GB", "1kb", "1e3", "", "1 GB", "\u0661GB", True, -1, 1.5, None]
)
def test_a_size_without_a_number_or_with_another_unit_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no size"):
        units.size(text)
