from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.scanners.ecosystems import Found
from customhouse.vulnerabilities.places import Place, distribution, distro_of, place, release, spelling


@pytest.mark.parametrize(
    ("purl", "expected"),
    [
        ("pkg:pypi/zope.interface@5", Place("PyPI", "zope-interface", "5")),
        ("pkg:npm/%40s/a@1.0.0%2Bb", Place("npm", "@s/a", "1.0.0+b")),
        ("pkg:maven/g.h/a@1?type=jar", Place("Maven", "g.h:a", "1")),
        ("pkg:golang/github.com/BurntSushi/toml@v1.0.0#sub", Place("Go", "github.com/BurntSushi/toml", "1.0.0")),
        ("pkg:golang/stdlib@1.22.1", Place("Go", "stdlib", "1.22.1")),
        ("pkg:nuget/Newtonsoft.Json@9.0.1", Place("NuGet", "newtonsoft.json", "9.0.1")),
        ("pkg:composer/v/a@v1", Place("Packagist", "v/a", "1")),
        ("pkg:conan/user/pcre@8.43", Place("ConanCenter", "pcre", "8.43")),
        ("pkg:swift/github.com/Apple/swift-nio@2", Place("SwiftURL", "github.com/apple/swift-nio", "2")),
        ("pkg:cargo/a@1", Place("crates.io", "a", "1")),
        ("pkg:deb/debian/libc6@2-9?distro=debian-12.4&upstream=glibc%402-8", Place("Debian:12", "glibc", "2-8")),
        ("pkg:deb/ubuntu/bash@5?distro=ubuntu-22.04", Place("Ubuntu:22.04", "bash", "5")),
        (
            "pkg:apk/alpine/ssl_client@1-r5?distro=alpine-3.20.1&upstream=busybox",
            Place("Alpine:v3.20", "busybox", "1-r5"),
        ),
        ("pkg:apk/wolfi/a@1?distro=wolfi-20230201", Place("Wolfi", "a", "1")),
        (
            "pkg:rpm/centos/openssl-libs@1.0.2k-16.el7?distro=centos-7.6.1810&epoch=1",
            Place("Red Hat:7", "openssl-libs", "1:1.0.2k-16.el7"),
        ),
        ("pkg:rpm/redhat/bash@5-1.module+el9.4.0", Place("Red Hat:9", "bash", "5-1.module+el9.4.0")),
        ("pkg:rpm/rocky/bash@5-1.el8_5", Place("Rocky Linux:8", "bash", "5-1.el8_5")),
        ("pkg:rpm/sles/bash@5?distro=sles-15.4", Place("SUSE:Linux Enterprise Server 15 SP4", "bash", "5")),
        ("pkg:rpm/opensuse/bash@5?distro=opensuse-leap-15.5", Place("openSUSE:Leap 15.5", "bash", "5")),
        ("pkg:deb/debian/a@1", Place("", "a", "1")),
        ("pkg:rpm/fedora/bash@5-1.fc40?distro=fedora-40", Place("", "bash", "5-1.fc40")),
        ("pkg:generic/debian@12?distro=debian-12", None),
        ("pkg:npm/a", None),
        ("pkg:helm/a@1", None),
    ],
)
def test_a_purl_is_looked_up_where_advisories_speak_of_it(purl: str, expected: Place | None) -> None:
    assert place(purl) == expected


def test_the_release_of_the_artifact_serves_packages_that_tell_none() -> None:
    assert place("pkg:deb/debian/a@1", "debian-12") == Place("Debian:12", "a", "1")
    assert place("pkg:deb/debian/a@1?distro=debian-11", "debian-12") == Place("Debian:11", "a", "1")
    assert place("pkg:pypi/a@1", "debian-12") == Place("PyPI", "a", "1")


@pytest.mark.parametrize(
    ("purl", "distro"),
    [
        ("pkg:deb/debian/base-files@12.4%2Bdeb12u5", "debian-12"),
        ("pkg:deb/ubuntu/base-files@12ubuntu4.6", "ubuntu-22.04"),
        ("pkg:apk/alpine/alpine-release@3.20.3-r0", "alpine-3.20.3-r0"),
    ],
)
def test_a_package_that_is_made_for_one_release_tells_it(purl: str, distro: str) -> None:
    assert distro_of([purl, "pkg:pypi/base-files@1"]) == distro
    assert place("pkg:deb/debian/a@1%2Bdeb11u2") == Place("Debian:11", "a", "1+deb11u2")


def test_the_artifact_tells_its_release_by_a_package() -> None:
    assert distro_of(["pkg:pypi/a@1", "pkg:generic/ubuntu@22.04?distro=ubuntu-22.04"]) == "ubuntu-22.04"
    assert distro_of(["pkg:generic/a@1"]) == ""


@pytest.mark.parametrize(
    ("purl", "distro"),
    [
        ("pkg:apk/alpine/a@1", "debian-12"),
        ("pkg:deb/debian/a@1", "alpine-3.20"),
        ("pkg:deb/debian/a@1?distro=rocky-9", ""),
        ("pkg:rpm/redhat/a@1", "ubuntu-22.04"),
    ],
)
def test_a_distribution_of_another_kind_of_package_tells_nothing(purl: str, distro: str) -> None:
    at = place(purl, distro)
    assert at is not None
    assert at.ecosystem == ""


@pytest.mark.parametrize(
    ("published", "ours"),
    [
        ("PyPI", "PyPI"),
        ("Debian:12", "Debian:12"),
        ("Ubuntu:22.04:LTS", "Ubuntu:22.04"),
        ("Ubuntu:24.10", "Ubuntu:24.10"),
        ("Ubuntu:Pro:22.04:LTS", "Ubuntu:Pro:22.04"),
        ("Red Hat:enterprise_linux:9::baseos", "Red Hat:9"),
        ("Red Hat:rhel_eus:8.4::baseos", "Red Hat:rhel_eus:8.4::baseos"),
        ("Rocky Linux:8", "Rocky Linux:8"),
        ("Alpine:v3.20", "Alpine:v3.20"),
    ],
)
def test_ecosystems_are_spelt_as_purls_can_ask_for_them(published: str, ours: str) -> None:
    assert release(published) == ours


def test_distributions_that_nobody_writes_advisories_for_have_no_place() -> None:
    assert distribution("fedora-40") == ""
    assert distribution("wolfi") == "Wolfi"
    assert distribution("") == ""


NAME = st.from_regex(r"[A-Za-z][A-Za-z0-9._-]{0,10}", fullmatch=True)
VERSION = st.from_regex(r"[0-9][A-Za-z0-9.+~:-]{0,10}", fullmatch=True)


@given(st.sampled_from(["npm", "maven", "golang", "cargo", "gem", "hackage"]), NAME, NAME, VERSION)
def test_every_purl_that_a_parser_makes_has_its_place(kind: str, namespace: str, name: str, version: str) -> None:
    at = place(Found(kind, name, version, namespace).purl)
    assert at is not None
    assert at.version == version
    spelt = name.lower() if kind == "npm" else name.replace("_", "-") if kind == "hackage" else name
    assert at.name == f"{namespace}{':' if kind == 'maven' else '/'}{spelt}"


def test_names_have_one_spelling() -> None:
    assert spelling("PyPI", "A__b.-c") == "a-b-c"
    assert spelling("SwiftURL", "https://github.com/Apple/swift-nio.git") == "github.com/apple/swift-nio"
    assert spelling("Go", "github.com/BurntSushi/toml") == "github.com/BurntSushi/toml"
