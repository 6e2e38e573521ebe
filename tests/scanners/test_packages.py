"""The packages scanner as an inspection uses it: what it looks at, however large, wherever it is, and what it skips."""

from __future__ import annotations

import gzip
import io
import json
from collections.abc import Callable
from functools import partial
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.inspect import Limits
from customhouse.model import Inspection, Package, Skip, SkipReason
from customhouse.scanners import Member
from customhouse.scanners.ecosystems.gobinary import MAGIC
from customhouse.scanners.packages import build
from tests.inspect.support import look, tarred, zipped
from tests.scanners.ecosystems import programs, rpm
from tests.scanners.ecosystems.programs import darwin, elf, fat, go, listing, old_go, portable, rust

SCANNER = build({})
SMALL = Limits(window=1 << 20)
"""Members of more than one MiB come in windows and as a stream, as those above 16 MiB do otherwise."""
LARGE = bytes(5 << 20)
LOCK = json.dumps({"lockfileVersion": 3, "packages": {"node_modules/a": {"version": "1.0.0"}}}).encode()
GO = {"golang/stdlib@1.22.1", "golang/h.com/a@v1.0.0", "golang/h.com/c@v2.0.0"}
OLD = {"golang/stdlib@1.16.5", "golang/h.com/a@v1.0.0", "golang/h.com/c@v2.0.0"}
MODULES = listing("h.com/a@v1.0.0", "h.com/b@v1.0.0=>h.com/c@v2.0.0")
CRATES = {"cargo/serde@1.0.2", "cargo/own@0.1.0"}


def inspected(data: bytes, name: str = "artifact.bin", *, limits: Limits = SMALL) -> Inspection:
    return look(data, name, scanners=[SCANNER], limits=limits)


def purls(inspection: Inspection) -> set[str]:
    """What was found, decoded; nothing may have been skipped."""
    assert not inspection.coverage.skipped
    return {unquote(package.purl).removeprefix("pkg:") for package in inspection.packages}


def details(inspection: Inspection) -> list[tuple[SkipReason, str]]:
    return [(skip.reason, skip.detail) for skip in inspection.coverage.skipped]


def member(data: bytes, name: str = "file", container: str = "") -> Member:
    return Member(f"artifact!/{name}", name, "text", len(data), data, container=container)


PROGRAMS = {
    "go, old, elf": (elf(old_go(MODULES)), OLD),
    "go, old, elf of 32 bits": (elf(old_go(MODULES, size=4), wide=False), OLD),
    "go, old, elf, big-endian": (elf(old_go(MODULES, order=">"), order=">"), OLD),
    "go, old, pe": (portable(old_go(MODULES)), OLD),
    "go, old, pe of 32 bits": (portable(old_go(MODULES, size=4), wide=False), OLD),
    "go, old, mach-o": (darwin(old_go(MODULES)), OLD),
    "go, old, mach-o of 32 bits, big-endian": (
        darwin(old_go(MODULES, size=4, order=">"), wide=False, order=">"),
        OLD,
    ),
    "go, old, without modules": (elf(old_go("")), {"golang/stdlib@1.16.5"}),
    "go, new, elf": (elf({".go.buildinfo": (1, go(MODULES))}), GO),
    "go, new, pe": (portable({".data": (0x400001, go(MODULES))}), GO),
    "go, new, mach-o": (darwin({"__go_buildinfo": (1, go(MODULES))}), GO),
    "go, a version that is none yet": (
        elf({".go.buildinfo": (1, go("", "devel go1.24-3f2c1a Mon Jan 1"))}),
        {"golang/stdlib@1.24-3f2c1a"},
    ),
    "go, a version without a number": (elf({".go.buildinfo": (1, go("", "devel +3f2c1a"))}), {"golang/stdlib"}),
    "go, an experiment": (
        elf({".go.buildinfo": (1, go("", "go1.21.4 X:boringcrypto"))}),
        {"golang/stdlib@1.21.4"},
    ),
    "rust, elf": (elf({".dep-v0": (0, rust("serde@1.0.2", "own@0.1.0"))}), CRATES),
    "rust, elf of 32 bits, big-endian": (
        elf({".text": (1, b"x"), ".dep-v0": (0, rust("serde@1.0.2", "own@0.1.0"))}, wide=False, order=">"),
        CRATES,
    ),
    "rust, pe": (portable({".dep-v0": (0x400001, rust("serde@1.0.2", "own@0.1.0"))}), CRATES),
    "rust, mach-o": (darwin({"__text": (1, b"x"), ".dep-v0": (0, rust("serde@1.0.2", "own@0.1.0"))}), CRATES),
    "rust, fat mach-o": (
        fat(darwin({"__text": (1, b"x")}), darwin({".dep-v0": (0, rust("serde@1.0.2", "own@0.1.0"))})),
        CRATES,
    ),
    "rust, fat mach-o of 64 bits": (fat(darwin({".dep-v0": (0, rust("serde@1.0.2", "own@0.1.0"))}), wide=True), CRATES),
    "go, new, fat mach-o": (fat(darwin({"__text": (1, b"x")}), darwin({"__go_buildinfo": (1, go(MODULES))})), GO),
    "go, old, fat mach-o": (fat(darwin(old_go(MODULES))), OLD),
    "a fat mach-o that lies": (b"\xca\xfe\xba\xbe\0\0\0\x02" + b"\xff" * 40, set()),
    "rust, what only builds": (
        elf({".dep-v0": (0, rust("a@1", more={"name": "cc", "version": "1", "kind": "build"}))}),
        {"cargo/a@1"},
    ),
    "both languages": (
        elf({".dep-v0": (0, rust("a@1")), ".go.buildinfo": (1, go(""))}),
        {"cargo/a@1", "golang/stdlib@1.22.1"},
    ),
    "neither": (elf({".text": (1, b"x")}), set()),
}


