"""What an index cannot tell of an artifact's packages is said, once for each file, and nothing else is."""

from __future__ import annotations

import pytest

from customhouse.model import Package, SkipReason
from customhouse.scanners.vulnerabilities import about_index, unmatched
from tests.vulnerabilities.support import index, record

INDEX = index(record("GHSA-1", "npm", "a", ("introduced", "0")), record("DSA-1", "Debian:12", "a", ("introduced", "0")))
"""It holds npm and Debian 12."""


def told(*purls: str, member: str = "image.tar!/lock") -> list[str]:
    return [skip.detail for skip in unmatched([Package(purl, member) for purl in purls], INDEX)]


@pytest.mark.parametrize(
    "purl",
    [
        "pkg:npm/b@1.0.0",
        "pkg:npm/%40s/a@1.0.0",
        "pkg:deb/debian/b@1.0?distro=debian-12",
        "pkg:deb/debian/b@1.0%2Bdeb12u1",
        "pkg:pypi/a",
        "pkg:github/actions/checkout@v4",
        "pkg:terraform/registry.terraform.io/hashicorp/aws@5.31.0",
        "pkg:alpm/arch/zlib@1.3-2",
        "pkg:opkg/busybox@1.36.1",
        "pkg:wordpress/akismet@5.3.1",
        "pkg:helm/redis@18.4.0",
        "pkg:docker/library/alpine@3.19",
        "pkg:generic/debian@12?distro=debian-12",
        "pkg:cocoapods/Alamofire@5.8.1",
        "pkg:conan/zlib@1.2.13",
        "pkg:k8s/kubelet@1.28.0",
    ],
)
def test_what_is_held_or_has_no_advisories_anywhere_is_passed_over(purl: str) -> None:
    assert told(purl) == []


@pytest.mark.parametrize(
    ("purl", "whose"),
    [
        ("pkg:pypi/a@1.0", "PyPI"),
        ("pkg:cran/rlang@1.1.2", "CRAN"),
        ("pkg:cargo/a@1.0.0", "crates.io"),
        ("pkg:deb/debian/a@1.0%2Bdeb11u1", "Debian:11"),
        ("pkg:deb/ubuntu/a@1.0?distro=ubuntu-24.04", "Ubuntu:24.04"),
        ("pkg:apk/alpine/a@1.0?distro=alpine-3.18.4", "Alpine:v3.18"),
        ("pkg:rpm/redhat/bash@1.0-1.el9", "Red Hat:9"),
        ("pkg:rpm/azurelinux/bash@1.0-1.azl3", "Azure Linux:3"),
        ("pkg:deb/debian/a@1.0", "system packages of an unknown release"),
        ("pkg:rpm/a@1.0?distro=arch", "system packages of an unknown release"),
    ],
)
def test_an_ecosystem_or_a_release_that_the_index_lacks_is_named(purl: str, whose: str) -> None:
    assert told(purl) == [f"vulnerability index: it holds nothing for {whose}"]


def test_it_is_said_once_for_each_file_and_ecosystem() -> None:
    packages = [
        *(Package(f"pkg:pypi/a{number}@1", "a.lock") for number in range(3)),
        Package("pkg:cargo/a@1", "a.lock"),
        Package("pkg:pypi/a@1", "b.lock"),
        Package("pkg:npm/a@1", "b.lock"),
    ]

    skips = list(unmatched(packages, INDEX))

    assert [(skip.member, skip.detail.rpartition(" ")[2]) for skip in skips] == [
        ("a.lock", "PyPI"),
        ("a.lock", "crates.io"),
        ("b.lock", "PyPI"),
    ]
    assert {skip.reason for skip in skips} == {SkipReason.UNSUPPORTED}
    assert all(map(about_index, skips))


def test_a_system_s_release_is_told_by_the_file_beside_its_database() -> None:
    release = Package("pkg:generic/debian@12?distro=debian-12", "image.tar!/layer!/etc/os-release")
    installed = Package("pkg:deb/debian/a@1.0", "image.tar!/layer!/var/lib/dpkg/status")

    assert [skip.detail for skip in unmatched([installed], INDEX)] == [
        "vulnerability index: it holds nothing for system packages of an unknown release"
    ]
    assert not list(unmatched([release, installed], INDEX))
