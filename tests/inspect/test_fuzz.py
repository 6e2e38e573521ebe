"""Archives changed at random: no crash, no budget passed, and a marker that was found is never gone without a trace."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.inspect.mutations import SEEDS, SMALL, Edit, changed, lost, over_budget
from tests.inspect.support import look

EDITS: st.SearchStrategy[list[Edit]] = st.lists(
    st.tuples(st.integers(0, 600) | st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=8
)


@pytest.mark.parametrize("kind", SEEDS)
@settings(max_examples=15)
@given(edits=EDITS, cut=st.just(0) | st.integers(0, 3) | st.integers(0, 1 << 16))
def test_a_changed_archive_is_never_clean_without_its_marker(kind: str, edits: list[Edit], cut: int) -> None:
    data = changed(SEEDS[kind], edits, cut)

    inspection = look(data, f"a.{kind}", limits=SMALL)

    assert over_budget(inspection) == ""
    assert inspection.size == len(data)
    assert not lost(kind, data, inspection)


@settings(max_examples=150)
@given(head=st.sampled_from([data[:64] for data in SEEDS.values()]), tail=st.binary(max_size=600))
def test_a_beginning_with_any_end_is_no_crash(head: bytes, tail: bytes) -> None:
    inspection = look(head + tail, limits=SMALL)

    assert over_budget(inspection) == ""
    assert inspection.coverage.opened <= inspection.coverage.members


@settings(max_examples=100)
@given(data=st.binary(max_size=300), name=st.text(max_size=40))
def test_any_bytes_under_any_name_are_no_crash(data: bytes, name: str) -> None:
    inspection = look(data, name, limits=SMALL)

    assert inspection.size == len(data)
    assert all(finding.member.isprintable() for finding in inspection.findings)
