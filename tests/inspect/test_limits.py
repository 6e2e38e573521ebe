"""Every limit at exactly its value, where nothing happens, and one past it, where nothing is clean any more."""

from __future__ import annotations

import bz2
import dataclasses
import gzip
import lzma
import zipfile
from dataclasses import dataclass, field
from typing import Any

import pytest
import zstandard

from customhouse.inspect import Limits, inspect
from customhouse.inspect.limits import Budget, Exhausted, LimitHit
from customhouse.model import SkipReason
from tests.inspect.support import (
    END,
    MARKER,
    MarkerScanner,
    Part,
    Recorder,
    clean,
    cpio,
    deflated,
    entry,
    found,
    handmade,
    iso,
    look,
    nested,
    pax,
    reasons,
    rpm,
    rules,
    tarred,
    zipped,
)
from tests.inspect.wraps import PACKS


@dataclass
class Clock:
    now: float = 0.0
    asked: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        self.asked.append(self.now)
        return self.now


@pytest.mark.parametrize(
    ("limit", "value", "data", "rule"),
    [
        ("depth", 3, nested(3, MARKER), "depth-limit"),
        ("members", 5, tarred(*((f"{at}", b"x") for at in range(5))), "member-limit"),
        ("members", 5, zipped(*((f"{at}", b"x") for at in range(5))), "member-limit"),
        ("expanded", 50, tarred(("a", b"x" * 25), ("b", b"y" * 25)), "expanded-limit"),
        ("member", 100, tarred(("a", b"x" * 100)), "size-limit"),
        ("member", 100, gzip.compress(b"x" * 100), "size-limit"),
        ("member", 100, zipped(("a", b"x" * 100)), "size-limit"),
        ("directory", 2 * 46 + 2, handmade(Part(name=b"a"), Part(name=b"b")), "member-limit"),
    ],
)
def test_a_limit_holds_at_its_value_and_is_hit_one_below(limit: str, value: int, data: bytes, rule: str) -> None:
    change: dict[str, Any] = {limit: value}
    at, past = look(data, limits=Limits(**change)), look(data, limits=Limits(**{limit: value - 1}))

    assert at.coverage.complete
    assert rules(at) <= {"found"}
    assert rule in rules(past)
    assert SkipReason.LIMIT in reasons(past)
    assert not past.coverage.complete


SEEKING = zipped(("a", b"x" * 500), method=zipfile.ZIP_STORED)


@pytest.mark.parametrize(("spool", "disk", "fits"), [(len(SEEKING), 0, True), (0, len(SEEKING), True)])
def test_a_zip_that_fills_memory_or_disk_is_opened(spool: int, disk: int, *, fits: bool) -> None:
    assert clean(look(SEEKING, limits=Limits(spool=spool, disk=disk))) == fits
    less = look(SEEKING, limits=Limits(spool=max(0, spool - 1), disk=max(0, disk - 1)))
    assert rules(less) == {"disk-limit"}
    assert reasons(less) == {SkipReason.LIMIT}


ZEROS = bytes(10_000)
PACKED = gzip.compress(ZEROS, mtime=0)


@pytest.mark.parametrize(("floor", "hit"), [(len(ZEROS), False), (len(ZEROS) - 1, True)])
def test_the_ratio_counts_from_one_byte_past_its_floor(floor: int, *, hit: bool) -> None:
    inspection = look(PACKED, "a.gz", limits=Limits(ratio=2, ratio_floor=floor))

    assert (rules(inspection) == {"ratio-limit"}) == hit
    assert clean(inspection) != hit


