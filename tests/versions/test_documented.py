"""The orders that each ecosystem's own documentation and test suite write down, each an increasing chain."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.versions import ECOSYSTEMS, compare, sort_key

CHAINS = {
    # https://semver.org/#spec-item-11
    "npm": "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-alpha.beta < 1.0.0-beta < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 "
    "< 1.0.0 < 2.0.0 < 2.1.0 < 2.1.1",
    "crates.io": "1.0.0--1 < 1.0.0 < 1.0.1-1 < 1.0.1-a < 1.0.1",
    # https://go.dev/ref/mod#pseudo-versions: before the next release, in the order of their times
    "Go": "v0.0.0-20170915032832-14c0d48ead0c < v0.0.0-20191109021931-daa7c04131f5 < v0.0.1 "
    "< v1.2.3-pre < v1.2.3-pre.0.20191109021931-daa7c04131f5 < v1.2.3 < v1.2.4-0.20191109021931-daa7c04131f5 < v1.2.4 "
    "< v2.0.0+incompatible = v2.0.0",
    # https://peps.python.org/pep-0440/#summary-of-permitted-suffixes-and-relative-ordering
    "PyPI": "1.dev0 < 1.0.dev456 < 1.0a1 < 1.0a2.dev456 < 1.0a12.dev456 < 1.0a12 < 1.0b1.dev456 < 1.0b2 "
    "< 1.0b2.post345.dev456 < 1.0b2.post345 < 1.0rc1.dev456 < 1.0rc1 < 1.0 < 1.0+abc.5 < 1.0+abc.7 < 1.0+5 "
    "< 1.0.post456.dev34 < 1.0.post456 < 1.0.15 < 1.1.dev1",
    # https://maven.apache.org/pom.html#version-order-specification
    "Maven": "1-alpha < 1-beta < 1-milestone < 1-rc < 1-snapshot < 1 < 1-sp < 1-foo2 < 1-foo10 < 1-1 < 1.1",
    # deb-version(7): ~~, ~~a, ~, the empty part, a
    "Debian": "1.0~~ < 1.0~~a < 1.0~ < 1.0 < 1.0a < 1.0b < 1.0+ < 1.0+b1 < 1.0.1 < 1.9 < 1.10 < 1:0.0.1",
    # tests/rpmvercmp.at of rpm
    "Red Hat": "1.0~rc1~git123 < 1.0~rc1 < 1.0~rc1^git1 < 1.0~rc2 < 1.0 < 1.0^ < 1.0^git1~pre < 1.0^git1 < 1.0^git2 "
    "< 1.0^20160101 < 1.0^20160101^git1 < 1.0a < 1.0aa < 1.0.1 < 1.01 < 2.0 < 2.0.1 < 2.0.1a < 4.999.9 < 5.0 "
    "< 5.5p1 < 5.5p2 < 5.5p10 < 5.6p1 < 10a1 < 10b2 < 10xyz < 10.1xyz < 20101121 < 20101122",
    "Rocky Linux": "xyz.4 < xyz10 < xyz10.1 < 2 < 8 < 10.0001 = 10.1 < 10.0039",
    "SUSE": "a = a_ = a+ = +a = _a < 2_0 = 2.0",
    # test/user/version.data of apk-tools
    "Alpine": "0.1.0_alpha < 0.1.0_alpha2 < 0.1.0_beta < 0.1.0_pre < 0.1.0_rc < 0.1.0 < 0.1.0-r1 < 0.1.0_cvs "
    "< 0.1.0_svn < 0.1.0_git < 0.1.0_hg < 0.1.0_p1 < 0.1.0_p10 < 0.1.0a < 0.1.0b < 0.1.3_alpha < 0.1.3 "
    "< 1.0.4-r3 < 1.0.4-r4 < 2.2.39-r1 < 20050718-r1 < 20050718-r2",
    # test/rubygems/test_gem_version.rb
    "RubyGems": "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc1 < 1.0.0 < 1.8.2.a < 1.8.2.a9 "
    "< 1.8.2.a10 < 1.8.2.b < 1.8.2 < 5.2.4 < 5.3.1.b.2 < 5.3.1",
    # https://learn.microsoft.com/nuget/concepts/package-versioning
    "NuGet": "1.0.1-aaa.1 < 1.0.1-alpha < 1.0.1-alpha.2 < 1.0.1-alpha.10 < 1.0.1-beta < 1.0.1-open < 1.0.1-rc "
    "< 1.0.1-zzz < 1.0.1 = 1.00.01 = 1.0.1.0 = 1.0.1+build",
    # test/version_test.dart of pub_semver
    "Pub": "1.0.0-alpha < 1.0.0-alpha.1 < 1.0.0-beta.2 < 1.0.0-beta.11 < 1.0.0-rc.1 < 1.0.0-rc.1+build.1 < 1.0.0 "
    "< 1.0.0+0.3.7 < 1.3.7+build < 1.3.7+build.2.b8f12d7 < 1.3.7+build.11.e0f985a < 2.0.0",
    # base/version.jl: builds are compared last, and binaries (`_jll`) are told apart by nothing else
    "Julia": "1.0.0-rc1 < 1.0.0 < 1.0.0+0 < 1.0.0+1 < 1.0.0+10 < 1.0.1-0 < 3.0.16+0 < 3.0.16+1",
    # https://www.php.net/version_compare
    "Packagist": "1.0-foo < 1.0-dev < 1.0-alpha < 1.0-alpha1 < 1.0-beta < 1.0-b2 < 1.0-RC1 < 1.0 < 1.0-pl1 < 1.1",
    "CRAN": "0.9-12 < 0.10-1 = 0.10.1 < 0.10-1.1 < 1.0",
    "Hackage": "0.9.1 < 0.10 < 0.10.0 < 0.10.0.1 < 0.11",
}
"""Chains by ecosystem."""


def steps(text: str) -> tuple[list[str], list[int]]:
    """The versions of a chain, and which of its steps each stands on."""
    words = text.split()
    return words[::2], [0, *itertools.accumulate(sign == "<" for sign in words[1::2])]


@pytest.mark.parametrize("ecosystem", sorted(CHAINS))
def test_every_two_of_a_documented_chain_are_in_its_order(ecosystem: str) -> None:
    versions, places = steps(CHAINS[ecosystem])
    for (one, left), (other, right) in itertools.product(zip(versions, places, strict=True), repeat=2):
        assert compare(ecosystem, one, other) == (left > right) - (left < right), (one, other)


@pytest.mark.parametrize("ecosystem", sorted(CHAINS))
@given(st.data())
def test_sorting_puts_a_shuffled_chain_in_order(ecosystem: str, data: st.DataObject) -> None:
    versions, places = steps(CHAINS[ecosystem])
    shuffled = data.draw(st.permutations(versions))
    found = sorted(shuffled, key=lambda version: sort_key(ecosystem, version))
    at = dict(zip(versions, places, strict=True))
    assert [at[version] for version in found] == sorted(places)


@pytest.mark.parametrize(
    ("ecosystem", "one", "other"),
    [
        ("PyPI", "1.0-RC1", "1.0rc1"),
        ("PyPI", "v1.0", "1.0.0"),
        ("PyPI", "1.0.post", "1.0-0"),
        ("PyPI", "1.0+Ubuntu-1", "1.0+ubuntu.1"),
        ("PyPI", " 1.0 ", "1.0"),
        ("Maven", "1.0.0-GA", "1"),
        ("Maven", "1-a1", "1-alpha-1"),
        ("Maven", "1.0-FINAL", "1.0-release"),
        ("Maven", "1x", "1-x"),
        ("Debian", "0:1.0-0", "1.0"),
        ("Debian", "1.001", "1.1"),
        ("Red Hat", "0:1.0", "1.0"),
        ("Red Hat", "1..0", "1.0"),
        ("RubyGems", "1.0.0.0", "1"),
        ("RubyGems", " 1.2 ", "1.2"),
        ("NuGet", "1.0.0-RC.1", "1.0.0-rc.1"),
        ("npm", "1.2.3+a", "1.2.3+b"),
        ("Packagist", "1.0-beta", "1.0b"),
        ("Packagist", "v1.0.0", "1.0.0"),
        ("CRAN", "1-2-3", "1.2.3"),
    ],
)
def test_one_version_may_be_written_in_several_ways(ecosystem: str, one: str, other: str) -> None:
    assert compare(ecosystem, one, other) == 0


NUMBERS = st.lists(st.integers(0, 99), min_size=3, max_size=3).map(lambda parts: ".".join(map(str, parts)))
PRERELEASES = {
    "npm": "-rc.1",
    "PyPI": "rc1",
    "Maven": "-rc1",
    "Debian": "~rc1",
    "Red Hat": "~rc1",
    "Alpine": "_rc1",
    "RubyGems": ".rc1",
    "NuGet": "-rc1",
    "Pub": "-rc.1",
    "Packagist": "-RC1",
    "Go": "-rc.1",
    "Julia": "-rc1",
}


@pytest.mark.parametrize("ecosystem", sorted(PRERELEASES))
@given(NUMBERS, NUMBERS)
def test_a_pre_release_is_before_its_release_and_after_everything_before_that(
    ecosystem: str, one: str, other: str
) -> None:
    early = one + PRERELEASES[ecosystem]
    assert compare(ecosystem, early, one) == -1
    if compare(ecosystem, other, one) < 0:
        assert compare(ecosystem, other, early) == -1


@given(st.sampled_from(sorted(ECOSYSTEMS)), st.text(min_size=1, max_size=600))
def test_any_text_has_a_key_that_equals_itself_or_is_refused(ecosystem: str, version: str) -> None:
    try:
        key = sort_key.__wrapped__(ecosystem, version)
    except ValueError:
        return
    assert key == sort_key.__wrapped__(ecosystem, version)
    assert not key < sort_key.__wrapped__(ecosystem, version)
