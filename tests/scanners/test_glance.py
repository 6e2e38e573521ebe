"""One look at many members finds every member in which a look at each finds anything."""

from __future__ import annotations

import base64
import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.scanners import Batch, Glancing, Member, Scanner, malware, secrets
from customhouse.scanners.hyperscan_engine import floats
from customhouse.scanners.secrets_rules import CURATED, Rule, load
from tests.scanners.malware_samples import SAMPLES
from tests.scanners.secret_samples import SHAPES, fill
from tests.scanners.support import member

_CHANCE = random.Random(7)
_TOKENS = [fill(shape, _CHANCE).encode() for shape in SHAPES.values()]
_BAD = [(sample.name, sample.bad) for samples in SAMPLES.values() for sample in samples]
_EDGE = st.sampled_from([b"", b"\n", b" ", b"x", b"=", b"/", b"\0", b'"', b"-", b"\r\n", b"A" * 30])

SECRETS = secrets.build({"salt": "s"})
MALWARE = malware.build({})


def _wrapped(data: bytes) -> st.SearchStrategy[bytes]:
    forms = [data, b"\xff\xfe" + data.decode("latin-1").encode("utf-16-le"), base64.b64encode(data)]
    return st.builds(lambda form, before, after: before + form + after, st.sampled_from(forms), _EDGE, _EDGE)


_SECRET = st.sampled_from(_TOKENS).flatmap(_wrapped).map(lambda data: ("settings.py", data))
_HARMLESS = st.tuples(st.sampled_from(["a.py", "setup.py", "b"]), st.binary(max_size=40) | _EDGE)
_MALWARE = st.sampled_from(_BAD).flatmap(
    lambda bad: st.builds(lambda before, after: (bad[0], before + bad[1] + after), _EDGE, _EDGE)
)


def _members(named: list[tuple[str, bytes]]) -> list[Member]:
    return [member(data, name, "text") for name, data in named]


def _found(scanner: Scanner, members: list[Member]) -> set[int]:
    return {at for at, one in enumerate(members) if scanner.wants(one) and list(scanner.scan(one))}


@given(st.lists(_SECRET | _HARMLESS, min_size=1, max_size=8))
def test_no_secret_is_overlooked_among_others(named: list[tuple[str, bytes]]) -> None:
    members = _members(named)
    assert _found(SECRETS, members) <= set(SECRETS.glance(Batch(members)))


@given(st.lists(_MALWARE | _HARMLESS, min_size=1, max_size=6))
def test_no_malware_is_overlooked_among_others(named: list[tuple[str, bytes]]) -> None:
    members = _members(named)
    assert _found(MALWARE, members) <= set(MALWARE.glance(Batch(members)))


@pytest.mark.parametrize("scanner", [SECRETS, MALWARE])
def test_nobody_has_to_look_at_ordinary_text(scanner: Glancing) -> None:
    members = _members([(f"{at}.py", b"def f():\n    return 'nothing to see'\n" * 9) for at in range(64)])
    assert set(scanner.glance(Batch(members))) == set()


def test_one_leak_among_many_is_the_only_one_that_is_looked_at() -> None:
    token = fill("ghp_{36n}", _CHANCE)
    members = _members([(str(at), b"nothing") for at in range(9)] + [("leak", f"token = {token}".encode())])
    assert set(SECRETS.glance(Batch(members))) == {9}


def test_more_places_than_are_looked_at_are_a_skip_of_the_member_that_has_them() -> None:
    flood = member(b"eyJhbGciOiJub25lIn0.eyJhbGciOiJub25lIn0.eyJhbGciOiJub25lIn0aaaaaaaaaa\n" * 9, "a", "text")
    batch = Batch([flood, member(b"plain", "b", "text")])
    assert 0 in set(SECRETS.glance(batch))


@pytest.mark.parametrize("rule", load([CURATED]), ids=lambda rule: rule.id)
def test_curated_secret_rules_match_between_line_feeds(rule: Rule) -> None:
    assert floats(rule.pattern)


def test_curated_malware_rules_match_between_line_feeds() -> None:
    assert MALWARE.engine.gate is not None
    assert MALWARE.engine.gate.floats


@pytest.mark.parametrize(
    "expression",
    [
        b"abc",
        rb"(?:^|\n)abc",
        rb"(^|\n)a",
        rb"(?:^|[^0-9])a",
        rb"a(?:\s|$)",
        rb"\ba\b",
        rb"a[$^]b",
        rb"a\$b\^",
        rb"[^a]b",
    ],
)
def test_expression_that_floats(expression: bytes) -> None:
    assert floats(expression)


@pytest.mark.parametrize(
    "expression", [b"^abc", b"abc$", rb"(?:;|$)", rb"\Aabc", rb"abc\z", rb"abc\Z", rb"a(?:[^\n]|$)", rb"(?:^|x)a"]
)
def test_expression_that_needs_the_edge_of_the_data_does_not_float(expression: bytes) -> None:
    assert not floats(expression)


@given(st.lists(st.binary(max_size=9), min_size=1), st.data())
def test_offsets_belong_to_the_member_they_are_in(parts: list[bytes], data: st.DataObject) -> None:
    batch = Batch([member(part, str(at)) for at, part in enumerate(parts)])
    index = data.draw(st.integers(0, len(parts) - 1))
    inside = data.draw(st.integers(1, len(parts[index]) + 1))
    start = sum(len(part) + 1 for part in parts[:index])
    assert batch.holding([start + inside]) == {index}
    assert batch.data.split(b"\n") == list(itertools.chain.from_iterable(part.split(b"\n") for part in parts))