@pytest.mark.parametrize(
    ("data", "packed"), [(PACKED, len(PACKED)), (zipped(("z", ZEROS)), len(deflated(ZEROS))), (bz2.compress(ZEROS), 0)]
)
def test_a_ratio_that_is_met_exactly_is_allowed(data: bytes, packed: int) -> None:
    ratio = -(-len(ZEROS) // (packed or len(data)))

    assert clean(look(data, limits=Limits(ratio=ratio, ratio_floor=0)))
    assert rules(look(data, limits=Limits(ratio=ratio - 1, ratio_floor=0))) == {"ratio-limit"}


def test_a_stored_member_has_no_ratio() -> None:
    data = zipped(("z", bytes(100_000)), method=zipfile.ZIP_STORED)

    assert clean(look(data, limits=Limits(ratio=1, ratio_floor=0)))


@pytest.mark.parametrize(("window", "whole"), [(1000, True), (999, False), (1001, True)])
def test_a_member_of_one_window_is_shown_whole_and_of_one_byte_more_in_parts(window: int, *, whole: bool) -> None:
    recorder = Recorder()

    look(b"x" * 1000, scanners=[recorder], limits=Limits(window=window))

    assert b"".join(member.data for member in recorder.seen) == b"x" * 1000
    assert all((member.size, member.last, member.offset) == (1000, True, 0) for member in recorder.seen)
    assert whole or len(recorder.seen) == 1


@pytest.mark.parametrize(("elapsed", "received", "left"), [(20.0, 0, True), (20.001, 0, False), (21.0, 1 << 20, True)])
def test_time_ends_after_the_seconds_and_what_the_artifact_lengthens_them_by(
    elapsed: float, received: int, *, left: bool
) -> None:
    clock = Clock()
    budget = Budget(Limits(seconds=20, rate=1 << 20), clock)
    budget.received, clock.now = received, elapsed

    for spend in (budget.member, lambda: budget.expand(0)):
        if left:
            spend()
        else:
            with pytest.raises(Exhausted, match="stopped after"):
                spend()
    assert (budget.remaining >= 0) == left
    assert budget.elapsed == elapsed


@pytest.mark.parametrize("start", [0.0, -100.0, 1e9])
def test_time_counts_from_the_beginning_of_the_inspection(start: float) -> None:
    clock = Clock(start)
    budget = Budget(Limits(seconds=5), clock)
    clock.now += 3

    assert (budget.elapsed, budget.remaining) == (pytest.approx(3), pytest.approx(2))


@pytest.mark.parametrize(
    ("change", "spend", "rule"),
    [
        ({"members": 2}, "member", "member-limit"),
        ({"expanded": 2, "ratio_floor": 9}, "expand", "expanded-limit"),
        ({"expanded": 9, "ratio_floor": 2, "ratio": 0}, "expand", "ratio-limit"),
    ],
)
def test_a_budget_is_used_to_its_end_and_no_further(change: dict[str, int], spend: str, rule: str) -> None:
    budget = Budget(Limits(**change))
    once = budget.member if spend == "member" else lambda: budget.expand(1)

    once()
    once()
    for _ in range(2):
        with pytest.raises(Exhausted) as hit:
            once()
        assert hit.value.rule == rule


def test_the_limits_of_the_whole_stop_the_walk_and_those_of_a_member_only_it() -> None:
    assert issubclass(Exhausted, LimitHit)
    data = tarred(("a.gz", gzip.compress(bytes(5000))), ("b", MARKER))

    one = look(data, "x.tar", limits=Limits(member=1000))
    whole = look(data, "x.tar", limits=Limits(expanded=1000, member=1 << 40))

    assert found(one) == ["x.tar!/b"]
    assert found(whole) == []
    assert reasons(one) == reasons(whole) == {SkipReason.LIMIT}


@pytest.mark.parametrize("container", ["tar", "gnu.tar", "zip", "deflate.zip", "7z", "cpio", "a", "iso", "asar"])
def test_the_limit_of_a_member_is_the_members_own(container: str) -> None:
    members = [("aaa", b"x" * 3000), ("marked", MARKER)]

    inspection = look(PACKS[container](members), f"a.{container}", limits=Limits(member=2000))

    assert len(found(inspection)) == 1
    assert reasons(inspection) == {SkipReason.LIMIT}
    assert inspection.coverage.opened < inspection.coverage.members


XZ = lzma.compress(MARKER, preset=9)
LZMA = lzma.compress(MARKER, format=lzma.FORMAT_ALONE, preset=9)


@pytest.mark.parametrize(("data", "name"), [(XZ, "a.xz"), (LZMA, "a.lzma")])
def test_a_dictionary_that_needs_more_memory_than_allowed_is_a_limit(data: bytes, name: str) -> None:
    assert found(look(data, name))
    small = look(data, name, limits=Limits(dictionary=1 << 20))
    assert reasons(small) == {SkipReason.LIMIT}
    assert not found(small)


@pytest.mark.parametrize(("most", "fits"), [(1 << 20, True), ((1 << 20) - 1, False)])
def test_a_window_of_zstandard_may_be_as_large_as_the_dictionary(most: int, *, fits: bool) -> None:
    settings = zstandard.ZstdCompressionParameters(window_log=20, write_content_size=0)
    packer = zstandard.ZstdCompressor(compression_params=settings).compressobj()
    data = packer.compress(MARKER) + packer.flush()

    inspection = look(data, "a.zst", limits=Limits(dictionary=most))

    assert bool(found(inspection)) == fits
    assert reasons(inspection) == (set() if fits else {SkipReason.LIMIT})


HEADER = 16 * 1 + 5


@pytest.mark.parametrize(("most", "fits"), [(HEADER, True), (HEADER - 1, False)])
def test_an_rpm_header_may_be_as_large_as_the_limit(most: int, *, fits: bool) -> None:
    data = rpm(gzip.compress(cpio((b"a", MARKER, 0o100644))))

    inspection = look(data, "a.rpm", limits=Limits(directory=most))

    assert bool(found(inspection)) == fits
    assert inspection.coverage.complete == fits


@pytest.mark.parametrize(("most", "fits"), [(2048, True), (2047, False)])
def test_a_folder_of_a_disc_may_be_as_large_as_the_limit(most: int, *, fits: bool) -> None:
    inspection = look(iso((b"A.;1", MARKER)), "a.iso", limits=Limits(directory=most))

    assert bool(found(inspection)) == fits
    assert inspection.coverage.complete == fits


@pytest.mark.parametrize(("size", "fits"), [(1 << 20, True), ((1 << 20) + 1, False)])
def test_an_extended_header_may_have_a_mebibyte(size: int, *, fits: bool) -> None:
    over = len(b"%d comment=\n" % size)
    text = b"%d comment=" % size + b"x" * (size - over) + b"\n"
    data = entry(b"PaxHeader", text, flag=b"x") + entry(b"a", MARKER) + END

    inspection = look(data, "a.tar")

    assert bool(found(inspection)) == fits
    assert inspection.coverage.complete == fits
    assert ("bad-pax" in rules(inspection)) != fits


@pytest.mark.parametrize("name", [one.name for one in dataclasses.fields(Limits)])
def test_no_limit_of_nothing_is_ever_clean_with_something_to_see_beyond_it(name: str) -> None:
    data = zipped(("a.tar", tarred(("b", MARKER))), ("c.xz", lzma.compress(MARKER)))
    least: dict[str, Any] = {name: 1 if name in {"rate", "workers"} else 0}

    inspection = look(data, "x.zip", limits=Limits(**least), scanners=[MarkerScanner()])

    assert len(found(inspection)) == 2 or not inspection.coverage.complete


@pytest.mark.parametrize("value", [0, 1, 2])
def test_a_limit_of_so_many_members_counts_those_in_members_too(value: int) -> None:
    inspection = look(tarred(("a.tar", tarred(("b", MARKER)))), "x.tar", limits=Limits(members=value))

    assert bool(found(inspection)) == (value == 2)
    assert inspection.coverage.complete == (value == 2)


def test_an_inspection_says_how_long_it_took_by_its_clock() -> None:
    clock = Clock()
    assert inspect("a", [b"x"], [], Limits(), clock=clock).seconds == 0.0
    assert clock.asked


def test_a_pax_header_is_no_member() -> None:
    data = pax(b"x", b"comment=x") + entry(b"a", b"1") + END

    assert look(data, "a.tar", limits=Limits(members=1)).coverage.complete
