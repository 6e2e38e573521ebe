"""Limits of a policy file: amounts with units, each what its field needs, each mistake with its line."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.errors import ConfigError
from customhouse.inspect import Limits
from customhouse.policy.load import load

NAMES = {field.name: field.type for field in dataclasses.fields(Limits)}
UNITS = {"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def limits(text: str) -> Limits:
    return load(f"version: 1\nrules: [{{name: a, verdict: held}}]\nlimits: {text}\n", "p.yaml").limits


@given(st.sampled_from(sorted(NAMES)), st.integers(1, 999), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_an_amount_is_its_number_times_its_unit(name: str, number: int, unit: str, space: str) -> None:
    value = getattr(limits(f'{{{name}: "{number}{space}{unit}"}}'), name)
    assert value == number * UNITS[unit]
    assert type(value).__name__ == NAMES[name]


def test_a_part_of_a_unit_is_taken_and_cut_to_whole_bytes() -> None:
    assert limits("{expanded: 1.5GiB}").expanded == 3 << 29
    assert limits("{expanded: 0.3KiB}").expanded == 307


def test_what_is_not_named_keeps_its_default() -> None:
    assert limits("{depth: 3}") == dataclasses.replace(Limits(), depth=3)
    assert limits("{}") == Limits()


@pytest.mark.parametrize(
    "value",
    ["0", "0.0", "-1", "1e3", "'.5'", "5.x", "1.2.3", "4 KB", "4kib", "KiB", "''", "' 4'", "'1,000'", ".inf", ".nan"],
)
def test_what_is_no_amount_is_named_with_its_line(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.yaml:3: .* is no amount; write a number above 0"):
        limits(f"{{expanded: {value}}}")


@pytest.mark.parametrize("value", ["0.5", "0.9 B"])
def test_less_than_one_of_what_is_counted_is_refused_and_not_cut_to_none(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.yaml:3: .*; write a whole number above 0"):
        limits(f"{{depth: {value}}}")
    assert limits("{seconds: 0.5}").seconds == 0.5


@pytest.mark.parametrize("value", ["true", "null", "[1]", "{a: 1}"])
def test_what_is_no_number_at_all_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"^p\.yaml:3: Expected"):
        limits(f"{{depth: {value}}}")
