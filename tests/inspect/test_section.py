"""Parts of files on disk against slices of their bytes."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from customhouse.inspect import Limits, inspect
from customhouse.inspect.section import part
from customhouse.model import Fact, Finding, Severity
from customhouse.scanners import Member
from tests.inspect.support import MARKER, MarkerScanner, found, look, tarred, zipped
from tests.inspect.test_same import said

DATA = bytes(range(256)) * 40


def opened(folder: Path, data: bytes = DATA) -> BinaryIO:
    path = folder / "file"
    path.write_bytes(data)
    return path.open("rb")


PLACES = st.integers(0, len(DATA) + 10)
SLICES = st.tuples(PLACES, PLACES)


@given(outer=SLICES, inner=SLICES, reads=st.lists(SLICES, max_size=5))
def test_part_of_a_part_is_a_slice_of_a_slice(
    outer: tuple[int, int], inner: tuple[int, int], reads: Sequence[tuple[int, int]]
) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(DATA)
        file.flush()
        first = part(file, *outer)
        assert first is not None
        with first, part(first, *inner) or io.BytesIO() as own:
            wanted = DATA[outer[0] :][: outer[1]][inner[0] :][: inner[1]]
            assert own.read() == wanted
            assert own.seek(0, io.SEEK_END) == len(wanted)
            for place, count in reads:
                own.seek(place)
                assert own.read(count) == wanted[place : place + count]


def test_part_without_a_size_goes_to_the_end(tmp_path: Path) -> None:
    with opened(tmp_path) as file, part(file, 1000) or io.BytesIO() as rest:
        assert rest.read() == DATA[1000:]


def test_part_has_a_position_of_its_own_and_outlives_its_file(tmp_path: Path) -> None:
    with opened(tmp_path) as file:
        file.seek(5)
        own = part(file, 10, 20)
    assert own is not None
    with own:
        assert own.read(7) == DATA[10:17]
        assert own.read() == DATA[17:30]


def test_part_gives_its_descriptor_back(tmp_path: Path) -> None:
    def descriptors() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    with opened(tmp_path) as file:
        before = descriptors()
        own = part(file)
        assert own is not None
        assert descriptors() == before + 1
        own.close()
        own.close()
        assert descriptors() == before


def test_file_in_memory_has_no_parts() -> None:
    assert part(io.BytesIO(DATA)) is None


SMALL = Limits(window=1 << 16)
LARGE = os.urandom(1 << 21)
TARS = {
    "zip": tarred(("a.zip", zipped(("pad", LARGE), ("m", MARKER)))),
    "zip behind a program": tarred(("a.exe", b"\x7fELF" + bytes(99) + zipped(("pad", LARGE), ("m", MARKER)))),
    "tar in a tar": tarred(("b.tar", tarred(("pad", LARGE), ("a.zip", zipped(("pad", LARGE), ("m", MARKER)))))),
    "no archive": tarred(("a.txt", LARGE + MARKER), ("b", MARKER)),
    "broken off": tarred(("a.zip", zipped(("pad", LARGE), ("m", MARKER))))[: 1 << 20],
}


class Digests:
    """Says what all bytes of a member hash to, as a scanner that seeks sees them."""

    name = "digests"
    version = "1"
    reads: Literal["windows", "stream"] = "stream"

    def wants(self, member: Member) -> bool:
        return member.size > 0

    def scan(self, member: Member) -> Iterable[Fact]:
        data = member.data if member.stream is None else member.stream.read()
        digest = hashlib.sha256(data).hexdigest()
        yield Finding(self.name, "digest", Severity.CRITICAL, member.path, f"{len(data):,} bytes {digest}")


SCANNERS = (Digests(), MarkerScanner())


@pytest.mark.parametrize("name", TARS)
def test_members_read_where_they_lie_on_disk_are_those_that_arrive_in_chunks(name: str, tmp_path: Path) -> None:
    data = TARS[name]
    with opened(tmp_path, data) as file:
        from_disk = inspect("a.tar", (), SCANNERS, SMALL, file=file)

    assert said(from_disk) == said(look(data, "a.tar", scanners=SCANNERS, limits=SMALL))
    assert from_disk.findings


def test_large_member_that_lies_on_disk_is_not_copied_for_who_seeks_in_it(tmp_path: Path) -> None:
    data = tarred(("one", LARGE), ("two.zip", zipped(("m", MARKER + LARGE))))
    limits = Limits(window=1 << 16, spool=0, disk=0)
    with opened(tmp_path, data) as file:
        from_disk = inspect("a.tar", (), SCANNERS, limits, file=file)

    assert found(from_disk) == ["a.tar!/two.zip!/m"]
    whole = hashlib.sha256(LARGE).hexdigest()
    assert f"{len(LARGE):,} bytes {whole}" in {finding.message for finding in from_disk.findings}
    assert [skip.member for skip in from_disk.coverage.skipped] == ["a.tar!/two.zip!/m"]  # inflated, so nowhere to seek
    assert not look(data, "a.tar", scanners=SCANNERS, limits=limits).coverage.complete
