"""Discs whose records and folders do what no writer does."""

from __future__ import annotations

import pytest

from customhouse.model import SkipReason
from tests.inspect.support import MARKER, clean, found, look, reasons, rules
from tests.inspect.test_iso import disc, link, mode, name, record

SECTOR = 2048
ROOT = 19 * SECTOR


def patched(data: bytes, place: int, new: bytes) -> bytes:
    return data[:place] + new + data[place + len(new) :]


def with_folder(*records: bytes, extent: int = 20) -> bytes:
    """A disc whose root holds these records; the marker lies in the sector at `extent`."""
    root = b"".join((record(b"\0", 19, SECTOR, flags=2), record(b"\1", 19, SECTOR, flags=2), *records))
    data = patched(disc((b"A.;1", b"", MARKER)), ROOT, root.ljust(SECTOR, b"\0"))
    return data + bytes(max(0, (extent + 1) * SECTOR - len(data)))


MARKED = record(b"A.;1", 20, len(MARKER))


def test_folders_that_hold_each_other_are_walked_once() -> None:
    inspection = look(with_folder(record(b"LOOP", 19, SECTOR, flags=2), MARKED), "a.iso")

    assert found(inspection) == ["a.iso!/A"]
    assert inspection.coverage.complete
    assert {one.member for one in inspection.findings} == {"a.iso!/A"}


def test_a_file_that_two_records_share_is_seen_once() -> None:
    inspection = look(with_folder(MARKED, record(b"B.;1", 20, len(MARKER))), "a.iso")

    assert found(inspection) == ["a.iso!/A"]


def test_a_file_in_several_extents_is_a_skip() -> None:
    inspection = look(with_folder(record(b"A.;1", 20, len(MARKER), flags=0x80)), "a.iso")

    assert reasons(inspection) == {SkipReason.UNSUPPORTED}


def test_a_file_beyond_the_end_is_never_clean() -> None:
    inspection = look(with_folder(record(b"A.;1", 500, 9)), "a.iso")

    assert reasons(inspection) == {SkipReason.CORRUPT}


@pytest.mark.parametrize("size", [1, 20, 33])
def test_a_record_that_is_too_short_is_corrupt(size: int) -> None:
    assert reasons(look(with_folder(bytes([size]) + b"x" * size), "a.iso")) == {SkipReason.CORRUPT}


def test_a_name_longer_than_its_record_is_corrupt() -> None:
    broken = bytearray(MARKED)
    broken[32] = 200

    assert reasons(look(with_folder(bytes(broken)), "a.iso")) == {SkipReason.CORRUPT}


@pytest.mark.parametrize("kind", [0o020644, 0o060644, 0o010644, 0o140644, 0o100644])
def test_devices_pipes_and_sockets_are_findings(kind: int) -> None:
    inspection = look(disc((b"A.;1", mode(kind), MARKER)), "a.iso")

    assert ("device-node" in rules(inspection)) == (kind != 0o100644)


def test_a_view_of_another_kind_is_a_skip() -> None:
    data = patched(disc((b"A.;1", b"", MARKER)), 18 * SECTOR, b"\0NSR02\1")

    assert found(look(data, "a.iso")) == ["a.iso!/A"]
    assert SkipReason.UNSUPPORTED in reasons(look(data, "a.iso"))


@pytest.mark.parametrize(
    "components", [((0, b"b"),), ((2, b""), (0, b"b")), ((0, b"d"), (4, b""), (0, b"b"))], ids=["plain", "here", "up"]
)
def test_links_that_stay_are_ordinary(components: tuple[tuple[int, bytes], ...]) -> None:
    system = name(b"l") + mode(0o120777) + link(*components)

    assert clean(look(disc((b"L.;1", system, b"")), "a.iso"))


@pytest.mark.parametrize("components", [((8, b""), (0, b"etc")), ((4, b""), (4, b""))], ids=["root", "up"])
def test_links_that_leave_are_findings(components: tuple[tuple[int, bytes], ...]) -> None:
    system = name(b"l") + mode(0o120777) + link(*components)

    assert rules(look(disc((b"L.;1", system, b"")), "a.iso")) == {"link-escape"}


def test_a_system_field_of_no_length_ends_them() -> None:
    assert found(look(disc((b"A.;1", b"NM\0\1xxxx", MARKER)), "a.iso")) == ["a.iso!/A"]
