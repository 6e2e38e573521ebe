"""What every order must be: total, antisymmetric, transitive, and right where an ecosystem is peculiar."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.version import Version

from customhouse.versions import ECOSYSTEMS, LONGEST, compare, semver, sort_key

PIECES = st.lists(
    st.sampled_from(
        ["0", "1", "2", "10", "01", "00", ".", "-", "_", "+", "~", "^", ":", "a", "rc", "beta", "p", "r", "é"]
    ),
    min_size=1,
    max_size=7,
).map("".join)
NUMERIC = st.lists(st.integers(0, 12), min_size=1, max_size=4).map(lambda parts: ".".join(map(str, parts)))
ORDERED = sorted(ECOSYSTEMS - {"Maven"})


def comparable(ecosystem: str, version: str) -> bool:
    try:
        sort_key(ecosystem, version)
    except ValueError:
        return False
    return True


@given(st.sampled_from(ORDERED), PIECES, PIECES, PIECES)
def test_any_text_has_a_place_in_a_total_order(ecosystem: str, a: str, b: str, c: str) -> None:
    known = [version for version in (a, b, c) if comparable(ecosystem, version)]
    for one in known:
        assert compare(ecosystem, one, one) == 0
        for other in known:
            assert compare(ecosystem, one, other) == -compare(ecosystem, other, one)
            for third in known:
                if compare(ecosystem, one, other) <= 0 and compare(ecosystem, other, third) <= 0:
                    assert compare(ecosystem, one, third) <= 0


@given(st.sampled_from(sorted(ECOSYSTEMS)), NUMERIC, NUMERIC)
def test_plain_numbers_order_as_numbers_everywhere(ecosystem: str, one: str, other: str) -> None:
    left, right = ([int(part) for part in text.split(".")][:3] for text in (one, other))
    if len(left) == len(right) and left != right:
        assert compare(ecosystem, one, other) == (-1 if left < right else 1)


@given(PIECES, PIECES)
def test_maven_is_antisymmetric(one: str, other: str) -> None:
    assert compare("Maven", one, other) == -compare("Maven", other, one)


@pytest.mark.parametrize(
    ("ecosystem", "text"),
    [
        ("npm", "1.0.0-alpha.2 < 1.0.0-alpha.10 < 1.0.0-alpha.a < 1.0.0-beta < 1.0.0 = v1.0.0+build < 1.0.1"),
        ("Pub", "1.0.0-a < 1.0.0 < 1.0.0+2 < 1.0.0+10 < 1.0.0+a < 1.0.1"),
        ("NuGet", "1.0.0-Beta = 1.0.0-beta < 1.0 = 1.0.0.0 < 1.0.0.1"),
        ("ConanCenter", "1.0.2 < 1.0.2.3 < 1.0.2.10 < 1.0.3"),
        ("CRAN", "1.9 < 1.9.0 = 1.9-0 < 1.9.1 < 1.10"),
        ("Hackage", "2.3 < 2.3.0 < 2.3.1"),
        ("PyPI", "banana < 2019-09-x < 1.0.dev1 < 1.0a1 < 1.0rc1 < 1.0 = 1.0.0 < 1.0+local < 1.0.post1 < 1!0.1"),
        ("RubyGems", "1.0.a < 1.0.0-rc1 < 1.0.rc1 < 1 = 1.0.0 < 1.0.1 < 1.0.10"),
        ("RubyGems", "1.a.0.b < 1.a < 1.a.0.5"),
        ("Packagist", "1.0-dev < 1.0-alpha2 < 1.0-beta1 < 1.0-RC1 = 1.0rc1 < 1.0 < 1.0.0 < 1.0.0-p1"),
        ("Packagist", "1.2.3.beta < 1.2.3.# = 1.2.3.7"),
        (
            "Maven",
            "1-alpha-1 = 1a1 < 1.0-beta-1 < 1-rc = 1cr < 1-SNAPSHOT < 1 = 1.ga = 1.0.0-Final < 1-sp < 1-x < 1-1 < 1.1",
        ),
        ("Maven", "2.0.1-xyz < 2.0.1-123 < 2.0.2"),
        ("Debian:12", "1.2~rc1 < 1.2 = 0:1.2-0 < 1.2-1~deb7u1 < 1.2-1 < 1.2-1+deb9u1 < 1.2a < 1.2+b < 1:0.1"),
        ("Ubuntu:22.04:LTS", "2.7.4+reloaded2-13ubuntu1 < 2.7.4+reloaded2-13+deb9u1"),
        ("Red Hat", "1.0~rc1^git1 < 1.0 = 0:1.0 = 1_0 < 1.0- < 1.0-1 < 1.0^git1 < 1.0a < 1.0.1 = 1.0.01 < 1:0"),
        ("Red Hat", "0+1-n:1 < 0+2-n:1"),
        (
            "Alpine:v3.20",
            "1.0_alpha < 1.0_alpha2 < 1.0_rc1 < 1.0_rc1-r0 < 1.0_foo < 1.0 < 1.0-r0 < 1.0-r10 < 1.0_p1 < 1.0b",
        ),
        ("Wolfi", "1.01 < 1.1 < 1.9 < 1.10 < 2"),
    ],
)
def test_peculiar_orders(ecosystem: str, text: str) -> None:
    words = text.split()
    for one, sign, other in zip(words[::2], words[1::2], words[2::2], strict=False):
        assert compare(ecosystem, one, other) == (-1 if sign == "<" else 0), (one, sign, other)


def test_huge_numbers_are_ordered_and_huge_texts_are_no_versions() -> None:
    nines = "9" * (LONGEST - 1)
    assert compare("npm", nines + "1", nines + "2") == -1
    with pytest.raises(ValueError, match="no version"):
        sort_key("npm", "9" * (LONGEST + 1))


@pytest.mark.parametrize(
    ("ecosystem", "version"), [("Plan9", "1"), ("npm", ""), ("CRAN", "one"), ("Hackage", "1.0-beta"), ("Debian", "x:1")]
)
def test_what_has_no_order_is_refused(ecosystem: str, version: str) -> None:
    with pytest.raises(ValueError, match=r"^no (version|epoch)"):
        sort_key(ecosystem, version)


PEP440 = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "", "1!"]),
        NUMERIC,
        st.sampled_from(["", "", "a1", "b2", "rc1", "rc2"]),
        st.sampled_from(["", "", ".post0", ".post3"]),
        st.sampled_from(["", "", ".dev0", ".dev2"]),
        st.sampled_from(["", "", "+1", "+a", "+a.1", "+1.a", "+1.2"]),
    ),
)


@given(PEP440, PEP440)
@example("1.0.dev1", "1.0a0.dev1")
@example("1.0+a", "1.0+1")
def test_pypi_is_what_packaging_says(one: str, other: str) -> None:
    left, right = Version(one), Version(other)
    assert compare("PyPI", one, other) == (left > right) - (left < right)


@given(NUMERIC)
def test_plain_semantic_versions_are_what_the_whole_grammar_says(version: str) -> None:
    assert semver.key(version) == semver._key(version, 3)
