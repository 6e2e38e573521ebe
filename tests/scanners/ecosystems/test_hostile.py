"""Files made to stop a parser: what takes a time that grows with the square of their size does not end here."""

from __future__ import annotations

import json
import sqlite3
import struct
import tracemalloc
from contextlib import closing

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from packageurl import PackageURL

from customhouse.errors import Malformed
from customhouse.model import Package, Skip
from customhouse.scanners import Member
from customhouse.scanners.ecosystems.gobinary import MAGIC
from customhouse.scanners.ecosystems.yamls import yaml_documents
from tests.scanners.ecosystems import rpm
from tests.scanners.ecosystems.support import SCANNER, complaint, member, purls, shapes
from tests.scanners.ecosystems.test_systems import PARSERS

MANY = 1_000_000
GEM = "Gem::Specification.new do |s|\ns.name = 'a'\ns.version = "


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("deps.ts", "import " * MANY),
        ("deps.ts", "import" + " " * MANY),
        ("requirements.txt", "a1" + " " * MANY + "b"),
        ("paket.dependencies", "nuget" + " " * MANY + "#"),
        ("mix.lock", "\n" * MANY),
        ("cabal.project.freeze", "any." * MANY),
        ("stack.yaml.lock", "hackage:" + "1-" * MANY),
        ("setup.py", "'a[" * MANY),
        ("setup.py", "'a" + " " * MANY),
        ("x.spdx", "ExternalRef: PACKAGE-MANAGER purl x" + " " * MANY + "y"),
        ("rebar.lock", '{<<"a' * MANY),
        (".opam-switch/switch-state", "installed: [\n" * MANY),
        (".opam-switch/switch-state", "installed:" + "\n" * MANY),
        ("yarn.lock", 'a:\n  resolved "https://h' + "/-" * MANY),
        ("yarn.lock", 'a:\n  resolved "https://h' + "/@a" * MANY),
        (".terraform.lock.hcl", 'provider "a" {' * MANY),
        ("wp-content/plugins/a.php", "/* Version:" * MANY),
        ("conanfile.txt", "[requires]\n" + "[" * MANY),
        ("META-INF/maven/g/a/pom.properties", "a" + " " * MANY + "b"),
    ],
)
def test_a_file_that_only_repeats_itself_names_nothing(path: str, data: str) -> None:
    assert not purls(path, data)


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("bun.lock", "/*" * MANY),
        ("bun.lock", '"' + '\\"' * MANY),
        ("bun.lock", '"\\"' * MANY + "\\"),
        ("a.gemspec", f"{GEM}A::V.x{chr(10) * MANY}"),
        ("a.gemspec", f"{GEM}Gem::Version.new{' ' * MANY}"),
        ("bin/x", b"\x7fELF" + MAGIC + b"\x08\x02" + bytes(16) + b"\xff" * MANY),
        ("poetry.lock", ".".join("a" * MANY) + " = 1"),
        ("poetry.lock", "x = {" + '"a" . ' * MANY + "b = 1}"),
        ("poetry.lock", "a = " + "[" * MANY),
        ("Cargo.lock", "#" * (17 << 20)),
        ("package.json", '{"a": [' + "{}," * 2 * MANY + "0]}"),
        ("package.json", '{"a": "' + "," * 3 * MANY + '"}'),
        ("pnpm-lock.yaml", "a:\n" + "- b\n" * MANY),
        ("pnpm-lock.yaml", "a: [" + "b," * MANY + "]"),
        ("poetry.lock", "a = [" + "1," * 2 * MANY + "]"),
        ("bom.xml", "<bom>" + "<a/>" * 3 * MANY + "</bom>"),
        ("bom.xml", "<bom " + "a='' " * 3 * MANY + "/>"),
    ],
)
def test_a_file_that_has_no_end_is_one_clear_skip(path: str, data: str | bytes) -> None:
    assert complaint(path, data)


@pytest.mark.parametrize("opening", ["[", "- ", "? ", "{a: ", "[a, ", "!t ["])
@pytest.mark.parametrize("path", ["pubspec.lock", "pnpm-lock.yaml", "a.gem!/metadata.gz/metadata"])
def test_yaml_that_nests_without_end_is_a_skip_and_no_crash(path: str, opening: str) -> None:
    assert "no YAML" in complaint(path, opening * 50_000)  # by us, or first by a libyaml that counts levels itself