@pytest.mark.parametrize(("program", "expected"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_names_what_it_was_linked_from_whatever_its_size(program: bytes, expected: set[str]) -> None:
    assert purls(inspected(program)) == expected
    assert purls(inspected(program + LARGE)) == expected


@pytest.mark.parametrize("before", [(4 << 20) - 80, (4 << 20) - 64, (8 << 20) - 90, 5 << 20])
def test_build_information_is_found_across_the_edge_of_what_is_read_at_once(before: int) -> None:
    assert purls(inspected(elf({".text": (1, bytes(before)), ".go": (2, go(MODULES))}))) == GO


def test_a_large_old_program_leads_to_texts_anywhere_in_it() -> None:
    parts = {".text": (0x1000000, LARGE), **old_go(MODULES)}

    assert purls(inspected(elf(parts))) == OLD
    assert purls(inspected(elf(dict(reversed(parts.items()))))) == OLD


def test_a_large_rust_program_is_read_by_its_table_at_the_end() -> None:
    assert purls(inspected(elf({".text": (1, LARGE), ".dep-v0": (0, rust("a@1"))}))) == {"cargo/a@1"}


@pytest.mark.parametrize("size", [1, 5 << 20])
def test_a_program_inside_of_another_one_hides_neither(size: int) -> None:
    inner = elf({".go.buildinfo": (1, go(listing("inner.test/a@v1.0.0"), "go1.20"))})
    outer = elf({".rodata": (1, inner), ".text": (2, bytes(size)), ".go.buildinfo": (3, go(MODULES))})

    assert purls(inspected(outer)) == GO | {"golang/inner.test/a@v1.0.0", "golang/stdlib@1.20"}


def test_old_and_new_information_in_one_program_are_both_read() -> None:
    assert purls(inspected(elf({**old_go(MODULES), ".new": (0x700000, go(MODULES))}))) == GO | OLD


def _without(parts: programs.Sections, name: str) -> programs.Sections:
    return {own: part for own, part in parts.items() if own != name}


def _moved(address: int) -> programs.Sections:
    parts = dict(old_go(MODULES))
    header = parts[".buildinfo"][1]
    parts[".buildinfo"] = (0x450000, header[:16] + address.to_bytes(8, "little") + header[24:])
    return parts


UNREAD = {
    "strings elsewhere": elf(_without(old_go(MODULES), ".data")),
    "texts elsewhere": elf(_without(old_go(MODULES), ".rodata")),
    "addresses that the loader fills in": elf(_moved(0)),
    "addresses that the loader fills in, and a section without one": elf({".comment": (0, bytes(64)), **_moved(0)}),
    "an address beyond all": elf(_moved((1 << 64) - 1)),
    "an address at the very end": elf(_moved(0x50002F)),
    "sections without bytes": elf(old_go(MODULES), kind=8),
    "no table of sections": elf(old_go(MODULES))[:-400],
    "a text longer than the file": elf({".go": (1, go(MODULES)[:41] + b"\xff\xff\x7f")}),
    "a length without an end": elf({".go": (1, MAGIC + b"\x08\x02" + bytes(16) + b"\xff" * 300)}),
    "a length of exabytes": elf({".go": (1, MAGIC + b"\x08\x02" + bytes(16) + b"\xff" * 9 + b"\x01")}),
    "more than programs are linked with": elf({".go": (1, go("") * 65)}),
}


@pytest.mark.parametrize("program", UNREAD.values(), ids=UNREAD)
@pytest.mark.parametrize("more", [b"", LARGE])
def test_a_go_program_whose_modules_cannot_be_told_is_never_seen_whole(program: bytes, more: bytes) -> None:
    inspection = inspected(program + more)

    (skip,) = inspection.coverage.skipped
    assert skip.reason is SkipReason.CORRUPT
    assert skip.detail
    assert not inspection.coverage.complete


@pytest.mark.parametrize("more", [b"", LARGE])
def test_a_rust_program_whose_crates_do_not_read_is_never_seen_whole(more: bytes) -> None:
    program = elf({".dep-v0": (0, rust("a@1")[:-6])})

    assert "Rust" in details(inspected(program + more))[0][1]


@given(st.integers(0, 63), st.integers(0, 255), st.sampled_from([elf, portable, darwin]))
def test_a_header_with_one_byte_changed_never_stops_the_scanner(
    place: int, value: int, builder: programs.Builder
) -> None:
    data = bytearray(builder({**old_go(MODULES), ".dep-v0": (0x700000, rust("a@1"))}))
    data[place] = value

    facts = list(SCANNER.scan(member(bytes(data), "tool")))

    assert all(isinstance(fact, Package | Skip) for fact in facts)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 3000))
