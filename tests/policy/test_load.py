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
