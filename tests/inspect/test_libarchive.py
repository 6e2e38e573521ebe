"""What only libarchive reads: skipped where the system has none of it."""

from __future__ import annotations

import pytest

from customhouse.model import SkipReason
from tests.inspect.support import MARKER, clean, found, look, reasons, rules, tarred, zipped
from tests.inspect.wraps import PACKS, cab, rar4, rar5

pytest.importorskip("libarchive", reason="libarchive-c, or the system's libarchive, is not here", exc_type=Exception)

KINDS = ["rar", "4.rar", "cab", "bin.cpio"]
TWO = [("first", b"1" * 70_000), ("second", b"2")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_member_is_shown_whole(kind: str) -> None:
    inspection = look(PACKS[kind](TWO), f"a.{kind}")

    assert clean(inspection)
    assert inspection.coverage.members == 3 + ("rar" in kind)  # its headers
    assert 70_001 <= inspection.coverage.bytes <= 70_200


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("behind", [MARKER * 2, zipped(("x", MARKER)), tarred(("x", MARKER))])
def test_what_lies_behind_the_end_is_a_finding_and_scanned(kind: str, behind: bytes) -> None:
    inspection = look(PACKS[kind](TWO) + behind, f"a.{kind}")

    assert "trailing-data" in rules(inspection)
    assert found(inspection)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zeros", [17, 512, 70_000])
def test_zeros_behind_the_end_are_padding(kind: str, zeros: int) -> None:
    """Writers fill the last block."""
    assert clean(look(PACKS[kind](TWO) + bytes(zeros), f"a.{kind}"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("cut", [1000, 70_000])
def test_an_archive_that_breaks_off_is_corrupt(kind: str, cut: int) -> None:
    data = PACKS[kind](TWO)

    assert reasons(look(data[: len(data) - cut], f"a.{kind}")) == {SkipReason.CORRUPT}


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (rar5([("../up", b"x")]), "path-traversal"),
        (rar4([("..\\up", b"x")]), "path-traversal"),
        (cab([("C:\\x", b"x")]), "path-traversal"),
        (rar5([("a", b"x"), ("a", b"y")]), "duplicate-name"),
    ],
)
def test_what_is_wrong_with_a_name_is_a_finding(data: bytes, rule: str) -> None:
    assert rule in rules(look(data, "a.bin"))


def squeezed(data: bytes) -> bytes:
    """What compress(1) could have written: each byte as a code of nine bits, of which there is room for 255."""
    bits = sum(byte << 9 * at for at, byte in enumerate(data[:255]))
    return b"\x1f\x9d\x90" + bits.to_bytes(-(-9 * len(data[:255]) // 8), "little")


def test_what_compress_packed_is_opened_by_the_walk() -> None:
    inspection = look(squeezed(MARKER), "a.txt.Z")
    assert found(inspection) == ["a.txt.Z!/a.txt"]
    assert inspection.coverage.complete
