"""What is prepared and remembered says what the plain reading of the records says."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Package, Severity
from customhouse.versions import sort_key
from customhouse.vulnerabilities.build import build
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.places import place
from customhouse.vulnerabilities.records import Advisory, Span, within
from customhouse.vulnerabilities.releases import Releases
from tests.vulnerabilities.support import NOW, empty, record

if TYPE_CHECKING:
    from collections.abc import Sequence

VERSIONS = st.sampled_from(
    ["0", "1", "1.0", "1.0.0", "1.2.3", "1.2.3-rc1", "2.0.0", "10.0", "v1.2.3", "odd one", "", "~"]
)
BOUNDS = st.sampled_from(["0", "", "1.0.0", "1.2.3", "2.0.0", "2.0.0-rc1", "no version", "x:1"])
DEBIAN = Package("pkg:generic/debian@12?distro=debian-12", "etc/os-release")
NAMES = {"npm": "pkg:npm/{}", "PyPI": "pkg:pypi/{}", "Debian:12": "pkg:deb/debian/{}", "Maven": "pkg:maven/g/{}"}
ADVISORIES = st.builds(
    Advisory,
    rule=st.sampled_from(["CVE-1", "CVE-2", "GHSA-3"]),
    severity=st.sampled_from(Severity),
    summary=st.just("bad"),
    spans=st.lists(st.builds(Span, BOUNDS, BOUNDS, BOUNDS), max_size=2).map(tuple),
    versions=st.lists(VERSIONS, max_size=2).map(tuple),
)


def names(advisory: Advisory, version: str) -> bool:
    return version in {*advisory.versions, *(one.removeprefix("v") for one in advisory.versions)}


def plainly(ecosystem: str, version: str, known: Sequence[Advisory]) -> list[tuple[str, Severity]]:
    """Every advisory against every span, keys made anew for each comparison."""
    try:
        key = sort_key.__wrapped__(ecosystem, version)
    except ValueError:
        hits = [one for one in known if names(one, version)]
    else:
        hits = [one for one in known if names(one, version) or any(within(ecosystem, span, key) for span in one.spans)]
    hits.sort(key=lambda one: (-one.severity.rank, one.rule))
    kept: dict[str, Severity] = {}
    for hit in hits:
        kept.setdefault(hit.rule, hit.severity)
    return list(kept.items())


class Known(Index):
    """An index whose advisories are given."""

    def __init__(self, given: dict[tuple[str, str], list[Advisory]]) -> None:
        library = empty()
        build([record("X", "npm", "unrelated", ("introduced", "0"))], library, NOW)
        super().__init__(library)
        self._given = given

    def advisories(self, ecosystem: str, name: str) -> tuple[Advisory, ...]:
        return tuple(self._given.get((ecosystem, name), ()))


@given(st.sampled_from(sorted(NAMES)), st.lists(ADVISORIES, max_size=3), st.lists(VERSIONS, min_size=1, max_size=4))
def test_findings_are_those_of_the_plain_reading(ecosystem: str, known: list[Advisory], versions: list[str]) -> None:
    name = "g:a" if ecosystem == "Maven" else "a"
    index = Known({(ecosystem, name): known})
    purls = [f"{NAMES[ecosystem].format('a')}@{version.replace(' ', '%20')}" for version in versions]
    packages = [DEBIAN, *(Package(purl, "m") for purl in (*purls, *purls))]
    found = [(one.rule, one.severity) for one in findings(packages, index)]
    places = [place(package.purl, "debian-12") for package in packages]
    assert found == [hit for at in places if at for hit in plainly(ecosystem, at.version, known)]


@pytest.mark.parametrize(
    "purl",
    [
        "pkg:npm/%40s/a@1.0.0",
        "pkg:npm/@s/a@1.0.0",
        "pkg:npm/%40s/a@v1.0.0?vcs_url=git%40host",
        "pkg:npm/@s/a@1.0.0?x=a@b#sub@path",
    ],
)
def test_however_a_purl_is_written_it_is_matched(purl: str) -> None:
    advisory = Advisory("X", Severity.LOW, "", (Span("0", "2.0.0"),))
    (found,) = findings([Package(purl, "m")], Known({("npm", "@s/a"): [advisory]}))
    assert found.message == "@s/a 1.0.0: X (fixed in 2.0.0)"


@pytest.mark.parametrize(
    "purl", ["pkg:npm/a", "pkg:npm/a@", "pkg:npm/@", "pkg:", "", "a@1", "pkg:deb/a", "pkg:deb/debian/a@1"]
)
def test_what_names_no_version_of_a_known_package_matches_nothing(purl: str) -> None:
    advisory = Advisory("X", Severity.LOW, "", (Span("0"),))
    assert list(findings([Package(purl, "m")], Known({("npm", "a"): [advisory], ("npm", ""): [advisory]}))) == []


def test_a_system_package_is_answered_for_each_distribution_by_itself() -> None:
    advisory = Advisory("X", Severity.LOW, "", (Span("0"),))
    index = Known({("Debian:12", "a"): [advisory]})
    package, older = Package("pkg:deb/debian/a@1", "m"), replace(DEBIAN, purl="pkg:generic/d?distro=debian-11")
    assert [len(list(findings([package, *more], index))) for more in ([DEBIAN], [older], [])] == [1, 0, 0]
    assert len(list(findings([package], index, Releases([DEBIAN])))) == 1


def test_memory_is_bounded_however_many_distributions_artifacts_name() -> None:
    index = Known({})
    for number in range(300):
        told = Package(f"pkg:generic/x?distro=distro-{number}", "etc/os-release")
        list(findings([Package(f"pkg:deb/x/a@{number}", "m"), told], index))
    assert len(index.of_system) < 100


@pytest.mark.parametrize("written", ["1.2.3", "v1.2.3"])
@pytest.mark.parametrize("purl", ["pkg:composer/v/a@1.2.3", "pkg:composer/v/a@v1.2.3"])
def test_a_version_that_is_named_alone_is_matched_with_and_without_its_v(written: str, purl: str) -> None:
    advisory = Advisory("MAL-1", Severity.CRITICAL, "", (), (written,))
    (found,) = findings([Package(purl, "m")], Known({("Packagist", "v/a"): [advisory]}))
    assert found.rule == "MAL-1"
    assert list(findings([Package(f"{purl}0", "m")], Known({("Packagist", "v/a"): [advisory]}))) == []
