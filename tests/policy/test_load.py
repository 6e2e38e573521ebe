from __future__ import annotations

import contextlib
import json

import jsonschema
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.policy.load import default, load, schema

GOOD = """\
version: 1
limits:
  depth: 4
  expanded: 2GiB
  seconds: 12.5
rules:
  - name: all
    verdict: held
"""


def test_packaged_policy_loads_and_holds_the_unseen() -> None:
    rules = {rule.name: rule.verdict for rule in default().policy.rules}
    assert rules["not-fully-seen"] == "held"
    assert default().limits.depth == 16


def test_limits_take_units() -> None:
    limits = load(GOOD, "policy.yaml").limits
    assert (limits.depth, limits.expanded, limits.seconds) == (4, 2 << 30, 12.5)


def test_digest_changes_with_the_text() -> None:
    assert load(GOOD, "p").digest != load(GOOD + "# a comment\n", "p").digest


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("depth: 4", "dept: 4", "p.yaml:3: no limit 'dept'"),
        ("depth: 4", "depth: -1", "p.yaml:3: -1 is no amount"),
        ("2GiB", "2GB", "p.yaml:4: '2GB' is no amount"),
        ("verdict: held", "verdict: fine", "p.yaml:8: Invalid enum value 'fine'"),
        ("verdict: held", "verdict: held\n    when: {sevrity: high}", "p.yaml:9: Object contains unknown field"),
        ("version: 1", "version: 2", "p.yaml:1: Invalid enum value 2"),
        ("version: 1", "version: 1\nversion: 1", "p.yaml:2: version stands there twice"),
        ("  - name: all", "  - name: all\n    verdict: held\n  - name: all", "p.yaml:9: two rules are called 'all'"),
        ("rules:", "scanners: [", "p.yaml:"),
        ("depth: 4", "depth: &x 4\n  members: *x", "p.yaml:3: YAML aliases are not taken"),
    ],
)
def test_mistake_is_one_line_with_file_line_and_remedy(old: str, new: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(GOOD.replace(old, new), "p.yaml")
    assert str(caught.value).startswith(says)
    assert "\n" not in str(caught.value)


def test_no_rules_is_an_error_not_a_shrug() -> None:
    with pytest.raises(ConfigError, match="no rules"):
        load("version: 1\nrules: []\n", "p.yaml")


def test_empty_file_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"p\.yaml:1"):
        load("", "p.yaml")


def test_broken_lifecycle_rule_stops_the_load() -> None:
    with pytest.raises(ConfigError, match=r"p\.yaml:\d+"):
        load(GOOD + "lifecycle:\n  - id: x\n    nonsense: 1\n", "p.yaml")


def test_schema_accepts_what_loads_and_refuses_what_does_not() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(schema())))
    assert validator.is_valid(yaml.safe_load(GOOD))
    assert not validator.is_valid(yaml.safe_load(GOOD.replace("held", "fine")))


@given(st.text(max_size=200))
def test_any_text_loads_or_is_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):  # anything else fails the test
        load(text, "p.yaml")


@pytest.mark.parametrize("name", ["scanner", "rule", "member", "skipped", "kind", "name"])
@pytest.mark.parametrize("value", ["[]", "''", "['']"])
def test_a_condition_that_lists_nothing_is_refused_and_not_taken_for_none(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.yaml:5: "):
        load(f"version: 1\nrules:\n  - name: a\n    verdict: clean\n    when: {{{name}: {value}}}\n", "p.yaml")


def test_conditions_are_one_word_or_several() -> None:
    text = "version: 1\nrules: [{name: a, verdict: held, when: {kind: jar, name: [in/*, out/*], skipped: [limit]}}]\n"
    when = load(text, "p.yaml").policy.rules[0].when
    assert (when.kind, when.name, when.skipped) == ("jar", ("in/*", "out/*"), ("limit",))


KINDS = "version: 1\nrules:\n  - name: a\n    verdict: held\n    when:\n      kind: "


@pytest.mark.parametrize("kind", ["jar", "'apk-*'", "'*'", "[docx, unread]", "'[wz]*'"])
def test_a_kind_that_there_is_or_a_glob_that_one_fits_may_be_asked_for(kind: str) -> None:
    assert load(KINDS + kind, "p.yaml").policy.rules[0].when.kind


@pytest.mark.parametrize("kind", ["jra", "'apk_*'", "[docx, Zip]", "'? '"])
def test_a_kind_that_nothing_can_be_is_refused_and_not_a_rule_that_never_decides(kind: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.yaml:6: no kind is called '.*'; docs/inspection\.md lists them$"):
        load(KINDS + kind, "p.yaml")


WAIVER = "version: 1\nrules: [{name: a, verdict: held}]\nwaivers:\n  - finding: x\n    owner: o\n    reason: r\n"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ("", "p.yaml:4: Object missing required field `expires`"),
        ("    expires: never\n", "p.yaml:7: "),
        ("    expires: 2027\n", "p.yaml:7: Expected `date`"),
        ("    expires: 2027-02-29\n", "p.yaml:7: '2027-02-29' does not read"),
        ("    expires: 2027-01-01 10:00:00\n", "p.yaml:7: Expected `date`"),
        ("    expires: 2027-01-01\n    artefact: in/*\n", "p.yaml:4: Object contains unknown field `artefact`"),
    ],
)
def test_a_waiver_without_an_end_or_with_a_wrong_one_is_refused(more: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(WAIVER + more, "p.yaml")
    assert str(caught.value).startswith(says)


def test_a_waiver_ends_on_the_day_that_is_written() -> None:
    (waiver,) = load(WAIVER + "    expires: 2027-01-31\n", "p.yaml").policy.waivers
    assert (waiver.expires.isoformat(), waiver.artifact, waiver.member) == ("2027-01-31", "*", "*")


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ("{clean: [tag, publish]}", "p.yaml:3: Invalid enum value 'publish'"),
        ("{fine: [tag]}", "p.yaml:3: Invalid enum value 'fine'"),
        ("{clean: tag}", "p.yaml:3: Expected `array`"),
    ],
)
def test_an_action_that_there_is_not_is_refused(actions: str, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"version: 1\nrules: [{{name: a, verdict: held}}]\nactions: {actions}\n", "p.yaml")
    assert str(caught.value).startswith(says)


@pytest.mark.parametrize("verdict", ["held", "quarantined", "rejected"])
def test_what_does_not_pass_must_not_be_promoted(verdict: str) -> None:
    with pytest.raises(
        ConfigError, match=rf"policy\.yaml:\d+: what is {verdict} must not be promoted; take promote out"
    ):
        load(f"{GOOD}actions:\n  clean: [promote]\n  {verdict}: [tag, promote]\n", "policy.yaml")


@pytest.mark.parametrize("verdict", ["clean", "flagged"])
def test_what_passes_may_be_promoted(verdict: str) -> None:
    assert load(f"{GOOD}actions:\n  {verdict}: [tag, promote]\n", "policy.yaml").policy.actions
