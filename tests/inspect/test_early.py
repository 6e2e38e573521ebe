"""The initial file system of Linux: archives in a row, of which a reader of cpio sees the first."""

from __future__ import annotations

import gzip

import pytest

from tests.inspect.support import MARKER, clean, cpio, found, look, rules

FILE = 0o100644
CODE = b"kernel/x86/microcode/GenuineIntel.bin"
EARLY = cpio((b"kernel", b"", 0o40755), (CODE, b"code", FILE))
SYSTEM = gzip.compress(cpio((b"init", MARKER, FILE)), mtime=0)


@pytest.mark.parametrize("zeros", [0, 4, 512, 100_000])
@pytest.mark.parametrize("times", [1, 2])
def test_what_follows_code_for_the_processor_is_ordinary_and_looked_at(zeros: int, times: int) -> None:
    inspection = look((EARLY + bytes(zeros)) * times + SYSTEM, "initrd.img")

    assert rules(inspection) == {"found"}
    assert inspection.coverage.complete
    assert found(inspection)[0].endswith("/init")


@pytest.mark.parametrize("name", [b"./kernel/firmware/acpi/dsdt.aml", b"early_cpio", CODE])
def test_other_things_that_come_early_are_ordinary_too(name: bytes) -> None:
    assert rules(look(cpio((name, b"1", FILE)) + SYSTEM, "initrd.img")) == {"found"}


@pytest.mark.parametrize(
    "first",
    [
        cpio(),
        cpio((b"etc/passwd", b"x", FILE)),
        cpio((CODE, b"code", FILE), (b"etc/passwd", b"x", FILE)),
        cpio((b"etc/passwd", b"x", FILE), (CODE, b"code", FILE)),
        cpio((b"kernel/other", b"x", FILE)),
    ],
)
def test_a_second_archive_behind_any_other_is_a_finding(first: bytes) -> None:
    assert rules(look(first + SYSTEM, "a.cpio")) == {"trailing-data", "found"}


@pytest.mark.parametrize("behind", [b"", bytes(1000)])
def test_an_early_archive_alone_is_ordinary(behind: bytes) -> None:
    assert clean(look(EARLY + behind, "early.cpio"))
