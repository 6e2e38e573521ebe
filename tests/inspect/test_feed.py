from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import pytest

from customhouse.model import Fact
from customhouse.scanners import Batch, Member
from tests.inspect.support import MARKER, MarkerScanner, found, look, tarred


@dataclass
class Glancer:
    """Looks only at members whose bytes begin with what it likes; `broken` ones cannot tell."""

    name: str = "glancer"
    version: str = "1"
    reads: Literal["windows", "stream"] = "windows"
    broken: bool = False
    seen: list[str] = field(default_factory=list)

    def wants(self, member: Member) -> bool:
        return member.size > 0

    def glance(self, batch: Batch) -> Iterable[int]:
        if self.broken:
            raise RuntimeError("no glance today")
        return [place for place, member in enumerate(batch.members) if member.data.startswith(b"like")]

    def scan(self, member: Member) -> Iterable[Fact]:
        self.seen.append(member.name)
        return ()


MEMBERS = [("a", b"like it"), ("b", b"not it"), ("c", MARKER), ("d", b"like that")]


def test_scanner_that_glances_is_shown_only_what_it_chose() -> None:
    scanner = Glancer()
    inspection = look(tarred(*MEMBERS), "a.tar", scanners=[scanner, MarkerScanner()])
    assert scanner.seen == ["a", "d"]
    assert found(inspection) == ["a.tar!/c"]
    assert inspection.coverage.complete


def test_scanner_that_cannot_glance_is_shown_everything() -> None:
    scanner = Glancer(broken=True)
    assert look(tarred(*MEMBERS), "a.tar", scanners=[scanner]).coverage.complete
    assert scanner.seen == ["a", "b", "c", "d"]


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
def test_facts_keep_the_order_of_the_members_whatever_the_batches_are(count: int) -> None:
    inspection = look(tarred(*((f"{at:03}", MARKER) for at in range(count))), "a.tar")
    assert found(inspection) == [f"a.tar!/{at:03}" for at in range(min(count, 100))] or count > 100


def test_member_by_itself_is_shown_without_a_glance() -> None:
    scanner = Glancer()
    look(b"not it", "a.txt", scanners=[scanner])
    assert scanner.seen == ["a.txt"]
