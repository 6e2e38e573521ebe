"""What holds of every verdict, whatever the rules, findings, skips and waivers are."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import Finding, Inspection, Severity, Skip, SkipReason, Verdict
from customhouse.policy.decide import MAX_REASONS, decide
from customhouse.policy.load import default
from customhouse.policy.model import Policy, Rule, Waiver, When
from tests.facts import finding, inspection, skip

TODAY = dt.date(2026, 11, 24)
HARM = [Verdict.CLEAN, Verdict.FLAGGED, Verdict.HELD, Verdict.QUARANTINED]
"""Verdicts of the packaged policy, the mildest first."""
FINDINGS = st.builds(
    finding,
    severity=st.sampled_from(Severity),
    rule=st.sampled_from(["eicar", "key", "x"]),
    scanner=st.sampled_from(["malware", "secrets"]),
    member=st.sampled_from(["a.zip", "a.zip!/x", "a.zip!/b.jar!/y"]),
)
SKIPS = st.builds(skip, reason=st.sampled_from(SkipReason), member=st.sampled_from(["a.zip!/y", "a.zip!/z"]))
FACTS = st.lists(FINDINGS | SKIPS, max_size=6)
REASONS = st.lists(st.sampled_from(SkipReason), max_size=4, unique=True).map(tuple)
CONDITIONS = st.builds(
    When,
    scanner=st.sampled_from(["", "malware", "m*", "none"]),
    rule=st.sampled_from(["", "eicar", "?"]),
    severity=st.none() | st.sampled_from(Severity),
    member=st.sampled_from(["", "*!/x", "a.zip"]),
    skipped=REASONS,
    complete=st.none() | st.booleans(),
    kind=st.sampled_from(["", "zip", "jar"]),
    name=st.sampled_from(["", "in/*", "out/*"]),
)
RULES = st.lists(st.tuples(st.sampled_from(Verdict), CONDITIONS), min_size=1, max_size=4).map(
    lambda them: tuple(Rule(name=f"r{at}", verdict=verdict, when=when) for at, (verdict, when) in enumerate(them))
)
WAIVERS = st.lists(
    st.builds(
        Waiver,
        finding=st.sampled_from(["malware/eicar", "malware/*", "*/key", "*", "malware"]),
        owner=st.just("sec@example.com"),
        reason=st.just("known"),
        expires=st.dates(TODAY - dt.timedelta(days=1), TODAY + dt.timedelta(days=1)),
        artifact=st.sampled_from(["*", "in/*", "other"]),
        member=st.sampled_from(["*", "*!/x"]),
    ),
    max_size=3,
).map(tuple)


def policy(rules: tuple[Rule, ...], waivers: tuple[Waiver, ...] = ()) -> Policy:
    return Policy(version=1, rules=rules, waivers=waivers)


@given(RULES, FACTS, WAIVERS)
def test_what_passes_was_seen_or_its_rule_names_every_reason_why_not(
    rules: tuple[Rule, ...], facts: list[Finding | Skip], waivers: tuple[Waiver, ...]
) -> None:
    inspected = inspection(*facts)
    made = decide(policy(rules, waivers), inspected, "in/a.zip", TODAY)
    if not inspected.coverage.complete and made.verdict.passes:
        (rule,) = (one for one in rules if one.name == made.rule)
        named = {rule.when.skipped} if isinstance(rule.when.skipped, str) else set(rule.when.skipped)
        assert made.verdict is Verdict.FLAGGED
        assert {one.reason for one in inspected.coverage.skipped} <= named


@given(RULES, FACTS, WAIVERS)
def test_a_verdict_names_its_rule_and_rules_behind_it_change_nothing(
    rules: tuple[Rule, ...], facts: list[Finding | Skip], waivers: tuple[Waiver, ...]
) -> None:
    made = decide(policy(rules, waivers), inspection(*facts), "in/a.zip", TODAY)
    names = [rule.name for rule in rules]
    assert made.rule in {*names, "no-rule-decided", "unseen-is-never-clean"}
    if made.rule in names:
        first = rules[: names.index(made.rule) + 1]
        assert decide(policy(first, waivers), inspection(*facts), "in/a.zip", TODAY) == made


@given(RULES, FACTS, WAIVERS, st.permutations(range(6)))
def test_the_order_of_facts_changes_no_verdict(
    rules: tuple[Rule, ...], facts: list[Finding | Skip], waivers: tuple[Waiver, ...], order: list[int]
) -> None:
    shuffled = [facts[at] for at in order if at < len(facts)]
    here, there = (decide(policy(rules, waivers), inspection(*one), "in/a.zip", TODAY) for one in (facts, shuffled))
    assert (here.verdict, here.rule, set(here.waived)) == (there.verdict, there.rule, set(there.waived))


@given(RULES, FACTS, WAIVERS)
def test_a_waived_finding_counts_as_if_it_was_not_there(
    rules: tuple[Rule, ...], facts: list[Finding | Skip], waivers: tuple[Waiver, ...]
) -> None:
    made = decide(policy(rules, waivers), inspection(*facts), "in/a.zip", TODAY)
    rest = [fact for fact in facts if fact not in made.waived]
    assert replace(made, waived=()) == decide(policy(rules), inspection(*rest), "in/a.zip", TODAY)


@given(FACTS, WAIVERS)
def test_a_waiver_accepts_no_skip_and_nothing_past_its_day(
    facts: list[Finding | Skip], waivers: tuple[Waiver, ...]
) -> None:
    made = decide(policy((), waivers), inspection(*facts), "in/a.zip", TODAY)
    assert all(isinstance(one, Finding) for one in made.waived)
    late = tuple(one for one in waivers if one.expires < TODAY)
    assert decide(policy((), late), inspection(*facts), "in/a.zip", TODAY).waived == ()


@given(FACTS, FINDINGS | SKIPS)
def test_by_the_packaged_policy_another_finding_or_skip_never_makes_it_milder(
    facts: list[Finding | Skip], more: Finding | Skip
) -> None:
    before, after = (
        decide(default().policy, inspection(*them), "a", TODAY).verdict for them in (facts, [*facts, more])
    )
    assert HARM.index(after) >= HARM.index(before)


@given(FACTS)
def test_by_the_packaged_policy_what_is_promoted_was_seen_and_has_nothing_serious(facts: list[Finding | Skip]) -> None:
    inspected = inspection(*facts)
    made = decide(default().policy, inspected, "a", TODAY)
    if "promote" in default().policy.actions[made.verdict]:
        assert inspected.coverage.complete
        assert all(one.severity.rank < Severity.HIGH.rank for one in inspected.findings)


@given(FACTS)
def test_reasons_name_every_fact_or_say_how_many_more_there_are(facts: list[Finding | Skip]) -> None:
    reasons = decide(policy(()), inspection(*facts, *facts, *facts, *facts), "a", TODAY).reasons
    assert len(reasons) == min(4 * len(facts), MAX_REASONS) + (4 * len(facts) > MAX_REASONS)
    if 4 * len(facts) > MAX_REASONS:
        assert reasons[-1] == f"and {4 * len(facts) - MAX_REASONS} more"


def test_thousands_of_waived_findings_are_decided_like_one() -> None:
    many: Inspection = inspection(*[finding(rule=f"r{number}") for number in range(50_000)])
    waiver = Waiver(finding="malware/*", owner="o", reason="r", expires=TODAY)
    made = decide(msgspec.structs.replace(default().policy, waivers=(waiver,)), many, "a", TODAY)
    assert (made.verdict, len(made.waived)) == (Verdict.CLEAN, 50_000)


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("*", "", True),
        ("in/*", "in/a/b", True),
        ("in/*", "IN/a", False),
        ("*.JAR", "a.jar", False),
        ("in", "in/", False),
        ("a?c", "a\nc", True),
        ("*", "a\nb", True),
        ("[ab].zip", "a.zip", True),
        ("[!a]*", "a.zip", False),
        ("a[", "a[", True),
        ("*.zip!/*", "in/a.zip!/b", True),
        (".*", "ab", False),
        ("a|b", "a", False),
    ],
)
def test_globs_match_whole_names_and_are_no_regular_expressions(pattern: str, text: str, *, fits: bool) -> None:
    rule = Rule(name="r", verdict=Verdict.REJECTED, when=When(name=pattern))
    made = decide(policy((rule,)), inspection(), text, TODAY)
    assert (made.rule == "r") is fits
