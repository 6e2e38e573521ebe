"""What was learned and what was not looked at, collected from several threads."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from customhouse.model import Coverage, Fact, Finding, Package, Severity, Skip, SkipReason

SCANNER = "archive"
_PER_RULE = 100
_SKIPS = 1000


class Ledger:
    """Findings, packages and skips in the order of the members, each kind of finding at most a hundred times."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._facts: list[tuple[int, int, Finding | Package]] = []
        self._seen: set[Finding | Package] = set()
        self._rules: Counter[tuple[str, str]] = Counter()
        self._skips: dict[Skip, int] = {}
        self._unseen: set[str] = set()
        self._members = 0
        self._bytes = 0

    @property
    def members(self) -> int:
        """How many members were listed so far, the artifact included."""
        return self._members

    def member(self) -> int:
        """One more member; its place in the order."""
        self._members += 1
        return self._members

    def saw(self, size: int) -> None:
        """`size` inflated bytes were handed to the scanners."""
        self._bytes += size

    def finding(self, rule: str, severity: Severity, member: str, message: str) -> None:
        """Something about the archive itself."""
        self.add(self._members, (Finding(SCANNER, rule, severity, member, message),))

    def skip(self, member: str, reason: SkipReason, detail: str) -> None:
        """A member, or a part of it, that nobody looked at."""
        self.add(self._members, (Skip(member, reason, detail),))

    def add(self, place: int, facts: Iterable[Fact]) -> None:
        """Facts about the member at `place`; the same fact twice (overlapping windows) counts once."""
        with self._lock:
            for fact in map(_unicode, facts):
                if isinstance(fact, Skip):
                    self._skip(fact, place)
                elif fact not in self._seen:
                    self._keep(fact, place)

    def _keep(self, fact: Finding | Package, place: int) -> None:
        if isinstance(fact, Finding):
            key = (fact.scanner, fact.rule)
            self._rules[key] += 1
            if self._rules[key] > _PER_RULE and fact.severity.rank < Severity.CRITICAL.rank:
                return
        self._seen.add(fact)
        self._facts.append((place, len(self._facts), fact))

    def _skip(self, skip: Skip, place: int) -> None:
        self._unseen.add(skip.member)
        if len(self._skips) < _SKIPS:
            self._skips.setdefault(skip, place)

    def coverage(self) -> Coverage:
        """The ledger as it stands: a member with any skip is not opened."""
        skips = sorted(self._skips, key=lambda skip: self._skips[skip])
        opened = max(0, self._members - len(self._unseen))
        return Coverage(self._members, opened, self._bytes, tuple(skips))

    def findings(self) -> tuple[Finding, ...]:
        """All findings; the last one of a rule that was seen too often says how often."""
        kept = [fact for _, _, fact in sorted(self._facts, key=lambda item: item[:2]) if isinstance(fact, Finding)]
        last = {(finding.scanner, finding.rule): place for place, finding in enumerate(kept)}
        for key, count in self._rules.items():
            if count > _PER_RULE and key in last:
                finding = kept[last[key]]
                kept[last[key]] = replace(finding, message=f"{finding.message} (one of {count:,} such findings)")
        return tuple(kept)

    def packages(self) -> tuple[Package, ...]:
        """All packages."""
        return tuple(fact for _, _, fact in sorted(self._facts, key=lambda item: item[:2]) if isinstance(fact, Package))


def _unicode(fact: Fact) -> Fact:
    """A fact in words that are Unicode: what JSON files say may hold lone surrogates, which no record could keep."""
    match fact:
        case Package() if not fact.license.isascii():
            return replace(fact, license=_text(fact.license))
        case Skip() if not fact.detail.isascii():
            return replace(fact, detail=_text(fact.detail))
        case Finding() if not f"{fact.rule}{fact.message}{fact.evidence}".isascii():
            return replace(fact, rule=_text(fact.rule), message=_text(fact.message), evidence=_text(fact.evidence))
        case _:
            return fact


def _text(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
