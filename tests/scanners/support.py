"""What the scanner tests share: a member built from bytes, as the engine would hand it over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from customhouse.model import Finding, Skip
from customhouse.scanners import Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from customhouse.scanners import Scanner

WINDOW, OVERLAP, WHOLE = 4 << 20, 64 << 10, 16 << 20


def member(data: bytes, name: str = "file", kind: str = "unknown", container: str = "") -> Member:
    """One whole member."""
    return Member(path=f"artifact!/{name}", name=name, kind=kind, size=len(data), data=data, container=container)


def windows(data: bytes, name: str = "file", kind: str = "unknown") -> Iterator[Member]:
    """The windows of a member that is too large to come whole."""
    for offset in range(0, len(data), WINDOW - OVERLAP):
        part = data[offset : offset + WINDOW]
        last = offset + WINDOW >= len(data)
        yield Member(f"artifact!/{name}", name, kind, len(data), part, offset, last)
        if last:
            return


def findings(scanner: Scanner, *members: Member) -> list[Finding]:
    """All findings; a skip fails the test."""
    facts = [fact for one in members if scanner.wants(one) for fact in scanner.scan(one)]
    assert not [fact for fact in facts if isinstance(fact, Skip)]
    return [fact for fact in facts if isinstance(fact, Finding)]


def rules(scanner: Scanner, *members: Member) -> set[str]:
    """The rules that hit."""
    return {finding.rule for finding in findings(scanner, *members)}


def skips(scanner: Scanner, *members: Member) -> list[Skip]:
    """What was not looked at."""
    return [fact for one in members for fact in scanner.scan(one) if isinstance(fact, Skip)]
