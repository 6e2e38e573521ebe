"""LHA archives whose headers hold more than names."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.inspect.support import MARKER, clean, found, look, rules

pytest.importorskip("libarchive", reason="libarchive-c, or the system's libarchive, is not here", exc_type=Exception)

COMMENT = 0x3F


def crc16(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value


def old(name: bytes, data: bytes, extra: bytes = b"") -> bytes:
    """A stored member with a header of level 0; `extra` is behind what every reader knows."""
    body = b"-lh0-" + struct.pack("<LLLBB", len(data), len(data), 0x5A210000, 0x20, 0)
    body += bytes([len(name)]) + name + struct.pack("<H", crc16(data)) + extra
    return bytes([len(body), sum(body) & 0xFF]) + body + data


def middle(name: bytes, data: bytes, comment: bytes = b"") -> bytes:
    """The same with a header of level 1, whose extensions count as data."""
    extensions = struct.pack("<B", COMMENT) + comment + b"\0\0" if comment else b""
    body = b"-lh0-" + struct.pack("<LLLBB", len(data) + len(extensions), len(data), 0x5A210000, 0x20, 1)
    body += bytes([len(name)]) + name + struct.pack("<HBH", crc16(data), 0x55, len(extensions))
    return bytes([len(body), sum(body) & 0xFF]) + body + extensions + data


def new(name: bytes, data: bytes, comment: bytes = b"") -> bytes:
    """The same with a header of level 2, which has a checksum of itself."""
    fixed = b"-lh0-" + struct.pack("<LLLBBHB", len(data), len(data), 0, 0x20, 2, crc16(data), 0x55)
    extensions = [bytes(3), bytes([1]) + name, *([bytes([COMMENT]) + comment] if comment else [])]
    fields = b"".join(struct.pack("<H", len(one) + 2) + one for one in extensions) + b"\0\0"
    head = struct.pack("<H", 2 + len(fixed) + len(fields)) + fixed + fields
    place = 2 + len(fixed) + 3
    return head[:place] + struct.pack("<H", crc16(head)) + head[place + 2 :] + data


FORMS = {"level 0": old, "level 1": middle, "level 2": new}


@pytest.mark.parametrize("form", FORMS)
def test_members_are_looked_at_and_headers_are_one_more(form: str) -> None:
    data = FORMS[form](b"a.txt", b"first" * 99) + FORMS[form](b"b.txt", b"second") + b"\0"
    inspection = look(data, "a.lzh")

    assert clean(inspection)
    assert inspection.coverage.members == 4
    assert inspection.coverage.bytes == len(data) - 1 - 2 * 20  # what each header begins with is left out


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("first", [True, False])
def test_what_a_header_holds_beside_the_name_is_looked_at(form: str, first: bool) -> None:  # noqa: FBT001 -- a parameter of the table
    members = [FORMS[form](b"a.txt", b"data", MARKER), FORMS[form](b"b.txt", b"data")]

    assert found(look(b"".join(members if first else members[::-1]) + b"\0", "a.lzh")) == ["a.lzh!/headers"]


@pytest.mark.parametrize("form", FORMS)
def test_bytes_behind_the_end_are_a_finding(form: str) -> None:
    inspection = look(FORMS[form](b"a.txt", b"data") + b"\0" + MARKER * 2, "a.lzh")

    assert "trailing-data" in rules(inspection)
    assert found(inspection)


@given(st.sampled_from(list(FORMS)), st.integers(0, 60), st.binary(min_size=1, max_size=4))
def test_a_header_that_was_changed_stops_nothing(form: str, place: int, changed: bytes) -> None:
    data = FORMS[form](b"a.txt", b"data", b"comment") + FORMS[form](b"b.txt", MARKER) + b"\0"
    inspection = look(data[:place] + changed + data[place + len(changed) :], "a.lzh")

    assert inspection.coverage.members >= 1
