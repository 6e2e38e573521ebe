"""Archives changed at random: no crash, no budget passed, and a marker that was found is never gone without a trace."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customhouse.inspect import Limits
from tests.inspect.support import MARKER, clean, found, look
from tests.inspect.test_matrix import WRAPS

SMALL = Limits(depth=4, members=500, expanded=8 << 20, ratio_floor=1 << 20, seconds=20, dictionary=8 << 20)
PLAIN = {name: wrap(b"before" * 20 + MARKER + b"after" * 20) for name, wrap in WRAPS.items() if name != "iso"}
EDITS = st.lists(st.tuples(st.integers(0, 1 << 16), st.integers(0, 255)), min_size=1, max_size=8)


def changed(data: bytes, edits: list[tuple[int, int]], cut: int) -> bytes:
    out = bytearray(data)
    for place, value in edits:
        out[place % len(out)] = value
    return bytes(out[: len(out) - cut % (len(out) // 2)])


@pytest.mark.parametrize("name", PLAIN)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(edits=EDITS, cut=st.integers(0, 3) | st.integers(0, 1 << 16))
def test_a_changed_archive_is_never_clean_without_its_marker(name: str, edits: list[tuple[int, int]], cut: int) -> None:
    data = changed(PLAIN[name], edits, cut)

    inspection = look(data, f"a.{name}", limits=SMALL)

    assert inspection.coverage.bytes <= SMALL.expanded + (1 << 20)
    assert inspection.coverage.members <= SMALL.members + 1
    assert inspection.size == len(data)
    assert found(inspection) or not clean(inspection) or unpacks_to_other_bytes(data)


def unpacks_to_other_bytes(data: bytes) -> bool:
    """Whether the change hit the marker itself or what it is called, in a format without checksums."""
    return MARKER not in data


@settings(max_examples=150, deadline=None)
@given(head=st.sampled_from([data[:64] for data in PLAIN.values()]), tail=st.binary(max_size=600))
def test_a_beginning_with_any_end_is_no_crash(head: bytes, tail: bytes) -> None:
    inspection = look(head + tail, limits=SMALL)

    assert inspection.coverage.opened <= inspection.coverage.members


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300), name=st.text(max_size=40))
def test_any_bytes_under_any_name_are_no_crash(data: bytes, name: str) -> None:
    inspection = look(data, name, limits=SMALL)

    assert inspection.size == len(data)
    assert all(finding.member.isprintable() for finding in inspection.findings)
