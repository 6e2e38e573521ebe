from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self

import pytest

from customhouse.catalog import Inspections
from customhouse.catalog.inspections import looking
from customhouse.errors import Transient
from customhouse.inspect import Limits
from customhouse.model import Fact, Finding, Inspection, Location, Package, Severity, Skip, SkipReason, Stat
from customhouse.scanners import Member
from customhouse.stores.memory import MemoryStore
from tests.inspect.support import zipped

OPTIONS: Mapping[str, Mapping[str, object]] = {"counter": {}}


@dataclass
class Counter:
    """A scanner that counts what it sees and says what it is told to say."""

    version: str = "1"
    name: str = "counter"
    reads: Literal["windows", "stream"] = "windows"
    seen: list[str] = field(default_factory=list)
    facts: tuple[type, ...] = ()
    reason: SkipReason = SkipReason.UNSUPPORTED

    def wants(self, member: Member) -> bool:
        return member.last

    def scan(self, member: Member) -> Iterator[Fact]:
        self.seen.append(member.path)
        if Finding in self.facts:
            yield Finding(self.name, "seen", Severity.LOW, member.path, "it was seen")
        if Package in self.facts:
            yield Package("pkg:pypi/a@1", member.path)
        if Skip in self.facts:
            yield Skip(member.path, self.reason)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(f"memory://{uuid.uuid4().hex}")


@pytest.fixture
def kept(store: MemoryStore) -> Inspections:
    return Inspections(store, "c/", least=10)


@dataclass
class Answers:
    """A body as a store sends it: `chunks` may be other than what it said of them."""

    stat: Stat
    chunks: list[bytes]
    taken: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None: ...

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self.chunks:
            self.taken += 1
            yield chunk


def look(
    kept: Inspections,
    scanner: Counter,
    key: str,
    *,
    data: bytes = b"some harmless text",
    limits: Limits | None = None,
    options: Mapping[str, Mapping[str, object]] = OPTIONS,
) -> Inspection:
    body = Answers(Stat(Location("s3://uploads", key, "v1"), len(data), 5.0), [data])
    return kept.inspect(body, [scanner], limits or Limits(), options)


def documents(store: MemoryStore) -> list[str]:
    return [stat.location.key for stat in store.list("c/inspections/")]


def test_second_upload_of_the_same_bytes_is_not_scanned(kept: Inspections) -> None:
    scanner = Counter()
    first = look(kept, scanner, "dev/app.txt")
    assert look(kept, scanner, "dev/app.txt") == first
    assert scanner.seen == ["app.txt"]


def test_stored_inspection_speaks_of_the_folder_of_the_second_upload(kept: Inspections) -> None:
    scanner = Counter(facts=(Finding, Package, Skip))
    look(kept, scanner, "dev/a.zip", data=zipped(("x/y.txt", b"some harmless text")))
    found = look(kept, scanner, "prod/eu/a.zip", data=zipped(("x/y.txt", b"some harmless text")))
    assert len(scanner.seen) == 1
    assert found.name == "prod/eu/a.zip"
    facts: Iterable[Finding | Package | Skip] = (*found.findings, *found.packages, *found.coverage.skipped)
    assert {fact.member for fact in facts} == {"prod/eu/a.zip!/x/y.txt"}


def test_fresh_and_stored_inspection_are_equal_but_for_their_folder(kept: Inspections) -> None:
    scanner = Counter(facts=(Finding,))
    first, second = look(kept, scanner, "a/x.txt"), look(kept, scanner, "b/x.txt")
    assert first.digests == second.digests
    assert [finding.member for finding in first.findings] == ["a/x.txt"]
    assert [finding.member for finding in second.findings] == ["b/x.txt"]


@pytest.mark.parametrize(
    "changed",
    [
        {"key": "a.zip"},
        {"data": b"some harmless teXt"},
        {"limits": Limits(depth=3)},
        {"options": {"counter": {"deny": ["GPL-3.0-only"]}}},
        {"scanner": Counter(version="2")},
    ],
    ids=["name", "bytes", "limits", "options", "engine"],
)
def test_whatever_an_inspection_depends_on_makes_another_one(kept: Inspections, changed: dict[str, object]) -> None:
    seen: list[str] = []
    arguments: dict[str, object] = {"scanner": Counter(), "key": "a.txt"}
    look(kept, **arguments)  # type: ignore[arg-type]
    scanner = changed.get("scanner", arguments["scanner"])
    assert isinstance(scanner, Counter)
    scanner.seen = seen
    look(kept, **(arguments | changed))  # type: ignore[arg-type]
    assert len(seen) == 1


