from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Gone, Malformed, Rejected
from customhouse.model import Location, Package, Severity
from customhouse.vulnerabilities import shards
from customhouse.vulnerabilities.build import archive, build, folder
from customhouse.vulnerabilities.index import Index, findings
from customhouse.vulnerabilities.library import Library
from customhouse.vulnerabilities.places import Place
from customhouse.vulnerabilities.records import Advisory, Span
from tests.vulnerabilities.support import NOW, empty, index, record

if TYPE_CHECKING:
    from pathlib import Path

    from customhouse.ports import Body, Store

FIRST = record("GHSA-1", "npm", "a", ("introduced", "0"), ("fixed", "1.2.0"), aliases=["CVE-2024-1"], summary="bad")
SECOND = record("GHSA-2", "npm", "b", ("introduced", "2.0.0"), ("last_affected", "2.1.0"))


class Watched:
    """A store that remembers what was read and written."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.root = store.root
        self.reads: list[str] = []
        self.writes: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)

    def read(self, location: Location, start: int = 0, length: int | None = None) -> Body:
        self.reads.append(location.key)
        return self._store.read(location, start, length)

    def put(self, key: str, data: bytes, **more: object) -> Location:
        self.writes.append(key)
        return self._store.put(key, data, **more)  # type: ignore[arg-type]


def watched() -> tuple[Watched, Library]:
    store = Watched(empty().store)
    return store, Library(store)


def keys(library: Library) -> set[str]:
    return {stat.location.key for stat in library.store.list("vulnerabilities/")}


def rules(at: Index, ecosystem: str, name: str, version: str) -> list[str]:
    return [hit.advisory.rule for hit in at.match(Place(ecosystem, name, version))]


def test_what_was_built_is_matched() -> None:
    at = index(FIRST, SECOND)
    assert rules(at, "npm", "a", "1.1.9") == ["CVE-2024-1"]
    assert rules(at, "npm", "a", "1.2.0") == []
    assert rules(at, "npm", "b", "2.1.0") == ["GHSA-2"]
    assert rules(at, "npm", "b", "1.9.9") == []
    assert rules(at, "npm", "c", "1.0.0") == []
    assert rules(at, "PyPI", "a", "1.0.0") == []


def test_one_vulnerability_in_two_databases_is_one_finding_the_worse() -> None:
    low = record(
        "PYSEC-1", "PyPI", "a", ("introduced", "0"), aliases=["CVE-1-1"], database_specific={"severity": "LOW"}
    )
    same = record(
        "GHSA-9", "PyPI", "A", ("introduced", "0"), aliases=["CVE-2024-9"], database_specific={"severity": "LOW"}
    )
    worse = record(
        "PYSEC-9", "PyPI", "a", ("introduced", "0"), aliases=["CVE-2024-9"], database_specific={"severity": "HIGH"}
    )
    hits = index(low, same, worse).match(Place("PyPI", "a", "1"))
    assert [(hit.advisory.rule, hit.advisory.severity) for hit in hits] == [
        ("CVE-2024-9", Severity.HIGH),
        ("PYSEC-1", Severity.LOW),
    ]


def test_versions_without_an_order_match_by_name() -> None:
    at = index(record("X", "Hackage", "a", ("introduced", "0"), ("fixed", "2"), versions=["odd-one"]))
    assert rules(at, "Hackage", "a", "odd-one") == ["X"]
    assert rules(at, "Hackage", "a", "other-one") == []


def test_findings_say_what_to_do() -> None:
    packages = [
        Package("pkg:npm/a@1.0.0", "x!/package.json"),
        Package("pkg:npm/b@2.0.0", "y"),
        Package("pkg:helm/c@1", "z"),
    ]
    first, second = findings(packages, index(FIRST, SECOND))
    assert (first.scanner, first.rule, first.member) == ("vulnerabilities", "CVE-2024-1", "x!/package.json")
    assert first.message == "a 1.0.0: bad (fixed in 1.2.0)"
    assert second.message == "b 2.0.0: GHSA-2 (no fixed version is known)"


def test_system_packages_are_matched_by_the_release_that_os_release_told() -> None:
    advisory = record("DEBIAN-CVE-1-1", "Debian:12", "glibc", ("introduced", "0"), ("fixed", "2.36-10"))
    package = Package("pkg:deb/debian/libc6@2.36-9?upstream=glibc", "status")
    told = Package("pkg:generic/debian@12?distro=debian-12", "etc/os-release")
    assert [finding.rule for finding in findings([package, told], index(advisory))] == ["DEBIAN-CVE-1-1"]
    assert list(findings([package], index(advisory))) == []


def test_only_the_shards_that_are_needed_are_read_and_only_once() -> None:
    store, library = watched()
    build((record(f"X-{n}", "npm", f"a{n}", ("introduced", "0")) for n in range(3000)), library, NOW)
    at = Index(library)
    assert len(at.manifest.shards["npm"]) == 8
    store.reads.clear()
    for _ in range(3):
        assert rules(at, "npm", "a7", "1.0.0") == ["X-7"]
        assert len(list(findings([Package("pkg:npm/a7@1.0.0", "m")], at))) == 1
    assert len(store.reads) == 1


def test_an_unchanged_ecosystem_is_not_written_again_and_old_shards_go_one_build_later() -> None:
    store, library = watched()
    build([FIRST], library, NOW)
    before = keys(library)
    other = record("X-1", "PyPI", "p", ("introduced", "0"))
    store.writes.clear()
    build([FIRST, other], library, NOW + 1)
    assert len(store.writes) == 2
    assert before < keys(library)
    build([other], library, NOW + 2)
    build([other], library, NOW + 3)
    assert before < keys(library)
    build([SECOND], library, NOW + 4)
    assert not before < keys(library)


def test_a_reader_of_the_old_manifest_still_finds_its_shards() -> None:
    library = empty()
    old = index(FIRST, library=library)
    build([SECOND], library, NOW + 1)
    assert rules(old, "npm", "a", "1.0.0") == ["CVE-2024-1"]
    assert rules(Index(library), "npm", "a", "1.0.0") == []


def test_a_build_that_did_not_end_is_taken_up_by_the_next() -> None:
    library = empty()
    build([FIRST], library, NOW)
    library.store.delete(Location(library.store.root, shards.MANIFEST))
    assert library.manifest() is None
    build([FIRST], library, NOW)
    assert rules(Index(library), "npm", "a", "1.0.0") == ["CVE-2024-1"]


@pytest.mark.parametrize("records", [[], [FIRST, b"{}"]])
def test_a_half_read_database_is_not_published(records: list[bytes]) -> None:
    library = empty()
    with pytest.raises(Rejected, match="OSV"):
        build(records, library, NOW)
    assert shards.MANIFEST not in keys(library)


def test_the_digest_tells_content_and_the_version_tells_age() -> None:
    one, same, other = index(FIRST, SECOND), index(SECOND, FIRST, now=NOW + 9), index(FIRST)
    assert one.manifest.digest == same.manifest.digest != other.manifest.digest
    assert one.version == f"{int(NOW)}.{one.manifest.digest[:12]}"


def test_a_mirror_folder_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "npm").mkdir()
    with zipfile.ZipFile(tmp_path / "npm" / "all.zip", "w") as opened:
        opened.writestr("GHSA-1.json", FIRST)
        opened.writestr("README.md", "no record")
    (tmp_path / "GHSA-2.json").write_bytes(SECOND)
    assert sorted(folder(tmp_path)) == sorted([FIRST, SECOND])


def test_what_is_no_archive_is_refused_and_so_is_a_huge_record(tmp_path: Path) -> None:
    broken = tmp_path / "all.zip"
    broken.write_bytes(b"not a zip")
    with pytest.raises(Malformed, match="archive"):
        list(archive(broken, "npm"))
    with zipfile.ZipFile(broken, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("big.json", b" " * (9 << 20))
    with pytest.raises(Malformed, match="larger"):
        list(archive(broken, "npm"))


def _zipped() -> bytearray:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("a.json", FIRST * 20)
    return bytearray(data.getvalue())


def test_a_damaged_or_encrypted_archive_is_refused_and_no_other_error() -> None:
    damaged, encrypted = _zipped(), _zipped()
    damaged[36:40] = b"\xff" * 4
    encrypted[6] |= 1
    encrypted[encrypted.rfind(b"PK\x01\x02") + 8] |= 1

    for data in (damaged, encrypted):
        with pytest.raises(Malformed, match="archive"):
            list(archive(io.BytesIO(data), "npm"))


@given(st.dictionaries(st.integers(0, len(_zipped()) - 1), st.integers(0, 255), min_size=1, max_size=3))
def test_an_archive_with_any_bytes_changed_is_read_or_refused(changes: dict[int, int]) -> None:
    data = _zipped()
    for place, byte in changes.items():
        data[place] = byte
    try:
        records = list(archive(io.BytesIO(data), "npm"))
    except Malformed:
        return
    assert records in ([], [FIRST * 20])


def test_no_index_and_a_broken_one_are_told_apart() -> None:
    library = empty()
    with pytest.raises(Gone, match="nothing stands"):
        Index(library)
    library.write(shards.MANIFEST, b"{")
    with pytest.raises(Malformed, match="does not read"):
        Index(library)
    library.write(shards.MANIFEST, b'{"built": 1, "format": 99}')
    with pytest.raises(Malformed, match="format 99"):
        Index(library)


def test_an_index_stands_behind_a_prefix_and_touches_nothing_else() -> None:
    library = Library(empty().store, "deep/er/")
    library.store.put("vulnerabilities/shards/aa/other", b"someone else's")
    index(FIRST, library=library)
    index(SECOND, library=library)
    index(SECOND, FIRST, library=library)
    assert rules(Index(library), "npm", "a", "1.0.0") == ["CVE-2024-1"]
    assert {stat.location.key.partition("vulnerabilities/")[0] for stat in library.store.list()} == {"", "deep/er/"}


TEXT = st.text(max_size=6)
ADVISORIES = st.builds(
    Advisory,
    rule=TEXT,
    severity=st.sampled_from(Severity),
    summary=TEXT,
    spans=st.lists(st.builds(Span, TEXT, TEXT, TEXT), max_size=2).map(tuple),
    versions=st.lists(TEXT, max_size=2).map(tuple),
)


@given(st.dictionaries(TEXT, st.lists(ADVISORIES, max_size=2).map(tuple), max_size=4))
def test_a_shard_reads_back_and_is_the_same_bytes_each_time(shard: shards.Shard) -> None:
    assert shards.decode(shards.encode(shard)) == shard
    assert shards.encode(dict(reversed(shard.items()))) == shards.encode(shard)


@given(st.sets(TEXT, max_size=30))
def test_every_name_is_in_the_shard_that_it_is_looked_for(names: set[str]) -> None:
    encoded = msgspec.msgpack.encode(Advisory("X", Severity.LOW, ""))
    parts = list(shards.split({name: [encoded] for name in names}))
    for name in names:
        assert name in parts[shards.place_in(len(parts), name)]


@pytest.mark.parametrize(
    "data",
    [
        b"not zstd",
        zstandard.ZstdCompressor().compress(b"\xc1"),
        zstandard.ZstdCompressor().compress(msgspec.msgpack.encode({"a": 1})),
        zstandard.ZstdCompressor().compress(bytes(65 << 20)),
    ],
)
def test_a_broken_shard_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="shard"):
        shards.decode(data)