def test_a_program_with_bytes_changed_anywhere_never_stops_the_scanner(noise: bytes, place: int) -> None:
    whole = darwin({**old_go(MODULES), ".dep-v0": (0x700000, rust("a@1")), "go": (9, go(MODULES))})
    data = whole[:place] + noise + whole[place + len(noise) :]

    assert all(isinstance(fact, Package | Skip) for fact in SCANNER.scan(member(data, "tool")))


def _nested(data: bytes, name: str) -> bytes:
    return tarred(("inner.zip", zipped((name, data))), ("readme", b"text"))


@pytest.mark.parametrize(
    ("wrap", "where"),
    [
        (lambda data: zipped(("a/package-lock.json", data)), "x.bin!/a/package-lock.json"),
        (lambda data: tarred(("./a/package-lock.json", data)), "x.bin!/./a/package-lock.json"),
        (
            lambda data: gzip.compress(tarred(("package-lock.json", data)), mtime=0),
            "x.bin!/package-lock.json",
        ),
        (partial(_nested, name="b/package-lock.json"), "x.bin!/inner.zip!/b/package-lock.json"),
    ],
    ids=["zip", "tar", "tar.gz", "zip in tar"],
)
def test_a_member_of_an_archive_is_named_with_its_path(wrap: Callable[[bytes], bytes], where: str) -> None:
    inspection = look(wrap(LOCK), "x.bin", scanners=[SCANNER])

    (package,) = inspection.packages
    assert package.purl == "pkg:npm/a@1.0.0"
    assert package.member.rpartition("!/")[2] == where.rpartition("!/")[2]
    assert inspection.coverage.complete


@pytest.mark.parametrize("name", ["package-lock.json", "deep/er/package-lock.json"])
def test_a_lock_file_larger_than_a_window_is_read_whole(name: str) -> None:
    entries = {f"node_modules/p{number}": {"version": "1.0.0", "x": "y" * 400} for number in range(12_000)}
    data = json.dumps({"lockfileVersion": 3, "packages": entries}).encode()
    assert len(data) > SMALL.window

    inspection = inspected(zipped((name, data)))

    assert purls(inspection) == {f"npm/p{number}@1.0.0" for number in range(12_000)}


