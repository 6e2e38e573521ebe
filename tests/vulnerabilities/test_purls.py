"""The fast reading of purls says what the library says, for every purl that the library writes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from customhouse.vulnerabilities.purls import Purl, split

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=10)
PART = TEXT.filter(lambda text: text.strip() not in {"", ".", ".."})
TYPES = ["npm", "pypi", "maven", "deb", "rpm", "golang", "generic", "cargo"]


@given(
    st.sampled_from(TYPES),
    st.lists(PART, max_size=2).map("/".join),
    PART,
    st.none() | PART,
    st.dictionaries(st.sampled_from(["arch", "distro", "epoch", "upstream", "vcs_url"]), PART, max_size=3),
)
def test_a_purl_has_the_parts_that_the_library_reads(
    kind: str, namespace: str, name: str, version: str | None, qualifiers: dict[str, str]
) -> None:
    try:
        text = PackageURL(kind, namespace, name, version, qualifiers, "a/b").to_string()
        expected = PackageURL.from_string(text)
    except ValueError:
        return  # no such purl
    found = split(text)
    assert found[:4] == (expected.type, expected.namespace or "", expected.name, expected.version or "")
    assert {key: found.qualifier(key) for key in expected.qualifiers} == expected.qualifiers


@pytest.mark.parametrize(
    ("purl", "parts"),
    [
        ("pkg:npm/%40s/a@1%2B2", Purl("npm", "@s", "a", "1+2", "")),
        ("pkg:npm/@s/a@1", Purl("npm", "@s", "a", "1", "")),
        ("pkg:golang/github.com/a/b@v1#c/d@e", Purl("golang", "github.com/a", "b", "v1", "")),
        (
            "pkg:deb/debian/a@1%3A2~3?arch=all&distro=debian-12",
            Purl("deb", "debian", "a", "1:2~3", "arch=all&distro=debian-12"),
        ),
        ("pkg:npm/a", Purl("npm", "", "a", "", "")),
        ("pkg:npm/a@", Purl("npm", "", "a", "", "")),
        ("", Purl("", "", "", "", "")),
    ],
)
def test_parts_are_decoded_once(purl: str, parts: Purl) -> None:
    assert split(purl) == parts


@pytest.mark.parametrize(
    ("key", "value"), [("distro", "debian-12"), ("upstream", "a@1"), ("epoch", ""), ("dist", ""), ("absent", "")]
)
def test_a_qualifier_is_found_by_its_whole_name(key: str, value: str) -> None:
    assert split("pkg:deb/debian/a@1?distro=debian-12&epoch=&upstream=a%401").qualifier(key) == value