def test_yaml_and_toml_may_nest_as_deep_as_real_files_do() -> None:
    deep = "".join(f"{' ' * level}a:\n" for level in range(150))
    assert purls("pubspec.lock", f"{deep}packages:\n  p: {{version: '1'}}\n") == {"pub/p@1"}
    assert purls("Cargo.toml", f'[{".".join("a" * 150)}]\n[package]\nname = "b"\n') == {"cargo/b"}


def test_a_replacement_for_each_of_many_modules_is_found() -> None:
    required = "".join(f"require h.com/a{n} v1.0.0\n" for n in range(20_000))
    replaced = "".join(f"replace h.com/a{n} => h.com/b{n} v2.0.0\n" for n in range(20_000))
    assert purls("go.mod", required + replaced) == {f"golang/h.com/b{n}@v2.0.0" for n in range(20_000)}


def test_an_alias_of_an_alias_without_end_names_one_package() -> None:
    assert len(purls("yarn.lock", f'{"a@npm:" * MANY}1:\n  version "1"\n')) == 1


def test_the_distribution_is_no_longer_than_a_name_is() -> None:
    data = "ID=" + "b" * MANY + "\nVERSION_ID='" + "\\" * MANY
    (found,) = purls("etc/os-release", data)
    assert len(found) < 2_000


def test_statements_inside_statements_end() -> None:
    deep = {"bomFormat": "CycloneDX", "components": [{"purl": "pkg:npm/a@1"}]}
    for _ in range(300):
        deep = {"predicate": deep}
    assert purls("x.intoto.jsonl", json.dumps(deep)) == {"npm/a@1"}


@pytest.mark.parametrize("name", ["a/" * 30_000 + "x.txt", "a" * 60_000 + ".json", "conda-meta/" * 6_000 + "x.txt"])
def test_a_name_of_sixty_thousand_letters_is_told_from_a_manifest(name: str) -> None:
    assert not SCANNER.wants(member(name, "text"))


def test_a_manifest_below_a_name_without_end_names_nothing() -> None:
    assert not purls(f"{'a' * 200_000}/META-INF/MANIFEST.MF", "Implementation-Version: 1\n")


def test_a_database_whose_pages_are_all_one_page_is_refused() -> None:
    size = root = 512
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(f"PRAGMA page_size={size}")
        database.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB NOT NULL)")
        blob = rpm.header("bash") + bytes(200)
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,)] * 60)
        data = bytearray(database.serialize()[: 5 * size])
    count = int.from_bytes(data[root + 3 : root + 5], "big")
    cells = [int.from_bytes(data[place : place + 2], "big") for place in range(root + 12, root + 12 + 2 * count, 2)]
    first = data[root + cells[0] : root + cells[0] + 4]
    for place in (8, *cells):
        data[root + place : root + place + 4] = first
    data[28:32] = (5).to_bytes(4, "big")

    *_, last = SCANNER.scan(member("rpmdb.sqlite", bytes(data)))

    assert isinstance(last, Skip)
    assert "room" in last.detail


def test_a_page_of_more_entries_than_it_has_room_for_is_refused() -> None:
    page = bytearray(512)
    page[20:22], page[25] = b"\xff\xff", 2
    data = rpm.berkeley(rpm.header("bash"))[:512] + bytes(page) * 10_000

    assert "room" in complaint("var/lib/rpm/Packages", data)


def test_many_names_without_an_end_are_read_as_far_as_any_name_goes() -> None:
    header = struct.pack(">II", 60_000, 8 << 20) + struct.pack(">IIII", 1000, 6, 0, 1) * 60_000 + b"a" * (8 << 20)

    (found,) = purls("rpmdb.sqlite", rpm.sqlite(header))
    assert len(found) < 5000


def test_a_header_of_more_entries_than_any_has_is_refused() -> None:
    assert "header" in complaint("rpmdb.sqlite", rpm.sqlite(struct.pack(">II", 1 << 16, 0) + bytes(16 << 16)))


def test_slots_that_all_lead_to_one_empty_header_are_refused() -> None:
    slots = 300_000
    blob = struct.pack("<4sIII", b"BlbS", 1, 1, 8) + bytes(16)
    slot = struct.pack("<4sIII", b"Slot", 1, 2 + slots, 1)
    data = struct.pack("<4sIII", b"RpmP", 0, 1, 1 << 20) + bytes(16) + slot * slots + blob

    assert "room" in complaint("rpm/Packages.db", data)


