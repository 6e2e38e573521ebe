"""A package's advisories made ready for many versions: bounds are parsed once, and comparing is all that is left."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from customhouse.versions import Key, sort_key
from customhouse.vulnerabilities.records import Advisory, Span

_Bounds = tuple[Key | None, Key | None, bool]
"""From a key, up to a key, and whether the upper one is inside; None is no bound."""


class Hit(NamedTuple):
    """What one advisory says of a version that it holds for."""

    advisory: Advisory
    remedy: str


_Ready = tuple[Hit, frozenset[str], tuple[_Bounds, ...]]
"""An advisory with the versions that it names and the ranges."""


@dataclass(frozen=True, slots=True)
class Named:
    """One package of an ecosystem with everything that is known against it."""

    ecosystem: str
    name: str
    ready: tuple[_Ready, ...]

    @classmethod
    def of(cls, ecosystem: str, name: str, advisories: Iterable[Advisory]) -> Named:
        """The worst first, so that of two records about one vulnerability the worse one is kept."""
        worst = sorted(advisories, key=lambda advisory: (-advisory.severity.rank, advisory.rule))
        return cls(ecosystem, name, tuple(_ready(ecosystem, advisory) for advisory in worst))

    def hits(self, version: str) -> tuple[Hit, ...]:
        """Those that hold for a version, each rule once, the worst first; without an order, those that name it."""
        try:
            key = sort_key(self.ecosystem, version)
        except ValueError:
            found = [hit for hit, versions, _ in self.ready if version in versions]
        else:
            found = [hit for hit, versions, spans in self.ready if version in versions or _inside(spans, key)]
        if len(found) < 2:  # noqa: PLR2004 -- nothing to merge
            return tuple(found)
        worst: dict[str, Hit] = {}
        for hit in found:
            worst.setdefault(hit.advisory.rule, hit)
        return tuple(worst.values())


def _inside(spans: tuple[_Bounds, ...], key: Key) -> bool:
    for low, high, closed in spans:
        if low is not None and key < low:
            continue
        if high is None or key < high or (closed and key == high):
            return True
    return False


def _ready(ecosystem: str, advisory: Advisory) -> _Ready:
    fixes = dict.fromkeys(span.fixed for span in advisory.spans if span.fixed)
    remedy = f"fixed in {', '.join(list(fixes)[:4])}" if fixes else "no fixed version is known"
    text = f"{advisory.summary or advisory.rule} ({remedy})"
    named = {name for one in advisory.versions for name in (one, one.removeprefix("v"))}  # places have no `v`
    return Hit(advisory, text), frozenset(named), tuple(_bounds(ecosystem, advisory.spans))


def _bounds(ecosystem: str, spans: Iterable[Span]) -> Iterator[_Bounds]:
    """Spans as keys; one with a bound that is no version holds nothing."""
    for span in spans:
        low, high = span.introduced if span.introduced != "0" else "", span.fixed or span.last
        try:
            yield (
                sort_key(ecosystem, low) if low else None,
                sort_key(ecosystem, high) if high else None,
                not span.fixed,
            )
        except ValueError:
            continue