def test_a_database_larger_than_a_window_is_read_whole() -> None:
    headers = [rpm.header(f"p{number}") for number in range(2000)]
    database = rpm.sqlite(*(header + bytes(2000) for header in headers))
    assert len(database) > SMALL.window

    found = purls(inspected(tarred(("var/lib/rpm/rpmdb.sqlite", database))))

    assert {purl.partition("?")[0] for purl in found} == {f"rpm/redhat/p{n}@1.0-1.el9" for n in range(2000)}


def test_a_package_that_a_file_names_twice_is_told_once_and_one_that_two_files_name_twice() -> None:
    twice = b"a1==1.0\na1==1.0\n"

    inspection = inspected(zipped(("requirements.txt", twice), ("b/requirements.txt", twice)))

    assert [package.purl for package in inspection.packages] == ["pkg:pypi/a1@1.0"] * 2
    assert len({package.member for package in inspection.packages}) == 2


@pytest.mark.parametrize(
    ("name", "data", "reason", "detail"),
    [
        ("package-lock.json", b"{", SkipReason.CORRUPT, "no JSON"),
        ("package-lock.json", b'{"lockfileVersion": 9}', SkipReason.CORRUPT, "newer than"),
        ("rpmdb.sqlite", b"SQLite format 3\0" + bytes(200), SkipReason.CORRUPT, "RPM database"),
        ("Empty.dll", b"text", SkipReason.CORRUPT, "no program"),
        ("pom.xml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", SkipReason.CORRUPT, "entities"),
    ],
)
def test_what_is_not_what_its_name_says_is_one_skip_with_its_path(
    name: str, data: bytes, reason: SkipReason, detail: str
) -> None:
    inspection = inspected(zipped((f"a/{name}", data), ("b/package-lock.json", LOCK)))

    ((why, said),) = details(inspection)
    assert why is reason
    assert detail in said
    assert inspection.coverage.skipped[0].member.endswith(f"!/a/{name}")
    assert [package.purl for package in inspection.packages] == ["pkg:npm/a@1.0.0"]
    assert not inspection.coverage.complete


class _Untouched(io.BytesIO):
    """A file that nobody may read."""

    def read(self, _size: int | None = -1, /) -> bytes:
        raise AssertionError("it was read")


def test_a_manifest_beyond_all_limits_is_a_skip_and_is_not_read() -> None:
    given_ = Member("a!/pom.xml", "pom.xml", "text", 1 << 40, b"<", last=False, stream=_Untouched())

    (skip,) = SCANNER.scan(given_)

    assert isinstance(skip, Skip)
    assert (skip.member, skip.reason) == ("a!/pom.xml", SkipReason.LIMIT)


@pytest.mark.parametrize(
    ("name", "data", "wanted"),
    [
        ("package.json", b"{}", True),
        ("notes.txt", b"no manifest", False),
        ("package.json.bak", b"{}", False),
        ("tool", b"\x7fELF", True),
        ("tool.exe", b"MZ", True),
        ("tool", b"\xcf\xfa\xed\xfe", True),
        ("tool", b"\xca\xfe\xba\xbe\0\0\0\x34", False),
        ("A.dll", b"", True),
        ("inventory.txt", b'{"bomFormat": "CycloneDX"}', True),
        ("inventory.txt", b'\xef\xbb\xbf\n {"spdxVersion": "SPDX-2.3"}', True),
        ("inventory.bin", b'{"bomFormat": "CycloneDX"}\0', False),
        ("inventory.txt", b'["bomFormat"]', False),
        ("README", b"SPDXVersion: SPDX-2.3\n", True),
        ("README", b'we write "bomFormat"', False),
    ],
)
def test_what_is_wanted_is_told_by_name_and_by_first_bytes(name: str, data: bytes, *, wanted: bool) -> None:
    assert SCANNER.wants(member(data, name)) is wanted


@pytest.mark.parametrize(("container", "wanted"), [("apk-android", True), ("zip", False), ("jar", False)])
def test_a_manifest_of_one_kind_of_container_is_wanted_only_there(container: str, *, wanted: bool) -> None:
    assert SCANNER.wants(member(b"\x03\0\x08\0", "AndroidManifest.xml", container)) is wanted


def test_a_name_that_says_nothing_costs_nothing_and_finds_nothing() -> None:
    inspection = inspected(zipped(("a.txt", b"requests==2.0\n"), ("lock", LOCK)))

    assert not inspection.packages
    assert inspection.coverage.complete
