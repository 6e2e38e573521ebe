"""Variants of formats: newer versions, other groups, aliases, what is the project's own; line ends and marks."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Package, Skip
from customhouse.scanners import Member
from customhouse.scanners.ecosystems import _CONTAINED
from tests.scanners.ecosystems import rpm
from tests.scanners.ecosystems.support import SCANNER, complaint, member, purls

GRAPH = {
    "@context": "https://spdx.org/rdf/3.0.1/spdx-context.jsonld",
    "@graph": [
        {"type": "software_Package", "software_packageUrl": "pkg:npm/a@1"},
        {
            "type": "software_Package",
            "externalIdentifier": [
                {"externalIdentifierType": "cpe23", "identifier": "cpe:2.3:a:b"},
                {"externalIdentifierType": "packageUrl", "identifier": "pkg:pypi/b@2"},
            ],
        },
        {"type": "software_File", "software_packageUrl": "pkg:npm/no@1"},
        {"type": "software_Package"},
        7,
    ],
}
FLAKE = {
    "version": 7,
    "nodes": {
        "root": {"inputs": {"nixpkgs": "nixpkgs"}},
        "nixpkgs": {"locked": {"type": "github", "owner": "NixOS", "repo": "nixpkgs", "rev": "abc"}},
        "own": {"locked": {"type": "path", "path": "./x"}},
        "lab": {"locked": {"type": "gitlab", "owner": "o", "repo": "r", "rev": "def"}},
    },
}

CASES = [
    (
        "Cartfile.resolved",
        'github "Alamofire/Alamofire" "5.0.0"\ngit "https://host/a/b.git" "v1.2" # why\nbinary "https://h/x" "1"\n',
        "swift/github.com/Alamofire/Alamofire@5.0.0 swift/host/a/b@v1.2",
    ),
    (
        "environment.yml",
        (
            "name: x\ndependencies:\n  - numpy=1.21\n  - conda-forge::scipy==1.7.3=py39_0\n  - pip\n  - python>=3.8\n"
            "  - a = 1.0\n  - pip:\n    - requests==2.0\n    - -e .\n"
        ),
        "conda/numpy@1.21 conda/scipy@1.7.3?channel=conda-forge conda/pip conda/python conda/a@1.0 pypi/requests@2.0",
    ),
    (
        "conda-lock.yml",
        "version: 1\npackage:\n- {name: a, version: '1', manager: conda}\n- {name: b, version: '2', manager: pip}\n",
        "conda/a@1 pypi/b@2",
    ),
    ("flake.lock", json.dumps(FLAKE), "github/nixos/nixpkgs@abc gitlab/o/r@def"),
    ("sbom.json", json.dumps(GRAPH), "npm/a@1 pypi/b@2"),
    (
        "rebar.lock",
        '{"1.2.0",\n[{<<"a">>,{pkg,<<"real">>,<<"1.0">>},0},\n {<<"b">>,{git,"https://h/b",{ref,"abc"}},0}]}.\n',
        "hex/real@1.0 hex/b",
    ),
    (
        "Pipfile.lock",
        '{"_meta": {"pipfile-spec": 6}, "docs": {"sphinx": {"version": "==7.0"}}, "default": {}}',
        "pypi/sphinx@7.0",
    ),
    (
        "Cargo.toml",
        "[dependencies]\nmine = { package = 'real', version = '1.0' }\nlocal = { path = '../local' }\n",
        "cargo/real@1.0",
    ),
    (
        "bom.xml",
        (
            '<bom xmlns="http://cyclonedx.org/schema/bom/1.6"><metadata><component><purl>pkg:npm/own@1</purl></component>'
            "</metadata><components><component><purl>pkg:npm/a@1</purl><components><component><purl>pkg:npm/b@2</purl>"
            "</component></components></component></components></bom>"
        ),
        "npm/a@1 npm/b@2",
    ),
    (
        "bun.lock",
        '{"lockfileVersion": 1, "packages": {"own": ["own@workspace:packages/own"], "x": ["@s/x@1.0.0", "", {}]}}',
        "npm/@s/x@1.0.0",
    ),
    ("poetry.lock", '\ufeff[[package]]\r\nname = "a"\r\nversion = "1"\r\n', "pypi/a@1"),
    ("requirements.txt", "\ufeffa1==1.0\r\nb2==2.0 \\\r\n  --hash=sha256:0\r\n", "pypi/a1@1.0 pypi/b2@2.0"),
    ("yarn.lock", '\ufeff# yarn lockfile v1\r\n\r\na@^1:\r\n  version "1.0.0"\r\n', "npm/a@1.0.0"),
    ("package-lock.json", '\ufeff{"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1"}}}', "npm/a@1"),
    ("go.mod", "module x\r\ngo 1.21\r\nrequire a.b/c v1.0.0 // indirect\r\n", "golang/a.b/c@v1.0.0 golang/stdlib@1.21"),
    ("gradle.lockfile", "# comment\r\na:b:1=x,y\r\nempty=z\r\n", "maven/a/b@1"),
    ("Gemfile.lock", "GEM\r\n  specs:\r\n    a (1.0)\r\n      b (>= 1)\r\n", "gem/a@1.0"),
]


@pytest.mark.parametrize(("path", "data", "expected"), CASES)
def test_every_variant_names_what_it_holds(path: str, data: str, expected: str) -> None:
    assert purls(path, data) == set(expected.split())


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("package-lock.json", '{"lockfileVersion": 4, "packages": {}}'),
        ("pnpm-lock.yaml", "lockfileVersion: '10.0'\npackages: {}\n"),
        ("bun.lock", '{"lockfileVersion": 2, "packages": {}}'),
        ("deno.lock", '{"version": "6", "npm": {}}'),
        ("Package.resolved", '{"version": 4, "pins": []}'),
        ("poetry.lock", '[metadata]\nlock-version = "3.0"\n'),
        ("pdm.lock", '[metadata]\nlock_version = "5.0"\n'),
        ("pylock.toml", 'lock-version = "2.0"\n'),
        ("uv.lock", "version = 2\n"),
        ("Pipfile.lock", '{"_meta": {"pipfile-spec": 7}}'),
        ("Cargo.lock", "version = 5\n"),
        ("packages.lock.json", '{"version": 3, "dependencies": {}}'),
        ("Manifest.toml", 'manifest_format = "3.0"\n'),
        ("flake.lock", '{"version": 8}'),
        ("conda-lock.yml", "version: 2\n"),
    ],
)
def test_a_format_newer_than_what_is_understood_is_one_clear_skip(path: str, data: str) -> None:
    assert "newer than" in complaint(path, data)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("package-lock.json", '{"lockfileVersion": 1}'),
        ("pnpm-lock.yaml", "lockfileVersion: 5.4\n"),
        ("poetry.lock", '[metadata]\nlock-version = "2.1"\n'),
        ("Cargo.lock", "version = 4\n"),
        ("Manifest.toml", 'manifest_format = "2.0"\n'),
        ("uv.lock", "version = 1\nrevision = 3\n"),
    ],
)
def test_versions_that_are_understood_are_read(path: str, data: str) -> None:
    assert not purls(path, data)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_rpm_database_of_berkeley(order: str) -> None:
    data = rpm.berkeley(rpm.header("bash"), rpm.header("x" * 900, epoch=1), order=order)

    found = {purl.partition("?")[0] for purl in purls("var/lib/rpm/Packages", data)}
    assert found == {"rpm/redhat/bash@1.0-1.el9", f"rpm/redhat/{'x' * 900}@1.0-1.el9"}


BERKELEY = rpm.berkeley(rpm.header("bash"), rpm.header("x" * 900))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no database" * 9,
        BERKELEY[:1100],
        BERKELEY.replace(b"\0\x07", b"\0\x06"),
        rpm.berkeley(*[rpm.header("bash")] * 2)[:1024] + bytes(512),
    ],
)
def test_a_broken_database_of_berkeley_is_one_clear_skip(data: bytes) -> None:
    assert complaint("var/lib/rpm/Packages", data)


def test_many_entries_that_lead_to_one_header_are_refused() -> None:
    one = rpm.berkeley(*[rpm.header("bash")] * 22)
    lying = bytearray(one)
    first = 512 + 26 + 4 * 22 + 5
    for place in range(first, first + 17 * 22, 17):
        lying[place : place + 12] = one[first : first + 12]

    *_, last = SCANNER.scan(member("var/lib/rpm/Packages", bytes(lying[:1536])))

    assert isinstance(last, Skip)
    assert "room" in last.detail


MANIFESTS = [*_CONTAINED, ("go-module", "host/p@v1.0.0/go.mod")]
BEGINNINGS = [b"", b"\x03\0\x08\0", b"\x8e\xad\xe8\x01\0\0\0\0", b"{", b"[{"]


@given(st.sampled_from(MANIFESTS), st.sampled_from(BEGINNINGS), st.binary(max_size=200))
def test_no_manifest_of_a_package_fails_on_any_bytes_but_by_saying_so(
    place: tuple[str, str], head: bytes, tail: bytes
) -> None:
    container, inside = place
    given_ = Member(f"a!/{inside}", inside, "data", len(head + tail), head + tail, container=container)

    assert SCANNER.wants(given_)
    assert all(isinstance(fact, Package | Skip) for fact in SCANNER.scan(given_))


@pytest.mark.parametrize(("container", "inside"), MANIFESTS)
def test_a_manifest_is_read_only_in_the_container_that_it_describes(container: str, inside: str) -> None:
    elsewhere = Member(f"a!/deep/{inside}", f"deep/{inside}", "data", 0, b"", container="zip")

    assert container != "zip"
    assert SCANNER.wants(elsewhere) == (inside.endswith("go.mod"))