def test_a_property_as_large_as_its_file_is_not_multiplied() -> None:
    one = f"<groupId>g</groupId><artifactId>a</artifactId><version>{'${a}' * 90}</version>"
    properties = f"<properties><a>{'x' * (4 << 20)}</a></properties>"
    data = f"<project>{properties}<dependencies><dependency>{one}</dependency></dependencies></project>"

    tracemalloc.start()
    try:
        assert purls("pom.xml", data) == {"maven/g/a"}
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()


def test_a_database_of_berkeley_whose_page_leads_to_itself_is_refused() -> None:
    data = bytearray(rpm.berkeley(rpm.header("bash"), rpm.header("x" * 900)))
    for start in range(1024, len(data), 512):
        data[start + 16 : start + 20] = (start // 512).to_bytes(4, "little")
        data[start + 22 : start + 24] = b"\1\0"

    assert "lost page" in complaint("var/lib/rpm/Packages", bytes(data))


PIECES = st.sampled_from(
    [
        '{"',
        '"}',
        "[[package]]\n",
        'name = "a"\n',
        'version = "1"\n',
        "  a:\n",
        "    a (1.0)\n",
        "GEM\n",
        "NUGET\n",
        "a@npm:b@1:\n",
        '  version "1"\n',
        "require (\n",
        ")\n",
        "\th.com/a v1.0.0\n",
        "a1==1.0 \\\n",
        "P:a\nV:1\n\n",
        "Package: a\nVersion: 1\n\n",
        '"packages": {',
        "<project>",
        "</project>",
        '<package id="a" version="1"/>',
        "lockfileVersion: 6\n",
        "pkg:npm/a@1",
        "\ufeff",
        "\r\n",
        "\u2028",
        "\0",
        "::",
        "@",
        "/",
    ]
)


@given(st.sampled_from(PARSERS), st.lists(PIECES, max_size=12).map("".join), st.sampled_from(["utf-8", "utf-16"]))
def test_a_patchwork_of_formats_yields_valid_purls_each_once_or_a_skip(
    chosen: tuple[str, object], data: str, encoding: str
) -> None:
    facts = list(SCANNER.scan(member(chosen[0].replace("*", "x-1"), data.encode(encoding))))

    found = [fact.purl for fact in facts if isinstance(fact, Package)]
    assert len(found) == len(set(found))
    assert all(PackageURL.from_string(purl).to_string() == purl for purl in found)
    assert len(facts) - len(found) <= 1


@given(st.binary(max_size=64), st.integers(0, 40))
def test_build_information_of_any_bytes_is_read_or_refused(tail: bytes, cut: int) -> None:
    data = b"\x7fELF" + (MAGIC + b"\x08\x02" + bytes(16) + b"\x05go1.2" + tail)[: 60 - cut]
    given_ = Member("x", "x", "elf", len(data), data)
    assert all(isinstance(fact, Package | Skip) for fact in SCANNER.scan(given_))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("environment.yml", "x: &x [" + "'-'," * 1000 + "]\ny: &y {pip: *x}\ndependencies: [" + "*y," * 1000 + "]"),
        (
            ".github/workflows/a.yml",
            "s: &s {steps: [" + "{}," * 1000 + "]}\njobs:\n" + "".join(f" j{n}: *s\n" for n in range(1000)),
        ),
    ],
    ids=["environment", "workflow"],
)
def test_aliases_of_long_lists_do_not_multiply_the_work(path: str, data: str) -> None:
    assert "values" in complaint(path, data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("a: &a [*a]", "alias"),
        ("a: *none", "alias"),
        ("a: &a x\n---\nb: *a", "alias"),
        ("[a]: b", "key that is no text"),
        ("{a: b}: c", "key that is no text"),
        ("a: 1\n---\nb: 2", "more than one document"),
        ("- a", "YAML list"),
        ("a", "YAML str"),
        ("a: !x!y b", "no YAML"),
    ],
)
def test_yaml_that_means_nothing_here_is_one_clear_skip(data: str, reason: str) -> None:
    assert reason in complaint("pubspec.lock", f"{data}\n")


PLAIN = st.recursive(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=15,
)


@given(value=PLAIN, flow=st.booleans())
def test_yaml_is_read_as_it_was_written(value: object, *, flow: bool) -> None:
    text = yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True)

    assert list(yaml_documents(text)) == [value]


