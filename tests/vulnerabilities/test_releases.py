from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

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


def test_as_many_roots_as_members_do_not_take_the_square_of_the_time() -> None:
    many = 50_000
    roots = [os_release(f"debian-{number % 9 + 5}", f"x!/{number}/etc/os-release") for number in range(many)]
    members = [f"x!/{number}/var/lib/dpkg/status" for number in range(many)]

    releases = Releases(roots)

    assert [releases.of(member) for member in members] == [f"debian-{number % 9 + 5}" for number in range(many)]


PARTS = st.lists(st.sampled_from(["a", "b", "a b", "etc", "x!"]), max_size=4).map(
    lambda parts: "".join(f"{p}/" for p in parts)
)


@given(st.dictionaries(PARTS, st.sampled_from(["debian-12", "alpine-3.18", "wolfi"]), max_size=5), PARTS)
def test_the_longest_root_that_holds_a_member_is_the_nearest(roots: dict[str, str], folder: str) -> None:
    releases = Releases([os_release(distro, f"{root}etc/os-release") for root, distro in roots.items()])

    around = [root for root in roots if folder.startswith(root)]
    only = next(iter(roots.values())) if len(set(roots.values())) == 1 else ""
    expected = roots[max(around, key=len)] if around else only
    assert releases.of(f"{folder}var/lib/dpkg/status") == expected
