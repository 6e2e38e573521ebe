from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import Malformed
from customhouse.model import Severity
from customhouse.versions import compare, sort_key
from customhouse.vulnerabilities.records import Advisory, Record, Span, advisories, read, rule, within
from tests.vulnerabilities.support import record


def only(data: bytes) -> Advisory:
    ((_, _, advisory),) = advisories(read(data))
    return advisory


def test_a_range_becomes_a_span() -> None:
    data = record("X-1", "npm", "a", ("introduced", "0"), ("fixed", "1.2.0"), summary="bad\nworse")
    assert list(advisories(read(data))) == [
        ("npm", "a", Advisory("X-1", Severity.MEDIUM, "bad", (Span("0", "1.2.0"),)))
    ]


@pytest.mark.parametrize(
    ("events", "spans"),
    [
        ([("fixed", "1.10.0"), ("introduced", "1.9.0")], [Span("1.9.0", "1.10.0")]),
        (
            [("introduced", "2.0.0"), ("fixed", "2.1.0"), ("introduced", "0"), ("last_affected", "1.5.0")],
            [Span("0", "", "1.5.0"), Span("2.0.0", "2.1.0")],
        ),
        ([("introduced", "1.0.0")], [Span("1.0.0")]),
        ([("introduced", "1.0.0"), ("limit", "2.0.0")], [Span("1.0.0", "2.0.0")]),
        ([("introduced", "1.0.0"), ("limit", "*")], [Span("1.0.0")]),
        ([("introduced", "1.0.0"), ("limit", "2.0.0"), ("limit", "*")], [Span("1.0.0")]),
        ([("introduced", "0"), ("limit", "2.0.0"), ("fixed", "3.0.0")], [Span("0", "2.0.0")]),
        ([("introduced", "0"), ("limit", "2.0.0"), ("limit", "1.0.0")], [Span("0", "2.0.0")]),
        ([("introduced", "3.0.0"), ("limit", "2.0.0")], []),
        ([("introduced", "0"), ("last_affected", "0")], [Span("0", "", "0")]),
        (
            [("introduced", "1.0.0"), ("introduced", "1.1.0"), ("fixed", "1.2.0"), ("fixed", "1.3.0")],
            [Span("1.0.0", "1.2.0")],
        ),
        ([("fixed", "1.0.0")], []),
    ],
)
def test_events_are_read_in_version_order(events: list[tuple[str, str]], spans: list[Span]) -> None:
    data = record("X-1", "npm", "a", *events, versions=["0.0.0-only"])
    assert list(only(data).spans) == spans


def test_commits_are_no_versions_and_withdrawn_records_say_nothing() -> None:
    assert list(advisories(read(record("X-1", "npm", "a", ("introduced", "0"), kind="GIT")))) == []
    assert (
        list(advisories(read(record("X-1", "npm", "a", ("introduced", "0"), withdrawn="2024-01-01T00:00:00Z")))) == []
    )


def test_versions_that_a_range_covers_are_not_kept() -> None:
    data = record(
        "X-1", "PyPI", "A_b.c", ("introduced", "1.0"), ("fixed", "2.0"), versions=["1.0", "1.5", "0.9", "odd one"]
    )
    assert next(iter(advisories(read(data))))[1] == "a-b-c"
    assert only(data).versions == ("0.9", "odd one")


def test_bounds_that_are_no_versions_hold_nothing_but_break_nothing() -> None:
    data = record("X-1", "Debian:12", "a", ("introduced", "0"), ("fixed", "x:1"), versions=["1.0"])
    advisory = only(data)
    assert advisory.versions == ("1.0",)
    assert not within("Debian:12", advisory.spans[0], sort_key("Debian:12", "0.1"))


VERSIONS = st.builds(lambda *parts: ".".join(map(str, parts)), st.integers(0, 3), st.integers(0, 2), st.just(0))
EVENTS = st.lists(
    st.tuples(st.sampled_from(["introduced", "fixed", "last_affected", "limit"]), VERSIONS),
    max_size=6,
    unique_by=lambda event: event[1],
)


def affected(version: str, events: list[tuple[str, str]]) -> bool:
    """The evaluation algorithm of the OSV schema, word for word."""
    limits = [bound for kind, bound in events if kind == "limit"]
    if limits and not any(compare("npm", version, limit) < 0 for limit in limits):
        return False
    state = False
    for kind, bound in sorted(events, key=lambda event: sort_key("npm", event[1])):
        order = compare("npm", version, bound)
        if kind == "introduced" and order >= 0:
            state = True
        elif (kind == "fixed" and order >= 0) or (kind == "last_affected" and order > 0):
            state = False
    return state


@given(EVENTS, VERSIONS)
def test_spans_say_what_the_schema_says(events: list[tuple[str, str]], version: str) -> None:
    data = record("X-1", "npm", "a", *events, versions=["9.9.9"])
    key = sort_key("npm", version)
    assert any(within("npm", span, key) for span in only(data).spans) == affected(version, events)


@pytest.mark.parametrize(
    ("more", "severity"),
    [
        ({}, Severity.MEDIUM),
        (
            {"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]},
            Severity.CRITICAL,
        ),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:H"}]}, Severity.HIGH),
        ({"severity": [{"type": "CVSS_V3", "score": "CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N"}]}, Severity.MEDIUM),
        ({"severity": [{"type": "CVSS_V2", "score": "AV:L/AC:H/Au:N/C:P/I:N/A:N"}]}, Severity.LOW),
        (
            {
                "severity": [
                    {"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"},
                    {"type": "CVSS_V4", "score": "CVSS:4.0/AV:L/AC:H/AT:P/PR:H/UI:A/VC:L/VI:N/VA:N/SC:N/SI:N/SA:N"},
                ]
            },
            Severity.LOW,
        ),
        (
            {
                "severity": [{"type": "CVSS_V3", "score": "CVSS:3.1/nonsense"}],
                "database_specific": {"severity": "HIGH"},
            },
            Severity.HIGH,
        ),
        ({"severity": [{"type": "Ubuntu", "score": "negligible"}]}, Severity.LOW),
        ({"database_specific": {"severity": "MODERATE"}}, Severity.MEDIUM),
    ],
)
def test_severity_is_the_newest_rating_then_the_word(more: dict[str, object], severity: Severity) -> None:
    assert only(record("X-1", "npm", "a", ("introduced", "0"), **more)).severity is severity


def test_malware_is_critical() -> None:
    assert only(record("MAL-2024-1", "npm", "a", ("introduced", "0"))).severity is Severity.CRITICAL


def test_a_rule_is_the_one_cve_or_the_record() -> None:
    assert rule(Record("GHSA-x", aliases=["CVE-2024-1", "PYSEC-1"])) == "CVE-2024-1"
    assert rule(Record("DEBIAN-CVE-2024-1", upstream=["CVE-2024-1"])) == "CVE-2024-1"
    assert rule(Record("RHSA-1", upstream=["CVE-2024-1", "CVE-2024-2"])) == "RHSA-1"


@pytest.mark.parametrize(
    "data", [b"", b"[]", b'{"aliases": []}', b'{"id": 1}', b"\xff", b'{"id": "x", "affected": ' + b"[" * 9999]
)
def test_what_is_no_record_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="OSV"):
        read(data)


def test_a_record_without_a_name_or_versions_says_nothing() -> None:
    bare = {"id": "X", "affected": [{"package": {"ecosystem": "npm", "name": "a"}}, {"versions": ["1"]}]}
    assert list(advisories(read(json.dumps(bare).encode()))) == []