@pytest.mark.parametrize("reason", [SkipReason.ENGINE, SkipReason.TIMEOUT])
def test_what_another_attempt_could_see_is_not_kept(kept: Inspections, store: MemoryStore, reason: SkipReason) -> None:
    scanner = Counter(facts=(Skip,), reason=reason)
    for _ in range(2):
        assert not look(kept, scanner, "a.txt").coverage.complete
    assert len(scanner.seen) == 2
    assert documents(store) == []


def test_stored_inspection_keeps_its_skips(kept: Inspections) -> None:
    scanner = Counter(facts=(Skip,))
    look(kept, scanner, "a.txt")
    again = look(kept, scanner, "a.txt")
    assert len(scanner.seen) == 1
    assert [skip.reason for skip in again.coverage.skipped] == [SkipReason.UNSUPPORTED]


def test_small_artifacts_are_inspected_and_not_looked_up(store: MemoryStore) -> None:
    scanner = Counter()
    for _ in range(2):
        look(Inspections(store, "c/", least=19), scanner, "a.txt")
    assert len(scanner.seen) == 2
    assert documents(store) == []


def test_large_artifacts_without_a_digest_are_streamed(store: MemoryStore) -> None:
    scanner = Counter()
    look(Inspections(store, "c/", least=10, most=17), scanner, "a.txt")
    look(Inspections(store, "c/", least=10), scanner, "a.txt", limits=Limits(disk=30))
    assert documents(store) == []


def test_document_that_does_not_read_is_no_inspection(kept: Inspections, store: MemoryStore) -> None:
    scanner = Counter()
    look(kept, scanner, "a.txt")
    store.put(documents(store)[0], b"{")
    look(kept, scanner, "a.txt")
    assert len(scanner.seen) == 2


def test_digest_of_the_store_saves_the_download(kept: Inspections) -> None:
    data = b"some harmless text"
    scanner, location = Counter(), Location("s3://b", "a.txt", "v1")
    said = Stat(location, len(data), 5.0, digests={"sha256": hashlib.sha256(data).hexdigest()})
    first, second = Answers(said, [data]), Answers(said, [data])
    for body in (first, second):
        kept.inspect(body, [scanner], Limits(), OPTIONS)
    assert (first.taken, second.taken) == (1, 0)


def test_bytes_that_are_not_those_the_store_reported_come_again(kept: Inspections, store: MemoryStore) -> None:
    said = Stat(Location("s3://b", "a.txt", "v1"), 18, 5.0, digests={"md5": "0" * 32})
    with pytest.raises(Transient):
        kept.inspect(Answers(said, [b"some harmless text"]), [Counter()], Limits(), OPTIONS)
    assert documents(store) == []


@pytest.mark.parametrize("package", ["inspect", "scanners"])
def test_code_or_rules_that_changed_between_two_releases_look_again(package: str, tmp_path: Path) -> None:
    def installed(name: str, **files: str) -> Path:
        for path in ("inspect", "scanners"):
            (tmp_path / name / path).mkdir(parents=True)
        for path, text in files.items():
            (tmp_path / name / package / path.replace("_", ".")).write_text(text)
        return tmp_path / name

    first = looking(installed("first", a_py="x = 1", rule_yar="rule a"))

    assert looking(installed("same", a_py="x = 1", rule_yar="rule a")) == first
    others = [
        looking(installed("code", a_py="x = 2", rule_yar="rule a")),
        looking(installed("rules", a_py="x = 1", rule_yar="rule b")),
        looking(installed("renamed", b_py="x = 1", rule_yar="rule a")),
        looking(installed("more", a_py="x = 1", rule_yar="rule a", b_py="")),
    ]
    assert len({first, *others}) == 5
    assert first != looking()
