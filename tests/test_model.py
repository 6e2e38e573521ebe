"""The words: what a location is called, how bad is worse, what passes and what was seen."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Coverage, Location, Severity, Skip, SkipReason, Verdict

KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
VERSIONS = st.text(st.characters(codec="ascii", min_codepoint=33), max_size=12)
SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("location", "url"),
    [
        (Location("s3://b", "a b/ü?#%.zip"), "s3://b/a%20b/%C3%BC%3F%23%25.zip"),
        (Location("s3://b", "k", "v/1+2=", "e"), "s3://b/k?versionId=v%2F1%2B2%3D"),
        (Location("s3://b", "k", "", "e"), "s3://b/k?etag=e"),
        (Location("gs://b", "k", "17"), "gs://b/k#17"),
        (Location("gs://b", "k", "", "e"), "gs://b/k"),
        (Location("az://a/c", "//k", "", "0x8D"), "az://a/c///k?etag=0x8D"),
        (Location("file:///srv", "k"), "file:///srv/k"),
        (Location("oci://h/r", "v1"), "oci://h/r:v1"),
        (Location("oci://h/r", "v1", SHA), f"oci://h/r@{SHA}"),
    ],
)
def test_a_location_is_shown_as_a_url(location: Location, url: str) -> None:
    assert str(location) == url


@given(st.sampled_from(["s3://b", "az://a/c", "file:///f"]), KEYS, VERSIONS)
def test_a_url_is_one_line_of_ascii_that_holds_the_whole_name(root: str, key: str, version: str) -> None:
    url = str(Location(root, key, version))
    assert url.isascii()
    assert url.isprintable()
    path, _, query = url.removeprefix(f"{root}/").partition("?")
    assert unquote(path) == key
    assert unquote(query.removeprefix("versionId=")) == version


@given(KEYS, KEYS, VERSIONS)
def test_two_names_have_two_urls(one: str, other: str, version: str) -> None:
    here, there = (str(Location("gs://b", key, version)) for key in (one, other))
    assert (here == there) is (one == other)
    assert urlsplit(here).fragment == version or not version


def test_a_scheme_is_what_the_root_begins_with_and_a_pin_is_a_version_or_an_etag() -> None:
    assert [Location(root, "k").scheme for root in ("s3://b", "az://a/c", "file:///x", "oci://h/r")] == [
        "s3",
        "az",
        "file",
        "oci",
    ]
    assert [Location("s3://b", "k", *pin).pinned for pin in ((), ("1",), ("", "e"), ("1", "e"))] == [
        False,
        True,
        True,
        True,
    ]


def test_severities_are_ranked_from_low_to_critical() -> None:
    assert [one.rank for one in (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)] == [0, 1, 2, 3]


def test_only_clean_and_flagged_pass() -> None:
    assert {verdict for verdict in Verdict if verdict.passes} == {"clean", "flagged"}


@given(members=st.integers(0, 5), opened=st.integers(0, 5), skips=st.booleans())
def test_a_ledger_is_complete_only_where_everything_was_opened_and_nothing_skipped(
    members: int, opened: int, *, skips: bool
) -> None:
    skipped = (Skip("m", SkipReason.LIMIT),) if skips else ()
    assert Coverage(members, opened, 0, skipped).complete is (members == opened and not skips)
