"""RAR archives with blocks that readers pass over."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspect.support import MARKER, clean, found, look, reasons
from tests.inspect.wraps import _number as number
from tests.inspect.wraps import _rar4_block as old
from tests.inspect.wraps import _rar5_block as new
from tests.inspect.wraps import rar4, rar5

if TYPE_CHECKING:
    from collections.abc import Callable

pytest.importorskip("libarchive", reason="libarchive-c, or the system's libarchive, is not here", exc_type=Exception)

FILES = [("first", b"1" * 40_000), ("second", b"2")]
FIVE, FOUR = rar5(FILES), rar4(FILES)
SKIP_UNKNOWN, DATA = 4, 2


def after_main(data: bytes, block: bytes) -> bytes:
    """The archive with a block behind its main header."""
    five = data.startswith(b"Rar!\x1a\x07\1\0")
    place = 8 + 4 + 1 + data[12] if five else 7 + 13
    return data[:place] + block + data[place:]


def before_end(data: bytes, block: bytes) -> bytes:
    size = 8 if data.startswith(b"Rar!\x1a\x07\1\0") else 7
    return data[:-size] + block + data[-size:]


PASSED_OVER = {
    "a comment": (FIVE, new(number(3) + number(DATA) + number(len(MARKER)) + bytes(3) + b"CMT") + MARKER),
    "an unknown block": (FIVE, new(number(77) + number(SKIP_UNKNOWN | DATA) + number(len(MARKER))) + MARKER),
    "the header of an unknown block": (FIVE, new(number(77) + number(SKIP_UNKNOWN) + MARKER)),
    "an old block": (FOUR, old(0x75, 0x4000, MARKER)),
    "an old block with data": (FOUR, old(0x78, 0xC000, struct.pack("<L", len(MARKER))) + MARKER),
}


@pytest.mark.parametrize("what", PASSED_OVER)
@pytest.mark.parametrize("put", [after_main, before_end])
def test_what_readers_pass_over_is_looked_at_or_not_clean(what: str, put: Callable[[bytes, bytes], bytes]) -> None:
    """Libarchive does not pass over all that others do."""
    inspection = look(put(*PASSED_OVER[what]), "a.rar")

    assert found(inspection) == ["a.rar!/headers"] or reasons(inspection)


@pytest.mark.parametrize("data", [FIVE, FOUR])
def test_members_are_no_part_of_the_headers(data: bytes) -> None:
    inspection = look(data, "a.rar")

    assert clean(inspection)
    assert inspection.coverage.bytes < 40_300


@pytest.mark.parametrize(("data", "place"), [(FIVE, 12), (FIVE, 13), (FOUR, 12)])
def test_a_block_whose_size_lies_is_never_clean(data: bytes, place: int) -> None:
    assert not clean(look(data[:place] + b"\xff" * 12 + data[place + 12 :], "a.rar"))


@given(st.sampled_from([FIVE, FOUR]), st.integers(7, 80), st.binary(min_size=1, max_size=6))
def test_a_header_that_was_changed_stops_nothing(data: bytes, place: int, changed: bytes) -> None:
    inspection = look(data[:place] + changed + data[place + len(changed) :], "a.rar")

    assert inspection.kind in {"rar", "data"}
