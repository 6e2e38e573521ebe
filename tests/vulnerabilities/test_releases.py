from __future__ import annotations

import pytest

from customhouse.model import Package
from customhouse.vulnerabilities.releases import Releases


def os_release(distro: str, member: str) -> Package:
    return Package(f"pkg:generic/x@1?distro={distro}", member)


BASE_FILES = "pkg:deb/debian/base-files@11.1%2Bdeb11u1"


@pytest.mark.parametrize(
    ("told", "member", "expected"),
    [
        ([], "x!/var/lib/dpkg/status", ""),
        ([os_release("debian-12", "x!/etc/os-release")], "x!/var/lib/dpkg/status.d/tzdata", "debian-12"),
        ([os_release("debian-12", "x!/usr/lib/os-release")], "x!/var/lib/dpkg/status", "debian-12"),
        ([os_release("alpine-3.16", "x!/1.tar!/etc/os-release")], "x!/2.tar!/lib/apk/db/installed", "alpine-3.16"),
        (
            [os_release("debian-12", "x!/etc/os-release"), os_release("alpine-3.16", "x!/srv/a/etc/os-release")],
            "x!/srv/a/lib/apk/db/installed",
            "alpine-3.16",
        ),
        (
            [os_release("debian-12", "x!/1/etc/os-release"), os_release("alpine-3.16", "x!/2/etc/os-release")],
            "x!/3/var/lib/dpkg/status",
            "",
        ),
        (
            [os_release("ubuntu-22.04", "x!/etc/os-release"), Package(BASE_FILES, "x!/chroot/var/lib/dpkg/status")],
            "x!/chroot/var/lib/dpkg/status",
            "debian-11",
        ),
        ([Package(BASE_FILES, "x!/1.tar!/var/lib/dpkg/status")], "x!/2.tar!/var/lib/dpkg/status.d/a", "debian-11"),
        ([os_release("debian-12", "x!/my-etc/os-release")], "y!/var/lib/dpkg/status", "debian-12"),
    ],
)
def test_the_nearest_that_tells_a_release_counts(told: list[Package], member: str, expected: str) -> None:
    assert Releases([*told, Package("pkg:npm/a@1", member)]).of(member) == expected
