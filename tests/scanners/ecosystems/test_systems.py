"""What is installed on a system: dpkg, apk, rpm, Go programs; and documents that say so."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
from contextlib import closing
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from customhouse.errors import ConfigError
from customhouse.model import Package, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.ecosystems import MODULES, Found, Source
from customhouse.scanners.ecosystems.gobinary import MAGIC
from customhouse.scanners.packages import build
from tests.scanners.ecosystems import rpm
from tests.scanners.ecosystems.programs import go
from tests.scanners.ecosystems.support import SCANNER, complaint, member, purls, shapes

STATUS = """Package: libc6
Status: install ok installed
Maintainer: GNU Libc Maintainers <a@debian.org>
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u4
Description: C library
 Version: 9.9

Package: gone
Status: deinstall ok config-files
Version: 1

Package: curl
Status: install ok installed
Version: 1:7.88~rc1
"""


def test_dpkg_names_what_is_installed_and_its_source() -> None:
    assert purls("var/lib/dpkg/status", STATUS) == {
        "deb/debian/libc6@2.36-9+deb12u4?arch=amd64&upstream=glibc@2.36-9",
        "deb/debian/curl@1:7.88~rc1",
    }


def test_distroless_images_have_a_file_a_package() -> None:
    found = purls("layer.tar!/var/lib/dpkg/status.d/tzdata", "Package: tzdata\nVersion: 2024a\nMaintainer: Ubuntu x\n")
    assert found == {"deb/ubuntu/tzdata@2024a"}


def test_who_maintains_a_package_of_debian_from_an_address_at_ubuntu_is_no_ubuntu() -> None:
    data = "Package: a\nVersion: 1\nMaintainer: R <r@ubuntu.com>\n\nPackage: b\nVersion: 1\nMaintainer: Ubuntu x\n"
    assert purls("var/lib/dpkg/status", data) == {"deb/debian/a@1", "deb/ubuntu/b@1"}


def test_apk_names_what_is_installed_and_its_origin() -> None:
    assert purls(
        "lib/apk/db/installed", "P:ssl_client\nV:1.36.1-r5\nA:x86_64\no:busybox\nL:GPL-2.0-only\n\nP:noversion\n"
    ) == {"apk/alpine/ssl_client@1.36.1-r5?arch=x86_64&upstream=busybox"}


def test_the_release_is_told_by_os_release() -> None:
    data = 'NAME="Debian"\nID=debian\nVERSION_ID="12"\n# ID=x\nBROKEN=\'\n'
    assert purls("etc/os-release", data) == {"generic/debian@12?distro=debian-12"}
    assert purls("usr/lib/os-release", "ID=arch\n") == {"generic/arch?distro=arch"}


@pytest.mark.parametrize("journal", [False, True])
def test_an_rpm_database_in_sqlite(*, journal: bool) -> None:
    data = rpm.sqlite(rpm.header("bash", epoch=1), rpm.header("gpg-pubkey"), rpm.header("zlib"), journal=journal)
    assert purls("var/lib/rpm/rpmdb.sqlite", data) == {
        "rpm/redhat/bash@1.0-1.el9?arch=x86_64&epoch=1&upstream=bash.src.rpm",
        "rpm/redhat/zlib@1.0-1.el9?arch=x86_64&upstream=zlib.src.rpm",
    }


def test_an_rpm_database_in_ndb() -> None:
    found = purls("usr/lib/sysimage/rpm/Packages.db", rpm.ndb(rpm.header("bash"), rpm.header("zlib")))
    assert {purl.partition("@")[0] for purl in found} == {"rpm/redhat/bash", "rpm/redhat/zlib"}


def test_a_database_whose_schema_runs_code_is_refused() -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(
            "CREATE VIEW Packages AS WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM r) "
            "SELECT zeroblob(1000000) AS blob FROM r"
        )
        data = database.serialize()
    assert "database" in complaint("rpmdb.sqlite", data)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("rpmdb.sqlite", b"not a database"),
        ("rpmdb.sqlite", rpm.sqlite(b"\xff" * 40)),
        ("rpmdb.sqlite", rpm.sqlite(b"")),
        ("rpm/Packages.db", b"RpmP"),
        ("rpm/Packages.db", b"Rpmx" + bytes(40)),
        ("rpm/Packages.db", rpm.ndb(rpm.header("bash"))[:4096]),
        ("rpm/Packages.db", rpm.ndb(rpm.header("bash")).replace(b"BlbS", b"....")),
    ],
)
def test_a_broken_database_is_one_clear_skip(path: str, data: bytes) -> None:
    assert complaint(path, data)


def program(information: str) -> bytes:
    """An ELF file in name only, with build information as the linker of Go 1.18 and later writes it."""
    return b"\x7fELF" + bytes(100) + go(information) + bytes(100)


INFORMATION = (
    "path\tcmd/x\nmod\texample.com/x\t(devel)\t\n"
    "dep\th.com/a\tv1.0.0\th1:x=\ndep\th.com/b\tv1\n=>\th.com/c\tv2\th1:y=\n"
)
MODULES_FOUND = {"golang/stdlib@1.22.1", "golang/h.com/a@v1.0.0", "golang/h.com/c@v2"}


def test_a_go_program_names_its_modules() -> None:
    assert purls("bin/x", program(INFORMATION)) == MODULES_FOUND


def test_a_large_go_program_is_searched_in_its_stream() -> None:
    data = program(INFORMATION)
    padded = data[:4] + bytes((4 << 20) - 120) + data[4:]
    given = Member("bin/x", "x", "elf", len(padded), padded[:4096], last=False, stream=io.BytesIO(padded))
    assert SCANNER.wants(given)
    facts = list(SCANNER.scan(given))
    assert {unquote(fact.purl).removeprefix("pkg:") for fact in facts if isinstance(fact, Package)} == MODULES_FOUND


def test_programs_of_other_languages_name_nothing() -> None:
    assert purls("bin/x", b"\x7fELF" + bytes(1000)) == set()
    assert not SCANNER.wants(member("bin/dummy", "This is not a Go binary."))


def test_broken_build_information_is_one_clear_skip() -> None:
    *known, skip = SCANNER.scan(member("bin/x", program(INFORMATION)[:-150]))
    assert [fact.purl for fact in known if isinstance(fact, Package)] == ["pkg:golang/stdlib@1.22.1"]
    assert isinstance(skip, Skip)
    endless = b"\x7fELF" + MAGIC + b"\x08\x02" + bytes(16) + b"\xff" * 30
    assert "Go program" in complaint("bin/x", endless)


CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "components": [
        {"purl": "pkg:pypi/a@1", "components": [{"purl": "pkg:rpm/centos/b@2-1?distro=centos-7"}]},
        {"purl": "pkg:deb/debian/libc6@1", "properties": [{"name": "x:trivy:SrcName", "value": "glibc"}]},
        {"name": "no purl"},
        {"purl": "nonsense"},
    ],
}
IN_CYCLONEDX = {"pypi/a@1", "rpm/centos/b@2-1?distro=centos-7", "deb/debian/libc6@1?upstream=glibc"}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "packages": [
        {
            "sourceInfo": "built package from: x 1",
            "externalRefs": [
                {"referenceType": "purl", "referenceLocator": "pkg:npm/%40s/a@1"},
                {"referenceType": "cpe23Type"},
            ],
        }
    ],
}


def envelope(document: object, *, wrap: bool) -> str:
    statement = {"_type": "x", "predicate": {"Data": document} if wrap else document}
    return json.dumps({"payload": base64.b64encode(json.dumps(statement).encode()).decode()})


@pytest.mark.parametrize(
    ("path", "data", "expected"),
    [
        ("bom.json", json.dumps(CYCLONEDX), IN_CYCLONEDX),
        ("any/name.txt", json.dumps(CYCLONEDX), IN_CYCLONEDX),
        ("x.spdx.json", json.dumps(SPDX), {"npm/@s/a@1"}),
        ("x.spdx", "SPDXVersion: SPDX-2.2\nExternalRef: PACKAGE-MANAGER purl pkg:pypi/a@1\n", {"pypi/a@1"}),
        (
            "bom.xml",
            "<bom xmlns='http://cyclonedx.org/schema/bom/1.4'><components><component><purl>pkg:pypi/a@1</purl></component></components></bom>",
            {"pypi/a@1"},
        ),
        ("x.intoto.jsonl", envelope(SPDX, wrap=False), {"npm/@s/a@1"}),
        ("x.intoto.jsonl", envelope(CYCLONEDX, wrap=True), IN_CYCLONEDX),
    ],
)
def test_bills_of_materials_inside_are_read(path: str, data: str, expected: set[str]) -> None:
    assert purls(path, data) == expected


def test_an_envelope_that_is_no_base64_is_one_clear_skip() -> None:
    assert "base64" in complaint("x.intoto.jsonl", '{"payload": "%%%"}')


@pytest.mark.parametrize(
    "data",
    [
        '<!DOCTYPE p [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><project>&b;</project>',
        '<!DOCTYPE p [<!ENTITY a SYSTEM "file:///etc/passwd">]><project>&a;</project>',
        "<project>" + "<a>" * 5000,
    ],
)
def test_hostile_xml_is_refused_before_it_grows(data: str) -> None:
    assert "XML" in complaint("pom.xml", data)


def test_yaml_types_are_text_and_keys_of_merging_are_keys() -> None:
    rows = ["base: &base {version: 2}", "packages: {p: {version: 1.10, <<: *base}, q: *base}"]
    assert purls("pubspec.lock", "\n".join([*rows, "x: !!python/object/apply:os.system [id]"])) == {
        "pub/p@1.10",
        "pub/q@2",
    }


def test_yaml_aliases_that_repeat_each_other_without_end_are_one_clear_skip() -> None:
    rows = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    rows += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]" for before, name in zip("abcdefg", "bcdefgh", strict=True)
    ]
    assert "values" in complaint("pubspec.lock", "\n".join(rows))


def test_a_file_too_large_to_parse_is_a_skip_for_its_size() -> None:
    given = Member("package.json", "package.json", "text", 65 << 20, b"{", last=False, stream=io.BytesIO(b"{"))
    assert [fact.reason for fact in SCANNER.scan(given) if isinstance(fact, Skip)] == [SkipReason.LIMIT]


def test_a_lock_file_beyond_the_window_is_read_from_its_stream() -> None:
    data = b'{"packages": [' + b" " * 1000 + b'{"name": "v/a", "version": "1"}]}'
    given = Member("composer.lock", "composer.lock", "text", len(data), data[:10], last=False, stream=io.BytesIO(data))
    assert [fact.purl for fact in SCANNER.scan(given) if isinstance(fact, Package)] == ["pkg:composer/v/a@1"]


def test_text_that_no_utf8_has_is_one_clear_skip() -> None:
    assert complaint("META.json", '{"name": "\\ud800", "version": "1"}')


def test_options_are_refused() -> None:
    with pytest.raises(ConfigError, match="packages"):
        build({"deep": True})


NAMES = st.text("aB1.-_+~:@é%?# ", max_size=12)


@given(st.sampled_from(["pypi", "npm", "maven", "golang", "deb", "hex", "pub"]), NAMES, NAMES, NAMES)
def test_every_purl_reads_back_to_itself(kind: str, name: str, version: str, namespace: str) -> None:
    purl = Found(kind, name, version, namespace).purl
    if purl and PackageURL.from_string(purl).name:
        assert Found(kind, *_parts(purl)).purl == purl


def _parts(purl: str) -> tuple[str, str, str]:
    parts = PackageURL.from_string(purl)
    return parts.name, parts.version or "", parts.namespace or ""


PARSERS = [(pattern, parser) for module in MODULES for pattern, parser in module.PARSERS.items()]


@given(st.sampled_from(PARSERS), st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_no_parser_fails_on_any_bytes_but_by_saying_so(chosen: tuple[str, object], data: bytes) -> None:
    path = chosen[0].replace("*", "x-1")
    assert all(isinstance(fact, Package | Skip) for fact in SCANNER.scan(member(path, data)))


JSON = shapes(st.just("pkg:npm/a@1"), "packages dependencies name version components purl pins default npm Packages a")
JSON_FILES = [
    pattern for pattern, _ in PARSERS if "json" in pattern or pattern in {"Package.resolved", "bun.lock", "renv.lock"}
]


@given(st.sampled_from(JSON_FILES), JSON)
def test_json_of_any_shape_is_read_or_refused(pattern: str, value: object) -> None:
    path = pattern.replace("*", "x-1")
    assert all(isinstance(fact, Package | Skip) for fact in SCANNER.scan(member(path, json.dumps(value))))


def test_every_pattern_finds_its_parser() -> None:
    for pattern, parser in PARSERS:
        path = pattern.replace("*", "x-1")
        given = member(f"a!/b/{path}", b"")
        assert SCANNER.wants(given), pattern
        assert parser(Source(b"", path)) is not None