@given(st.text(max_size=60))
def test_any_text_is_read_as_the_whole_of_pyyaml_reads_it_or_refused(text: str) -> None:
    try:
        mine = list(yaml_documents(text))
    except Malformed:
        return
    assert mine == list(yaml.load_all(text, Loader=yaml.CBaseLoader))


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("go.sum", "".join(f"h.com/a v1.0.{n} h1:x=\n" for n in range(100_001))),
        ("lib/apk/db/installed", "".join(f"P:a\nV:{n}\n\n" for n in range(100_001))),
        ("anything", '{"bomFormat": "CycloneDX", "components": [' + '{"purl": "pkg:npm/a@1"},' * 100_001 + "{}]}"),
    ],
    ids=["go.sum", "apk", "cyclonedx"],
)
def test_more_packages_than_any_file_has_are_told_as_far_as_they_were_read(path: str, data: str) -> None:
    *found, skip = SCANNER.scan(member(path, data))

    assert all(isinstance(fact, Package) for fact in found)
    assert isinstance(skip, Skip)
    assert "more than 100,000 packages" in skip.detail


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("requirements.txt", "\n" * (MANY + 1)),
        ("lib/apk/db/installed", "\n" * (MANY + 1)),
        ("var/lib/dpkg/status", "a\r\n" * (MANY + 1)),
        ("a.dist-info/METADATA", "A: b\n" * 200_002),
        ("go.mod", "replace a => b v1\n" * 100_001),
        ("x.intoto.jsonl", "{}\n" * 20_000),
        ("a-1.jar!/META-INF/MANIFEST.MF", "A: b\n" * 200_002),
        ("bun.lock", '"' * (MANY + 1)),
        ("deno.json", "//\n" * MANY),
        ("requirements.txt", " " * ((32 << 20) + 1)),
        ("META-INF/maven/g/a/pom.properties", " " * ((32 << 20) + 1)),
        ("package.json", '"\U0001f600' + "x" * (17 << 20) + '"'),
    ],
    ids=[
        "lines",
        "apk",
        "dpkg",
        "headers",
        "go.mod",
        "statements",
        "manifest",
        "quotes",
        "comments",
        "bytes",
        "properties",
        "memory",
    ],
)
def test_a_text_of_more_parts_than_any_has_is_one_clear_skip(path: str, data: str) -> None:
    detail = complaint(path, data)
    assert "more than" in detail or "larger than" in detail


def test_a_description_below_the_headers_is_not_looked_at() -> None:
    body = "Name: other\n" * 300_000
    assert purls("a.dist-info/METADATA", f"Name: a\nVersion: 1\n\n{body}") == {"pypi/a@1"}


SHAPES = shapes(
    st.sampled_from(["a@1", "a (1)", "/a/1.0", "9.0"]),
    "packages dependencies name version PODS package jobs runs steps uses pip lockfileVersion resolution",
)
YAML_FILES = [
    "pubspec.lock",
    "pnpm-lock.yaml",
    "Podfile.lock",
    "Chart.yaml",
    "Chart.lock",
    "conda-lock.yml",
    "environment.yml",
    "META.yml",
    "metadata.gz/metadata",
    ".github/workflows/a.yml",
    ".github/actions/a/action.yml",
]


@given(st.sampled_from(YAML_FILES), st.dictionaries(st.sampled_from(["packages", "jobs", "PODS", "name"]), SHAPES))
def test_yaml_of_any_shape_is_read_or_refused(path: str, value: object) -> None:
    assert all(isinstance(fact, Package | Skip) for fact in SCANNER.scan(member(path, json.dumps(value))))


TOML_FILES = ["poetry.lock", "pdm.lock", "uv.lock", "pylock.toml", "Cargo.lock", "Cargo.toml", "pyproject.toml"]
TOML_FILES += ["libs.versions.toml", "Manifest.toml", "manifest.toml", "gleam.toml"]
TOML_VALUES = st.sampled_from(
    ['"a"', '"1.0"', "1", "1.5", "true", "[]", '["a"]', "[1, 2]", "{}", '{version = "1"}', "2024-01-01"]
)
TOML_KEYS = st.sampled_from(
    [
        "package",
        "packages",
        "name",
        "version",
        "source",
        "metadata",
        "project",
        "dependencies",
        "target",
        "libraries",
        "versions",
        "deps",
        "lock-version",
    ]
)


@given(
    st.sampled_from(TOML_FILES),
    st.dictionaries(TOML_KEYS, TOML_VALUES, max_size=5),
    st.sampled_from(["", "[x]", "[[package]]", "[[deps.A]]", "[package]", "[target.x]"]),
)
def test_toml_of_any_shape_is_read_or_refused(path: str, values: dict[str, str], table: str) -> None:
    text = "\n".join([table, *(f"{key} = {value}" for key, value in values.items())])

    assert all(isinstance(fact, Package | Skip) for fact in SCANNER.scan(member(path, text)))
