"""Cabinets with bytes where no reader looks."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.model import SkipReason
from tests.inspect.support import MARKER, clean, found, look, reasons, rules

pytest.importorskip("libarchive", reason="libarchive-c, or the system's libarchive, is not here", exc_type=Exception)

RESERVED, PREVIOUS, NEXT = 4, 1, 2


def cabinet(
    data: bytes = b"hello",
    *,
    reserve: tuple[bytes, bytes, bytes] = (b"", b"", b""),
    gaps: tuple[bytes, bytes, bytes] = (b"", b"", b""),
    flags: int = 0,
    texts: bytes = b"",
    count: int = 1,
) -> bytes:
    """One stored file; `reserve` of header, folder and data, `gaps` before the list, before the data and behind it."""
    flags |= RESERVED * any(reserve)
    head = struct.pack("<HBB", *map(len, reserve)) + reserve[0] if flags & RESERVED else b""
    files = 36 + len(head) + len(texts) + 8 + len(reserve[1]) + len(gaps[0])
    names = struct.pack("<LLHHHH", len(data), 0, 0, 0x5A21, 0, 0x20) + b"a.txt\0"
    start = files + len(names) + len(gaps[1])
    block = struct.pack("<LHH", 0, len(data), len(data)) + reserve[2] + data
    folder = struct.pack("<LHH", start, count, 0) + reserve[1]
    size = start + len(block) + len(gaps[2])
    fixed = struct.pack("<4sLLLLLBBHHHHH", b"MSCF", 0, size, 0, files, 0, 3, 1, 1, 1, flags, 0, 0)
    return fixed + head + texts + folder + gaps[0] + names + gaps[1] + block + gaps[2]


@pytest.mark.parametrize(
    "ordinary",
    [
        cabinet(),
        cabinet(reserve=(bytes(20), b"", b"")),
        cabinet(reserve=(bytes(6), bytes(2), bytes(4))),
        cabinet(gaps=(bytes(4), bytes(8), bytes(12))),
        cabinet() + bytes(500),
    ],
)
def test_an_ordinary_cabinet_is_clean(ordinary: bytes) -> None:
    assert clean(look(ordinary, "a.cab"))


def test_members_of_a_cabinet_are_looked_at() -> None:
    assert found(look(cabinet(MARKER), "a.cab")) == ["a.cab!/a.txt"]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_bytes_between_the_parts_are_hidden_data(place: int) -> None:
    gaps = [b"", b"", b""]
    gaps[place] = MARKER

    inspection = look(cabinet(gaps=(gaps[0], gaps[1], gaps[2])), "a.cab")

    assert rules(inspection) == {"hidden-data", "found"}


@pytest.mark.parametrize("size", [0, 1, 28])
def test_unpacked_bytes_that_no_member_has_are_hidden_data(size: int) -> None:
    whole = cabinet(MARKER + b"hidden")
    inspection = look(whole[:44] + struct.pack("<L", size) + whole[48:], "a.cab")

    assert "hidden-data" in rules(inspection)
    assert SkipReason.UNSUPPORTED in reasons(inspection)


def test_members_may_be_listed_in_any_order() -> None:
    files = struct.pack("<LLHHHH", 3, 2, 0, 0x5A21, 0, 0x20) + b"b\0" + struct.pack("<LLHHHH", 2, 0, 0, 0x5A21, 0, 0x20)
    plain = cabinet()
    start = 44 + len(files) + 2
    head = bytearray(plain[:44])
    struct.pack_into("<L", head, 8, start + 13)
    struct.pack_into("<H", head, 28, 2)
    struct.pack_into("<L", head, 36, start)

    assert "hidden-data" not in rules(look(bytes(head) + files + b"a\0" + plain[-13:], "a.cab"))


@pytest.mark.parametrize("place", [0, 1, 2])
def test_what_is_reserved_is_looked_at(place: int) -> None:
    reserve = [b"", b"", b""]
    reserve[place] = MARKER

    inspection = look(cabinet(reserve=(reserve[0], reserve[1], reserve[2])), "a.cab")

    assert found(inspection) == ["a.cab!/reserved"]
    assert inspection.coverage.complete


def test_bytes_behind_the_end_are_a_finding_unless_they_are_the_signature() -> None:
    plain = cabinet(reserve=(bytes(20), b"", b""))
    signed = cabinet(reserve=(struct.pack("<LLL8x", 0x100000, len(plain), 300), b"", b"")) + MARKER.ljust(300, b"x")

    assert rules(look(plain + MARKER, "a.cab")) == {"trailing-data", "found"}
    assert found(look(signed, "a.cab")) == ["a.cab!/signature"]
    assert "trailing-data" not in rules(look(signed, "a.cab"))
    assert "trailing-data" in rules(look(signed + b"more", "a.cab"))


@pytest.mark.parametrize(
    ("flags", "texts"), [(PREVIOUS, b"a.cab\0one\0"), (NEXT, b"c.cab\0two\0"), (3, b"a\0b\0c\0d\0")]
)
def test_a_cabinet_of_a_row_names_the_others(flags: int, texts: bytes) -> None:
    assert "hidden-data" not in rules(look(cabinet(flags=flags, texts=texts), "b.cab"))


WHOLE = cabinet(MARKER, reserve=(b"abc", b"d", b"e"))


@given(st.integers(0, WHOLE.index(MARKER) - 8), st.binary(min_size=1, max_size=8))
def test_a_cabinet_whose_headers_were_changed_hides_nothing(place: int, new: bytes) -> None:
    inspection = look(WHOLE[:place] + new + WHOLE[place + len(new) :], "a.cab")

    assert found(inspection) or not clean(inspection)
