"""Files as members, and what the packages scanner says of them."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent
from typing import TypeAlias
from urllib.parse import unquote

import pytest
from hypothesis import strategies as st

from customhouse.model import Package, Skip
from customhouse.scanners import Member
from customhouse.scanners.packages import build

SCANNER = build({})


Cases: TypeAlias = Mapping[str, tuple[str, str, list[str]]]
"""By what they are about: a file's path, what is in it (indented or not), and the purls that it names."""


def cases(*tables: Cases) -> list[object]:
    """The cases of all tables as parameters of a test."""
    every = {about: case for table in tables for about, case in table.items()}
    return [
        pytest.param(path, dedent(data).removeprefix("\n"), set(expected), id=about)
        for about, (path, data, expected) in every.items()
    ]


def member(path: str, data: bytes | str) -> Member:
    raw = data.encode() if isinstance(data, str) else data
    return Member(path, path.rpartition("/")[2], "text", len(raw), raw)


def purls(path: str, data: bytes | str) -> set[str]:
    """The purls found, decoded for reading; the file must be one that the scanner wants and can read."""
    given = member(path, data)
    assert SCANNER.wants(given), path
    facts = list(SCANNER.scan(given))
    assert not [fact for fact in facts if isinstance(fact, Skip)], facts
    return {unquote(fact.purl).removeprefix("pkg:") for fact in facts if isinstance(fact, Package)}


def complaint(path: str, data: bytes | str) -> str:
    """The detail of the one skip that a broken file yields."""
    facts = list(SCANNER.scan(member(path, data)))
    assert len(facts) == 1, facts
    (skip,) = facts
    assert isinstance(skip, Skip)
    assert "\n" not in skip.detail
    return skip.detail


def shapes(leaves: st.SearchStrategy[object], keys: str) -> st.SearchStrategy[object]:
    """Any JSON value with these texts among its leaves and these words, separated by blanks, as its keys."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8) | leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(keys.split()), inner, max_size=4),
        max_leaves=20,
    )
