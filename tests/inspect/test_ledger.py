"""The ledger: order, caps that never hide how much there was, and coverage that no cap makes complete."""

from __future__ import annotations

import threading

import pytest

from customhouse.inspect.ledger import Ledger
from customhouse.model import Finding, Package, Severity, Skip, SkipReason


def finding(at: int = 0, rule: str = "r", severity: Severity = Severity.HIGH, scanner: str = "s") -> Finding:
    return Finding(scanner, rule, severity, f"m{at}", "said")


def package(at: int = 0) -> Package:
    return Package(f"pkg:pypi/p{at}@1", f"m{at}")


@pytest.mark.parametrize(("count", "kept", "counted"), [(1, 1, 0), (99, 99, 0), (100, 100, 0), (101, 100, 1)])
def test_a_rule_is_kept_a_hundred_times_and_then_counted(count: int, kept: int, counted: int) -> None:
    ledger = Ledger()
    ledger.add(0, [finding(at) for at in range(count)])

    found = ledger.findings()

    assert len(found) == kept
    assert sum("such findings" in one.message for one in found) == counted
    assert (f"one of {count:,} such" in found[-1].message) == bool(counted)


@pytest.mark.parametrize("severity", Severity)
def test_only_what_is_critical_has_no_cap(severity: Severity) -> None:
    ledger = Ledger()
    ledger.add(0, [finding(at, severity=severity) for at in range(250)])

    assert len(ledger.findings()) == (250 if severity is Severity.CRITICAL else 100)
    assert "one of 250" in ledger.findings()[-1].message


def test_a_critical_finding_is_kept_though_its_rule_was_met_too_often_before() -> None:
    ledger = Ledger()
    ledger.add(0, [finding(at, severity=Severity.LOW) for at in range(500)])
    ledger.add(1, [finding(900, severity=Severity.CRITICAL)])

    assert ledger.findings()[-1].member == "m900"


@pytest.mark.parametrize("other", [{"rule": "q"}, {"scanner": "t"}])
def test_each_rule_of_each_scanner_has_a_cap_of_its_own(other: dict[str, str]) -> None:
    ledger = Ledger()
    ledger.add(0, [finding(at) for at in range(150)])
    ledger.add(0, [finding(at, **other) for at in range(3)])

    assert len(ledger.findings()) == 103


def test_the_same_fact_twice_counts_once() -> None:
    ledger = Ledger()
    for _ in range(300):
        ledger.add(0, [finding(), package(), Skip("m", SkipReason.LIMIT, "why")])

    assert (len(ledger.findings()), len(ledger.packages()), len(ledger.coverage().skipped)) == (1, 1, 1)
    assert "such findings" not in ledger.findings()[0].message


def test_packages_have_no_cap() -> None:
    ledger = Ledger()
    ledger.add(0, [package(at) for at in range(3000)])

    assert len(ledger.packages()) == 3000


def test_facts_are_in_the_order_of_the_members_and_not_of_the_threads() -> None:
    ledger = Ledger()
    for place in (3, 1, 2):
        ledger.add(place, [finding(place), package(place), Skip(f"m{place}", SkipReason.LIMIT)])

    assert [one.member for one in ledger.findings()] == ["m1", "m2", "m3"]
    assert [one.member for one in ledger.packages()] == ["m1", "m2", "m3"]
    assert [one.member for one in ledger.coverage().skipped] == ["m1", "m2", "m3"]


def test_facts_of_one_member_stay_in_the_order_in_which_they_were_told() -> None:
    ledger = Ledger()
    ledger.add(1, [finding(rule="z"), finding(rule="a")])
    ledger.add(1, [finding(rule="m")])

    assert [one.rule for one in ledger.findings()] == ["z", "a", "m"]


@pytest.mark.parametrize(("count", "listed"), [(999, 999), (1000, 1000), (1001, 1000), (2500, 1000)])
def test_skips_are_listed_a_thousand_times_and_all_of_them_are_unopened(count: int, listed: int) -> None:
    ledger = Ledger()
    for at in range(count):
        ledger.member()
        ledger.skip(f"m{at}", SkipReason.CORRUPT, "broken")

    coverage = ledger.coverage()

    assert (coverage.members, coverage.opened, len(coverage.skipped)) == (count, 0, listed)
    assert not coverage.complete


def test_a_member_with_two_skips_is_one_that_was_not_opened() -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.member()
    ledger.skip("m1", SkipReason.CORRUPT, "one")
    ledger.skip("m1", SkipReason.LIMIT, "two")

    assert (ledger.coverage().members, ledger.coverage().opened) == (3, 2)


def test_more_skips_than_members_leave_none_opened_rather_than_fewer() -> None:
    ledger = Ledger()
    ledger.member()
    for at in range(5):
        ledger.skip(f"part{at}", SkipReason.LIMIT, "why")

    assert ledger.coverage().opened == 0


def test_an_empty_ledger_has_seen_nothing_and_missed_nothing() -> None:
    coverage = Ledger().coverage()

    assert (coverage.members, coverage.opened, coverage.bytes, coverage.skipped) == (0, 0, 0, ())
    assert Ledger().findings() == Ledger().packages() == ()


def test_bytes_and_members_add_up() -> None:
    ledger = Ledger()

    assert [ledger.member() for _ in range(3)] == [1, 2, 3]
    for size in (0, 5, 1 << 40):
        ledger.saw(size)

    assert ledger.members == 3
    assert ledger.coverage().bytes == (1 << 40) + 5


def test_findings_of_the_archive_itself_have_its_name() -> None:
    ledger = Ledger()
    ledger.finding("overlap", Severity.HIGH, "a.zip!/x", "it shares bytes")

    assert ledger.findings() == (Finding("archive", "overlap", Severity.HIGH, "a.zip!/x", "it shares bytes"),)


def test_facts_of_many_threads_are_all_there() -> None:
    ledger = Ledger()

    def work(first: int) -> None:
        for at in range(first, first + 200):
            ledger.add(at, [package(at), Skip(f"m{at}", SkipReason.ENGINE)])

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 1000, 200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [one.member for one in ledger.packages()] == [f"m{at}" for at in range(1000)]
    assert len(ledger.coverage().skipped) == 1000


def test_asking_twice_says_the_same() -> None:
    ledger = Ledger()
    ledger.add(0, [finding(at) for at in range(150)])

    assert ledger.findings() == ledger.findings()
    assert ledger.coverage() == ledger.coverage()
