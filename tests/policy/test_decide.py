from __future__ import annotations

import dataclasses
import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Coverage, Finding, Inspection, Severity, SkipReason, Verdict
from customhouse.policy.decide import decide
from customhouse.policy.load import default
from customhouse.policy.model import Policy, Rule, Waiver, When
from tests.facts import finding, inspection, skip

TODAY = dt.date(2026, 11, 24)


def verdict(inspected: Inspection, *rules: Rule, waivers: tuple[Waiver, ...] = ()) -> tuple[str, str]:
    policy = Policy(version=1, rules=rules, waivers=waivers) if rules else default().policy
    policy = msgspec.structs.replace(policy, waivers=waivers)
    made = decide(policy, inspected, "in/a.zip", TODAY)
    return made.verdict.value, made.rule


def waiver(**changes: object) -> Waiver:
    said = {"finding": "malware/eicar", "owner": "sec@x", "reason": "our own test file", "expires": TODAY}
    return msgspec.convert(said | changes, Waiver)


def test_complete_and_without_findings_is_clean() -> None:
    assert verdict(inspection()) == ("clean", "seen-and-clean")


def test_serious_finding_is_quarantined_even_when_not_all_was_seen() -> None:
    assert verdict(inspection(finding(), skip())) == ("quarantined", "serious-finding")


def test_incomplete_ledger_is_held() -> None:
    assert verdict(inspection(skip(SkipReason.ENCRYPTED)))[0] == "held"


def test_small_finding_is_let_through_with_it() -> None:
    assert verdict(inspection(finding(Severity.LOW))) == ("flagged", "finding")


def test_rule_that_calls_the_unseen_clean_is_overruled() -> None:
    said = verdict(inspection(skip()), Rule(name="trusting", verdict=Verdict.CLEAN))
    assert said == ("held", "unseen-is-never-clean")


def test_unseen_members_without_a_skip_are_held_too() -> None:
    broken = dataclasses.replace(inspection(), coverage=Coverage(members=3, opened=2, bytes=1))
    rule = Rule(name="lenient", verdict=Verdict.FLAGGED, when=When(skipped=(), complete=False))
    assert verdict(broken, rule) == ("held", "unseen-is-never-clean")


def test_flagged_may_accept_the_reasons_that_its_rule_names() -> None:
    rule = Rule(name="vendor", verdict=Verdict.FLAGGED, when=When(skipped=SkipReason.ENCRYPTED))
    assert verdict(inspection(skip(SkipReason.ENCRYPTED)), rule) == ("flagged", "vendor")
    assert verdict(inspection(skip(SkipReason.ENCRYPTED), skip(SkipReason.LIMIT)), rule)[0] == "held"


def test_no_rule_that_fits_is_held() -> None:
    rule = Rule(name="only-jars", verdict=Verdict.CLEAN, when=When(kind="jar"))
    assert verdict(inspection(), rule) == ("held", "no-rule-decided")


@pytest.mark.parametrize(
    ("when", "fits"),
    [
        (When(kind="z*"), True),
        (When(kind=("jar", "zip")), True),
        (When(name="out/*"), False),
        (When(scanner="malware", severity=Severity.CRITICAL), False),
        (When(rule="eic*", member="*!/x"), True),
        (When(scanner="secrets"), False),
        (When(skipped=SkipReason.LIMIT), True),
        (When(skipped=SkipReason.CORRUPT), False),
        (When(complete=True), False),
    ],
)
def test_conditions(when: When, *, fits: bool) -> None:
    made = verdict(inspection(finding(), skip()), Rule(name="r", verdict=Verdict.REJECTED, when=when))
    assert (made == ("rejected", "r")) is fits


def test_one_finding_must_fit_all_conditions_on_findings() -> None:
    two = inspection(finding(Severity.LOW), finding(rule="key", scanner="secrets"))
    rule = Rule(name="r", verdict=Verdict.REJECTED, when=When(scanner="malware", severity=Severity.HIGH))
    assert verdict(two, rule)[0] == "held"


def test_waived_finding_decides_nothing_until_it_expires() -> None:
    assert verdict(inspection(finding()), waivers=(waiver(),)) == ("clean", "seen-and-clean")
    late = waiver(expires=TODAY - dt.timedelta(days=1))
    assert verdict(inspection(finding()), waivers=(late,))[0] == "quarantined"


def test_waiver_covers_only_its_artifact_and_member() -> None:
    assert verdict(inspection(finding()), waivers=(waiver(artifact="other"),))[0] == "quarantined"
    assert verdict(inspection(finding()), waivers=(waiver(member="other"),))[0] == "quarantined"


def test_reasons_name_the_worst_first_and_stop_somewhere() -> None:
    many = inspection(*[finding(Severity.LOW, rule=f"r{n}") for n in range(40)], finding(Severity.CRITICAL), skip())
    reasons = decide(default().policy, many, "a", TODAY).reasons
    assert reasons[0].startswith("critical: malware/eicar")
    assert reasons[-1] == "and 22 more"


findings = st.builds(finding, severity=st.sampled_from(Severity), rule=st.sampled_from(["eicar", "x"]))
skips = st.builds(skip, reason=st.sampled_from(SkipReason))
rules = st.builds(
    Rule,
    name=st.just("r"),
    verdict=st.sampled_from(Verdict),
    when=st.builds(
        When,
        severity=st.none() | st.sampled_from(Severity),
        skipped=st.lists(st.sampled_from(SkipReason), max_size=3).map(tuple),
        complete=st.none() | st.booleans(),
    ),
)


@given(st.lists(findings | skips, max_size=5), st.lists(rules, min_size=1, max_size=4))
def test_whatever_the_rules_say_the_unseen_is_never_clean(facts: list[Finding], said: list[Rule]) -> None:
    inspected = inspection(*facts)
    made = decide(Policy(version=1, rules=tuple(said)), inspected, "a", TODAY)
    if not inspected.coverage.complete:
        assert made.verdict is not Verdict.CLEAN
