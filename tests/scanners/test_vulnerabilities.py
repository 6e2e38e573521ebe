from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from customhouse.errors import ConfigError, Transient
from customhouse.inspect import Limits, inspect
from customhouse.model import Finding, Package, Skip, SkipReason
from customhouse.scanners.packages import Packages
from customhouse.scanners.vulnerabilities import Vulnerabilities, build
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.library import Library
from tests.inspect.support import tarred
from tests.scanners.support import member
from tests.vulnerabilities.support import NOW, empty, index, record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from customhouse.model import Fact, Location
    from customhouse.ports import Body
    from customhouse.scanners import Member

ADVISORY = record("GHSA-1", "npm", "a", ("introduced", "0"), ("fixed", "1.2.0"))
LOCK = b'{"packages": {"node_modules/a": {"version": "1.0.0"}}}'


def sbom(*purls: str) -> Member:
    """A member that names these packages."""
    document = {"bomFormat": "CycloneDX", "components": [{"purl": purl} for purl in purls]}
    return member(json.dumps(document).encode(), "bom.json")


def said(scanner: Vulnerabilities, *members: Member) -> list[Fact]:
    """What the scanner says of an artifact with these members, as the engine asks it."""
    facts = [fact for each in members for fact in scanner.scan(each)]
    packages = [fact for fact in facts if isinstance(fact, Package)]
    return [*facts, *(scanner.conclude(packages) if packages else ())]


LOCKED = member(LOCK, "package-lock.json")
DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_packages_of_a_member_are_matched(clock: Clock) -> None:
    library = empty()
    index(ADVISORY, library=library)
    scanner = Vulnerabilities(library, 7, clock)
    assert scanner.wants(LOCKED)
    assert not scanner.wants(member(b"{}", "other.json"))
    package, finding = said(scanner, LOCKED)
    assert package == Package("pkg:npm/a@1.0.0", LOCKED.path)
    assert isinstance(finding, Finding)
    assert (finding.rule, finding.member) == ("GHSA-1", LOCKED.path)


def test_without_packages_the_index_is_not_needed(clock: Clock) -> None:
    assert list(said(Vulnerabilities(empty(), 7, clock), sbom())) == []


def test_no_index_is_a_skip_never_clean(clock: Clock) -> None:
    scanner = Vulnerabilities(empty(), 7, clock)
    _, skip = said(scanner, LOCKED)
    assert isinstance(skip, Skip)
    assert skip.reason is SkipReason.ENGINE
    assert skip.detail.startswith("vulnerability index: nothing stands at")
    assert scanner.version == "none"


def test_a_stale_index_finds_what_it_knows_and_is_a_skip(clock: Clock) -> None:
    library = empty()
    index(ADVISORY, library=library)
    scanner = Vulnerabilities(library, 7, clock)
    before = scanner.version
    clock.now += 8 * DAY
    assert scanner.version == f"{before}, too old"  # so that no stored inspection from before is taken
    _, skip, finding = said(scanner, LOCKED)
    assert isinstance(skip, Skip)
    assert skip.detail == "vulnerability index: it is 8.0 days old"
    assert isinstance(finding, Finding)


def test_a_broken_shard_is_a_skip(clock: Clock) -> None:
    library = empty()
    at = index(ADVISORY, library=library)
    library.write(shards.shard_key(at.manifest.shards["npm"][0]), b"broken")
    _, skip = said(Vulnerabilities(library, 7, clock), LOCKED)
    assert isinstance(skip, Skip)
    assert skip.reason is SkipReason.ENGINE


def test_a_store_that_does_not_answer_is_a_skip(clock: Clock) -> None:
    class Down:
        root = "memory://down"

        def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
            raise Transient(f"{location.key} {start} {length}")

    _, skip = said(Vulnerabilities(Library(Down()), 7, clock), LOCKED)  # type: ignore[arg-type]
    assert isinstance(skip, Skip)
    assert skip.reason is SkipReason.ENGINE


