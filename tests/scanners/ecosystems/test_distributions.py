"""What is installed on a system, as its own tools write it; what its databases may hold and still mean."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import zstandard

from customhouse.model import Package
from customhouse.scanners.packages import build
from customhouse.vulnerabilities.places import distro_of, place
from tests.inspect.support import look, tarred
from tests.scanners.ecosystems import rpm
from tests.scanners.ecosystems.support import SCANNER, Cases, cases, complaint, member, purls

AZURE = "{name}\t9.0-1.azl3\t1700\t1699\tMicrosoft Corporation\t(none)\t45\tx86_64\t0\t{src}"
DEBIAN: Cases = {
    "dpkg": (
        "var/lib/dpkg/status",
        """
        Package: adduser
        Status: install ok installed
        Priority: important
        Section: admin
        Installed-Size: 686
        Maintainer: Debian Adduser Developers <adduser@packages.debian.org>
        Architecture: all
        Multi-Arch: foreign
        Version: 3.134
        Depends: passwd
        Conffiles:
         /etc/adduser.conf fcd0af4c36fc6f6ba27b1cd9ba7ee5d9
         /etc/deluser.conf f3d6f8b6ec2b1d0a0f1c8a4c3b9c7b1e
        Description: add and remove users and groups
         This package includes the 'adduser' and 'deluser' commands.
         .
         Version: 9.9

        Package: libgcc-s1
        Status: install ok installed
        Maintainer: Ubuntu Core developers <ubuntu-devel-discuss@lists.ubuntu.com>
        Architecture: amd64
        Source: gcc-13 (13.2.0-23ubuntu4)
        Version: 13.2.0-23ubuntu4
        """,
        [
            "deb/debian/adduser@3.134?arch=all",
            "deb/ubuntu/libgcc-s1@13.2.0-23ubuntu4?arch=amd64&upstream=gcc-13@13.2.0-23ubuntu4",
        ],
    ),
    "distroless": (
        "var/lib/dpkg/status.d/libssl3",
        "Package: libssl3\nSource: openssl\nVersion: 3.0.11-1~deb12u2\nArchitecture: amd64\n",
        ["deb/debian/libssl3@3.0.11-1~deb12u2?arch=amd64&upstream=openssl"],
    ),
    "opkg": (
        "usr/lib/opkg/status",
        """
        Package: busybox
        Version: 1.36.1-1
        Depends: libc
        Status: install user installed
        Architecture: mipsel_24kc
        Installed-Time: 1697457480
        """,
        ["opkg/busybox@1.36.1-1?arch=mipsel_24kc"],
    ),
    "chisel": (
        "layer.tar!/var/lib/chisel/manifest.wall!/manifest",
        """
        {"jsonwall":"1.0","schema":"1.0","count":4}
        {"kind":"content","slice":"openssl_bins","path":"/usr/bin/openssl"}
        {"kind":"package","name":"openssl","version":"3.0.13-0ubuntu3.5","sha256":"00f9","arch":"amd64"}
        {"kind":"slice","name":"openssl_bins"}
        """,
        ["deb/ubuntu/openssl@3.0.13-0ubuntu3.5?arch=amd64"],
    ),
}
ALPINE: Cases = {
    "apk": (
        "lib/apk/db/installed",
        """
        C:Q1/se1PjO94hYXbfpNR1/61hVORIc=
        P:musl
        V:1.2.4-r2
        A:x86_64
        S:383459
        I:622592
        T:the musl c library (libc) implementation
        U:https://musl.libc.org/
        L:MIT
        o:musl
        m:Timo Teras <timo.teras@iki.fi>
        t:1697457480
        c:f93af038c3de7146121c2ea8124ba5ce29b4b058
        p:so:libc.musl-x86_64.so.1=1
        F:lib
        R:ld-musl-x86_64.so.1
        a:0:0:755
        Z:Q1s9Nv2jYl9k1QeMkbHl1k8r3jA7s=

        P:musl-utils
        V:1.2.4-r2
        A:x86_64
        o:musl
        """,
        [
            "apk/alpine/musl@1.2.4-r2?arch=x86_64",
            "apk/alpine/musl-utils@1.2.4-r2?arch=x86_64&upstream=musl",
        ],
    ),
    "apk: any line too short for a field ends a package": (
        "usr/lib/apk/db/installed",
        "P:a\nV:1\n \nP:b\nV:2\nx\nP:c\nV:3\n\n\n\nP:d\nV:4",
        ["apk/alpine/a@1", "apk/alpine/b@2", "apk/alpine/c@3", "apk/alpine/d@4"],
    ),
    "pacman": (
        "var/lib/pacman/local/zlib-1:1.3-2/desc",
        """
        %NAME%
        zlib

        %VERSION%
        1:1.3-2

        %BASE%
        zlib-base

        %DESC%
        Compression library implementing the deflate compression method

        %ARCH%
        x86_64

        %LICENSE%
        custom

        %DEPENDS%
        glibc
        """,
        ["alpm/arch/zlib@1:1.3-2?arch=x86_64&upstream=zlib-base"],
    ),
}
RED_HAT: Cases = {
    "azure linux without a database": (
        "var/lib/rpmmanifest/container-manifest-2",
        AZURE.format(name="openssl-libs", src="openssl-3.3.0-1.azl3.src.rpm")
        + "\n"
        + AZURE.format(name="x", src="(none)"),
        [
            "rpm/azurelinux/openssl-libs@9.0-1.azl3?arch=x86_64&upstream=openssl-3.3.0-1.azl3.src.rpm",
            "rpm/azurelinux/x@9.0-1.azl3?arch=x86_64",
        ],
    ),
    "a log with nothing in it": ("var/lib/rpm/rpmdb.sqlite-wal", "", []),
}
RELEASES: Cases = {
    "debian": (
        "etc/os-release",
        """
        PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"
        NAME="Debian GNU/Linux"
        VERSION_ID="12"
        VERSION="12 (bookworm)"
        VERSION_CODENAME=bookworm
        ID=debian
        HOME_URL="https://www.debian.org/"
        """,
        ["generic/debian@12?distro=debian-12"],
    ),
    "alpine": (
        "etc/os-release",
        'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.18.4\n',
        ["generic/alpine@3.18.4?distro=alpine-3.18.4"],
    ),
    "wolfi": (
        "etc/os-release",
        'ID=wolfi\nNAME="Wolfi"\nVERSION_ID="20230201"\n',
        ["generic/wolfi@20230201?distro=wolfi-20230201"],
    ),
    "rhel": (
        "usr/lib/os-release",
        'NAME="Red Hat Enterprise Linux"\nID="rhel"\nVERSION_ID="9.3"\n',
        ["generic/rhel@9.3?distro=rhel-9.3"],
    ),
    "opensuse": (
        "etc/os-release",
        "ID='opensuse-leap'\nVERSION_ID='15.5'\n",
        ["generic/opensuse-leap@15.5?distro=opensuse-leap-15.5"],
    ),
    "arch": ("etc/os-release", "ID=arch\nBUILD_ID=rolling\n", ["generic/arch?distro=arch"]),
    "azure linux": (
        "etc/os-release",
        'ID=azurelinux\nVERSION_ID="3.0"\n',
        ["generic/azurelinux@3.0?distro=azurelinux-3.0"],
    ),
}


@pytest.mark.parametrize(("path", "data", "expected"), cases(DEBIAN, ALPINE, RED_HAT, RELEASES))
def test_a_file_of_a_system_names_exactly_what_is_installed(path: str, data: str, expected: set[str]) -> None:
    assert purls(path, data) == expected


@pytest.mark.parametrize(
    ("state", "present"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("deinstall ok installed", True),
        ("install ok unpacked", True),
        ("install ok half-configured", True),
        ("install reinstreq half-configured", True),
        ("install ok triggers-awaited", True),
        ("install ok triggers-pending", True),
        ("install ok half-installed", False),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
    ],
)
def test_a_package_whose_files_are_there_is_named_in_whatever_state_it_is(state: str, *, present: bool) -> None:
    assert purls("var/lib/dpkg/status", f"Package: a\nStatus: {state}\nVersion: 1\n") == (
        {"deb/debian/a@1"} if present else set()
    )


@pytest.mark.parametrize(
    ("vendor", "namespace"),
    [
        ("Red Hat, Inc.", "redhat/"),
        ("CentOS", "centos/"),
        ("Fedora Project", "fedora/"),
        ("AlmaLinux", "almalinux/"),
        ("Rocky Enterprise Software Foundation", "rocky/"),
        ("Amazon Linux", "amzn/"),
        ("Oracle America", "oracle/"),
        ("SUSE LLC <https://www.suse.com/>", "suse/"),
        ("openSUSE", "opensuse/"),
        ("Microsoft Corporation", "azurelinux/"),
        ("VMware, Inc.", "photon/"),
        ("Somebody", ""),
    ],
)
def test_a_package_of_rpm_has_the_namespace_of_its_vendor(vendor: str, namespace: str) -> None:
    listed = AZURE.replace("Microsoft Corporation", vendor).format(name="a", src="(none)")

    assert purls("var/lib/rpmmanifest/container-manifest-2", listed) == {f"rpm/{namespace}a@9.0-1.azl3?arch=x86_64"}


@pytest.mark.parametrize("data", ["a\tb\n", "\t" * 9 + "x", "nothing"])
def test_a_list_with_other_columns_is_one_clear_skip(data: str) -> None:
    assert "columns" in complaint("var/lib/rpmmanifest/container-manifest-2", data)


def test_a_database_whose_log_is_not_written_back_is_not_seen_whole(tmp_path: Path) -> None:
    path = tmp_path / "rpmdb.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        database.execute("INSERT INTO Packages (blob) VALUES (?)", [rpm.header("bash")])
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("INSERT INTO Packages (blob) VALUES (?)", [rpm.header("hidden")])
        database.commit()
        files = [(f"var/lib/rpm/{each.name}", each.read_bytes()) for each in sorted(tmp_path.iterdir())]
    assert [name.rpartition("/")[2] for name, _ in files] == ["rpmdb.sqlite", "rpmdb.sqlite-shm", "rpmdb.sqlite-wal"]

    inspection = look(tarred(*files), "image.tar", scanners=[build({})])

    assert [package.purl.partition("@")[0] for package in inspection.packages] == ["pkg:rpm/redhat/bash"]
    assert ["may hold packages" in skip.detail for skip in inspection.coverage.skipped] == [True]


def test_a_manifest_of_chisel_is_found_in_a_layer_as_it_is_packed() -> None:
    listed = (
        b'{"jsonwall":"1.0","count":2}\n{"kind":"package","name":"libc6","version":"2.39-0ubuntu8","arch":"amd64"}\n'
    )
    layer = tarred(("./var/lib/chisel/manifest.wall", zstandard.compress(listed)), ("./etc/os-release", b"ID=ubuntu\n"))

    inspection = look(layer, "layer.tar", scanners=[build({})])

    assert "pkg:deb/ubuntu/libc6@2.39-0ubuntu8?arch=amd64" in {package.purl for package in inspection.packages}
    assert inspection.coverage.complete


@pytest.mark.parametrize(
    ("release", "package", "ecosystem"),
    [
        ("ID=debian\nVERSION_ID=12\n", ("var/lib/dpkg/status", "Package: a\nVersion: 1\n"), "Debian:12"),
        ("ID=ubuntu\nVERSION_ID=24.04\n", ("var/lib/dpkg/status.d/a", "Package: a\nVersion: 1\n"), "Ubuntu:24.04"),
        ("ID=alpine\nVERSION_ID=3.18.4\n", ("lib/apk/db/installed", "P:a\nV:1\n"), "Alpine:v3.18"),
        ("ID=wolfi\nVERSION_ID=20230201\n", ("lib/apk/db/installed", "P:a\nV:1\n"), "Wolfi"),
        ("ID=chainguard\nVERSION_ID=20230214\n", ("lib/apk/db/installed", "P:a\nV:1\n"), "Chainguard"),
        (
            "ID=azurelinux\nVERSION_ID=3.0\n",
            ("var/lib/rpmmanifest/container-manifest-2", AZURE.format(name="a", src="(none)")),
            "Azure Linux:3",
        ),
        ("ID=debian\nVERSION_ID=12\n", ("lib/apk/db/installed", "P:a\nV:1\n"), ""),
        ("ID=arch\n", ("var/lib/dpkg/status", "Package: a\nVersion: 1\n"), ""),
    ],
)
def test_the_release_of_a_system_says_whose_advisories_count(
    release: str, package: tuple[str, str], ecosystem: str
) -> None:
    told = [fact.purl for fact in SCANNER.scan(member("etc/os-release", release)) if isinstance(fact, Package)]
    (found,) = (fact for fact in SCANNER.scan(member(*package)) if isinstance(fact, Package))

    at = place(found.purl, distro_of(told))

    assert at is not None
    assert at.ecosystem == ecosystem


@pytest.mark.parametrize("entry", ['{"kind":"package"}', '{"kind":"package","name":"a"}', '{"kind":"package","name":7'])
def test_a_package_of_chisel_that_is_none_is_one_clear_skip(entry: str) -> None:
    assert complaint("chisel/manifest.wall/manifest", f'{{"jsonwall":"1.0"}}\n{entry}\n')


@pytest.mark.parametrize("data", ["%NAME%\n", "%NAME%\na\n\n%VERSION%\n\n", "%%\n%%\n", ""])
def test_an_installed_package_of_arch_without_name_or_version_is_one_clear_skip(data: str) -> None:
    assert "name or version" in complaint("var/lib/pacman/local/a-1/desc", data)
