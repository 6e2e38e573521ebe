"""OSV records as they are published, and the little of them that matching needs.

https://ossf.github.io/osv-schema/
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from customhouse.errors import Malformed
from customhouse.model import Severity
from customhouse.versions import sort_key
from customhouse.vulnerabilities.places import release, spelling

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]+")
_WORDS = {
    "critical": Severity.CRITICAL,
    "high": Severity.HIGH,
    "important": Severity.HIGH,
    "moderate": Severity.MEDIUM,
    "medium": Severity.MEDIUM,
    "low": Severity.LOW,
    "negligible": Severity.LOW,
    "unimportant": Severity.LOW,
}
_SCORES = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
_UNRATED = Severity.MEDIUM
_LONGEST = 160


class Span(msgspec.Struct, frozen=True, array_like=True):
    """Versions from `introduced` ("" or "0" for the first) up to `fixed`, or up to and including `last`."""

    introduced: str = ""
    fixed: str = ""
    last: str = ""


class Advisory(msgspec.Struct, frozen=True, array_like=True):
    """What one record says of one package: a rule, how bad, one line, and which versions."""

    rule: str
    severity: Severity
    summary: str
    spans: tuple[Span, ...] = ()
    versions: tuple[str, ...] = ()


class _Package(msgspec.Struct, frozen=True):
    ecosystem: str = ""
    name: str = ""


class _Range(msgspec.Struct):
    type: str = ""
    events: list[dict[str, str]] = []


class _Rating(msgspec.Struct):
    type: str = ""
    score: str = ""


class _Affected(msgspec.Struct):
    package: _Package = _Package()
    ranges: list[_Range] = []
    versions: list[str] = []
    severity: list[_Rating] = []
    ecosystem_specific: dict[str, Any] | None = None
    database_specific: dict[str, Any] | None = None


class Record(msgspec.Struct):
    """One OSV document, of which unknown parts are ignored."""

    id: str
    aliases: list[str] = []
    upstream: list[str] = []
    summary: str = ""
    details: str = ""
    withdrawn: str | None = None
    severity: list[_Rating] = []
    affected: list[_Affected] = []
    database_specific: dict[str, Any] | None = None


_decode = msgspec.json.Decoder(Record).decode


def read(data: bytes) -> Record:
    """One record; Malformed where it is none."""
    try:
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise Malformed(f"no OSV record: {error}") from error


def advisories(record: Record) -> Iterator[tuple[str, str, Advisory]]:
    """Ecosystem, name and advisory for every package of a record that was not withdrawn."""
    if record.withdrawn:
        return
    summary = (record.summary or record.details).strip().partition("\n")[0][:_LONGEST]
    for affected in record.affected:
        ecosystem, name = release(affected.package.ecosystem), affected.package.name
        if not ecosystem or not name:
            continue
        spans = tuple(span for part in affected.ranges if part.type != "GIT" for span in _spans(ecosystem, part.events))
        versions = tuple(version for version in affected.versions if not _covers(ecosystem, spans, version))
        if spans or versions:
            severity = _severity(record, affected)
            yield ecosystem, spelling(ecosystem, name), Advisory(rule(record), severity, summary, spans, versions)


def rule(record: Record) -> str:
    """The one CVE that a record is about, else its own id."""
    known = {name for name in (record.id, *record.aliases, *record.upstream) if _CVE.fullmatch(name)}
    return known.pop() if len(known) == 1 else record.id


def _spans(ecosystem: str, events: list[dict[str, str]]) -> list[Span]:
    """A range's events in the ecosystem's order as closed spans; without an order, in the order they stand in."""
    told = [(kind, version) for event in events for kind, version in event.items()]
    flat = [event for event in told if event[1] != "*"]
    limits = [version for kind, version in flat if kind == "limit" and len(flat) == len(told)]
    try:
        flat.sort(
            key=lambda event: (event[1] != "0", sort_key(ecosystem, event[1]) if event[1] != "0" else 0, event[0])
        )
        limits.sort(key=lambda version: sort_key(ecosystem, version))
        if limits:  # from the last of them on nothing is affected, whatever else the range says
            end = sort_key(ecosystem, limits[-1])
            flat = [event for event in flat if event[1] == "0" or sort_key(ecosystem, event[1]) < end]
    except (ValueError, TypeError):
        limits = limits[-1:]
    spans: list[Span] = []
    opened: str | None = None
    for kind, version in flat:
        if kind == "introduced":
            opened = version if opened is None else opened
        elif opened is not None and kind in {"fixed", "last_affected"}:
            spans.append(Span(opened, *((version, "") if kind == "fixed" else ("", version))))
            opened = None
    if opened is not None:
        spans.append(Span(opened, limits[-1] if limits else ""))
    return spans


def within(ecosystem: str, span: Span, key: Any) -> bool:  # noqa: ANN401 -- keys are as different as ecosystems
    """Whether a version with this sort key is in a span; a bound that is no version holds nothing."""
    try:
        if span.introduced not in {"", "0"} and key < sort_key(ecosystem, span.introduced):
            return False
        if span.fixed:
            return bool(key < sort_key(ecosystem, span.fixed))
        return not span.last or bool(key <= sort_key(ecosystem, span.last))
    except ValueError:
        return False


def _covers(ecosystem: str, spans: tuple[Span, ...], version: str) -> bool:
    """Whether the spans say already what an enumerated version says."""
    try:
        key = sort_key(ecosystem, version)
    except ValueError:
        return False
    return any(within(ecosystem, span, key) for span in spans)


def _severity(record: Record, affected: _Affected) -> Severity:
    """By CVSS vector, the newest first; else by the database's own word; malware is critical."""
    if record.id.startswith("MAL-"):
        return Severity.CRITICAL
    ratings = sorted([*affected.severity, *record.severity], key=lambda rating: rating.type, reverse=True)
    for rating in ratings:
        found = _rated(rating.score)
        if found:
            return found
    for specific in (affected.ecosystem_specific, affected.database_specific, record.database_specific):
        for key in ("severity", "urgency", "cvss"):
            word = _WORDS.get(str((specific or {}).get(key, "")).lower())
            if word:
                return word
    return _UNRATED


def _rated(score: str) -> Severity | None:
    """A CVSS vector of version 2, 3 or 4, or a vendor's word, as a severity."""
    if score.lower() in _WORDS:
        return _WORDS[score.lower()]
    # Only building an index reads vectors: matching never pays for this import.
    from cvss import CVSS2, CVSS3, CVSS4, CVSSError  # type: ignore[import-untyped]  # noqa: PLC0415 -- ships no types

    kind = CVSS4 if score.startswith("CVSS:4") else CVSS3 if score.startswith("CVSS:3") else CVSS2
    try:
        base = float(kind(score).scores()[0])
    except (CVSSError, ValueError, ArithmeticError, KeyError):
        return None
    return next((severity for least, severity in _SCORES if base >= least), Severity.LOW)