@pytest.mark.parametrize(
    ("purl", "detail"),
    [
        ("pkg:pypi/a@1", "PyPI"),
        ("pkg:deb/debian/a@1", "an unknown release"),
        ("pkg:rpm/fedora/a@1-1.fc40", "an unknown release"),
        ("pkg:deb/debian/a@1?distro=debian-12", "Debian:12"),
    ],
)
def test_what_the_index_cannot_know_is_a_skip(clock: Clock, purl: str, detail: str) -> None:
    library = empty()
    index(ADVISORY, library=library)
    *_, skip = said(Vulnerabilities(library, 7, clock), sbom(purl, purl.replace("/a@", "/b@")))
    assert isinstance(skip, Skip)
    assert skip.reason is SkipReason.UNSUPPORTED
    assert skip.detail.endswith(detail)


def test_types_without_any_advisories_are_no_skip(clock: Clock) -> None:
    library = empty()
    index(ADVISORY, library=library)
    packages = sbom("pkg:helm/a@1", "pkg:cocoapods/a@1", "pkg:npm/a")
    assert all(isinstance(fact, Package) for fact in said(Vulnerabilities(library, 7, clock), packages))


def test_a_package_file_that_does_not_read_is_a_skip(clock: Clock) -> None:
    (skip,) = said(Vulnerabilities(empty(), 7, clock), member(b"{", "package-lock.json"))
    assert isinstance(skip, Skip)
    assert skip.reason is SkipReason.CORRUPT


def test_a_system_tells_its_release_by_its_own_packages(clock: Clock) -> None:
    library = empty()
    index(record("DEBIAN-CVE-1-1", "Debian:12", "glibc", ("introduced", "0"), ("fixed", "2.36-10")), library=library)
    status = b"Package: base-files\nVersion: 12.4+deb12u5\n\nPackage: libc6\nSource: glibc\nVersion: 2.36-9\n"
    facts = list(said(Vulnerabilities(library, 7, clock), member(status, "var/lib/dpkg/status")))
    assert [fact.rule for fact in facts if isinstance(fact, Finding)] == ["DEBIAN-CVE-1-1"]
    assert not any(isinstance(fact, Skip) for fact in facts)


def test_a_new_index_is_seen_after_a_while(clock: Clock) -> None:
    library = empty()
    index(record("X-0", "npm", "b", ("introduced", "0")), library=library)
    scanner = Vulnerabilities(library, 7, clock)
    before = scanner.version
    index(ADVISORY, library=library, now=NOW + 60)
    clock.now += 60
    assert scanner.version == before
    clock.now += DAY / 24
    assert scanner.version != before
    assert [fact.rule for fact in said(scanner, LOCKED) if isinstance(fact, Finding)] == ["GHSA-1"]


def test_options_are_checked() -> None:
    assert build({"index": empty(), "max_age": 2}).name == "vulnerabilities"
    with pytest.raises(ConfigError, match="index"):
        build({})
    with pytest.raises(ConfigError, match="index"):
        build({"index": "s3://bucket"})
    with pytest.raises(ConfigError, match="depth"):
        build({"index": empty(), "depth": 1})


def test_a_file_a_package_is_matched_by_the_os_release_beside_it(clock: Clock) -> None:
    library = empty()
    index(record("D-1", "Debian:12", "tzdata", ("introduced", "0"), ("fixed", "2025a-1")), library=library)
    status, told = b"Package: tzdata\nVersion: 2024a-1\n", b"ID=debian\nVERSION_ID=12\n"
    image = tarred(("var/lib/dpkg/status.d/tzdata", status), ("etc/os-release", told))
    seen = inspect("image.tar", [image], [Vulnerabilities(library, 7, clock)], Limits())
    assert [(finding.rule, finding.member) for finding in seen.findings] == [
        ("D-1", "image.tar!/var/lib/dpkg/status.d/tzdata")
    ]
    assert seen.coverage.complete
    assert len(seen.packages) == 2


def test_a_scanner_that_fails_to_conclude_leaves_the_artifact_unseen() -> None:
    class Failing(Packages):
        def conclude(self, packages: Sequence[Package]) -> list[Fact]:
            raise ValueError(packages[0].purl)

    seen = inspect("package-lock.json", [LOCK], [Failing()], Limits())
    (skip,) = seen.coverage.skipped
    assert skip.detail == "scanner packages failed: ValueError: pkg:npm/a@1.0.0"
    assert not seen.coverage.complete
