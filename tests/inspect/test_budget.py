from __future__ import annotations

import io
import itertools
import threading
import tracemalloc
import zipfile
from collections.abc import Iterable, Iterator

import pytest

from customhouse.errors import Transient
from customhouse.inspect import Limits, inspect
from customhouse.inspect.limits import Budget, Exhausted, LimitHit
from customhouse.inspect.spool import Spool
from customhouse.model import Fact, Severity, Skip, SkipReason
from customhouse.scanners import Member
from tests.inspect.support import (
    MARKER,
    MarkerScanner,
    Part,
    Recorder,
    clean,
    deflated,
    found,
    handmade,
    look,
    nested,
    reasons,
    rules,
    tarred,
    zeros,
    zipped,
)


def test_a_chain_of_zips_as_deep_as_allowed_is_opened() -> None:
    assert found(look(nested(16, MARKER)))


@pytest.mark.parametrize("depth", [17, 18, 25])
def test_a_depth_bomb_is_held(depth: int) -> None:
    inspection = look(nested(depth, MARKER))

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert "depth-limit" in rules(inspection)
    assert not inspection.coverage.complete


def test_more_members_than_allowed_are_held() -> None:
    inspection = look(zipped(*((f"{at}", b"x") for at in range(50))), limits=Limits(members=20))

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert not inspection.coverage.complete


def test_more_bytes_than_allowed_stop_the_walk_where_they_are_reached() -> None:
    data = tarred(*((f"{at}", bytes(1 << 20)) for at in range(10)))

    inspection = look(data, limits=Limits(expanded=3 << 20))

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert inspection.coverage.bytes <= 4 << 20
    assert inspection.size == len(data)


def test_a_member_larger_than_allowed_is_skipped_and_the_next_is_seen() -> None:
    inspection = look(zipped(("big", b"x" * 5000), ("marked", MARKER), method=0), "a.zip", limits=Limits(member=1000))

    assert found(inspection) == ["a.zip!/marked"]
    assert reasons(inspection) == {SkipReason.LIMIT}


def test_the_ratio_counts_once_past_the_floor() -> None:
    small, large = zipped(("zeros", bytes(2 << 20))), zipped(("zeros", bytes(5 << 20)))

    assert clean(look(small))
    assert rules(look(large)) == {"ratio-limit"}


def test_a_nested_bomb_stops_at_the_whole_artifacts_ratio() -> None:
    bomb = zipped(("0", bytes(3 << 20)))
    for level in range(3):
        bomb = zipped(*((f"{level}-{at}.zip", bomb) for at in range(8)))

    inspection = look(bomb)

    assert rules(inspection) == {"ratio-limit"}
    assert inspection.coverage.bytes < 10 << 20


def test_overlapping_members_stop_at_the_whole_artifacts_ratio() -> None:
    body = deflated(bytes(3 << 20))
    parts = [Part(name=b"a", data=bytes(3 << 20), body=body, method=8)]
    parts += [
        Part(name=b"%d" % at, data=bytes(3 << 20), body=b"", packed_size=len(body), method=8, offset=0)
        for at in range(99)
    ]

    inspection = look(handmade(*parts))

    assert {"overlap", "ratio-limit"} <= rules(inspection)
    assert inspection.coverage.bytes < 8 << 20


def ticking(step: float) -> Iterator[float]:
    return itertools.count(0.0, step)


def test_time_that_runs_out_is_a_timeout_and_the_digest_is_still_right() -> None:
    data = tarred(*((f"{at}", b"x") for at in range(100)))
    ticks = ticking(1.0)

    inspection = inspect("a.tar", [data], [], Limits(seconds=20), clock=lambda: next(ticks))

    assert reasons(inspection) == {SkipReason.TIMEOUT}
    assert inspection.digests == look(data).digests


def test_a_large_artifact_gets_more_time() -> None:
    now = [0.0]
    budget = Budget(Limits(seconds=20, rate=1 << 20), lambda: now[0])
    now[0] = 25.0
    budget.received = 10 << 20

    assert budget.remaining == pytest.approx(5)
    budget.received = 0
    with pytest.raises(Exhausted):
        budget.member()


def test_a_spool_moves_to_disk_and_gives_back_what_it_took() -> None:
    budget = Budget(Limits(spool=1000, disk=5000))
    with Spool(budget) as spool:
        spool.fill([b"a" * 600, b"b" * 600])
        spool.file.seek(0)
        assert spool.file.read() == b"a" * 600 + b"b" * 600
        assert not isinstance(spool.file, io.BytesIO)
        assert spool.size == 1200
        with pytest.raises(LimitHit):
            spool.write(b"c" * 5000)
    with Spool(budget) as again:
        again.fill([b"d" * 1000])
        assert isinstance(again.file, io.BytesIO)


def test_a_zip_larger_than_disk_and_memory_is_held() -> None:
    inspection = look(zipped(("a", b"x" * 9000), method=0), limits=Limits(spool=100, disk=1000))

    assert reasons(inspection) == {SkipReason.LIMIT}
    assert rules(inspection) == {"disk-limit"}


def test_chunks_are_read_to_the_end_whatever_is_in_them() -> None:
    taken = []

    def chunks() -> Iterator[bytes]:
        for piece in (b"PK\x03\x04", b"junk", b"more"):
            taken.append(piece)
            yield piece

    inspection = inspect("a.zip", chunks(), [], Limits())

    assert b"".join(taken) == b"PK\x03\x04junkmore"
    assert inspection.size == 12


@pytest.mark.parametrize("chunk", [1, 7, 4096, 3 << 20])
def test_the_size_of_chunks_changes_nothing(chunk: int) -> None:
    data = zipped(("a.txt", b"hello" * 99), ("b.tar", tarred(("c", MARKER))))

    one, other = look(data, chunk=chunk), look(data)

    assert (one.findings, one.coverage, one.digests) == (other.findings, other.coverage, other.digests)


def test_a_file_gives_what_chunks_give() -> None:
    data = zipped(("a.txt", b"hello" * 99), ("b.txt", MARKER))

    from_file = inspect("a.zip", (), [MarkerScanner()], Limits(), file=io.BytesIO(data))

    assert (from_file.findings, from_file.coverage) == (look(data, "a.zip").findings, look(data, "a.zip").coverage)


def test_a_digest_that_differs_from_the_stores_is_transient() -> None:
    expect = {"crc32c": "9a71bb4c", "md5": "5d41402abc4b2a76b9719d911017c592"}

    good = inspect("a", [b"hello"], [], Limits(), expect=expect)

    assert good.digests["crc32c"] == "9a71bb4c"
    with pytest.raises(Transient, match="md5"):
        inspect("a", [b"hellp"], [], Limits(), expect={"md5": expect["md5"]})
    with pytest.raises(Transient, match="reported"):
        inspect("a", [b"hello"], [], Limits(), size=6)


def test_a_stream_that_fails_raises_its_own_error() -> None:
    def chunks() -> Iterator[bytes]:
        yield tarred(("a", bytes(9000)))[:4000]
        raise Transient("the network went away")

    with pytest.raises(Transient, match="network"):
        inspect("a.tar", chunks(), [MarkerScanner()], Limits())


def test_an_empty_artifact_is_complete() -> None:
    inspection = look(b"")

    assert clean(inspection)
    assert (inspection.coverage.members, inspection.size) == (1, 0)


class Broken:
    name, version = "broken", "1"
    reads = "windows"

    def __init__(self, *, wanting: bool = False, error: type[BaseException] = ValueError) -> None:
        self._wanting, self._error = wanting, error

    def wants(self, member: Member) -> bool:
        if self._wanting:
            raise self._error("cannot say")
        return member.size > 0

    def scan(self, member: Member) -> Iterable[Fact]:
        raise self._error(f"cannot scan {member.path}")


class Panic(BaseException):
    """What engines written in Rust raise."""


@pytest.mark.parametrize("scanner", [Broken(), Broken(wanting=True), Broken(error=Panic)])
def test_a_scanner_that_fails_is_a_skip_and_the_others_go_on(scanner: Broken) -> None:
    inspection = look(zipped(("a", MARKER)), "a.zip", scanners=[scanner, MarkerScanner()])

    assert found(inspection) == ["a.zip!/a"]
    assert reasons(inspection) == {SkipReason.ENGINE}
    assert not inspection.coverage.complete


def test_a_scanner_that_never_ends_is_a_timeout() -> None:
    gate = threading.Event()

    class Stuck(Recorder):
        def scan(self, member: Member) -> Iterable[Fact]:
            gate.wait(30)
            return super().scan(member)

    inspection = look(b"hello", scanners=[Stuck()], limits=Limits(seconds=0.1, grace=0.1))
    gate.set()

    assert reasons(inspection) == {SkipReason.TIMEOUT}


def test_a_skip_that_a_scanner_reports_leaves_the_member_unopened() -> None:
    class Unsure(Recorder):
        def scan(self, member: Member) -> Iterable[Fact]:
            yield Skip(member.path, SkipReason.LIMIT, "too strange")

    inspection = look(b"hello", scanners=[Unsure()])

    assert (inspection.coverage.members, inspection.coverage.opened) == (1, 0)


def test_large_members_come_in_windows_that_overlap() -> None:
    recorder = Recorder()
    size = (16 << 20) + 5
    at = (4 << 20) - 9
    data = bytes(at) + MARKER + bytes(size - at - len(MARKER))

    inspection = look(data, scanners=[recorder, MarkerScanner()])

    assert [member.offset for member in recorder.seen if not member.whole] == sorted(m.offset for m in recorder.seen)
    assert [member.last for member in recorder.seen].count(True) == 1
    assert found(inspection) == ["artifact.bin"]
    assert inspection.coverage.bytes == size


def test_a_member_of_one_window_comes_whole() -> None:
    recorder = Recorder()
    look(bytes(16 << 20), scanners=[recorder])

    assert [member.whole for member in recorder.seen] == [True]


def test_a_scanner_that_seeks_gets_the_whole_member_as_a_file() -> None:
    data = bytes(17 << 20) + MARKER

    inspection = look(data, scanners=[MarkerScanner("stream")])

    assert found(inspection) == ["artifact.bin"]
    assert inspection.coverage.complete


def test_a_scanner_that_seeks_is_told_when_there_is_no_room() -> None:
    inspection = look(bytes(17 << 20), scanners=[MarkerScanner("stream")], limits=Limits(spool=1, disk=1 << 20))

    assert reasons(inspection) == {SkipReason.LIMIT}


def test_a_thousand_equal_findings_become_a_hundred_and_a_count() -> None:
    data = zipped(*((f"../{at}", b"x") for at in range(300)))

    inspection = look(data)

    assert len(inspection.findings) == 100
    assert "300" in inspection.findings[-1].message
    assert inspection.findings[0].severity is Severity.HIGH


def test_scanners_versions_are_in_the_inspection() -> None:
    assert look(b"x").engines == {"marker": "1"}


def test_memory_does_not_grow_with_the_artifact() -> None:
    tracemalloc.start()
    inspect("zeros.bin", zeros(300 << 20), [Recorder(version="2")][:0], Limits())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 80 << 20


def test_ten_thousand_members_with_the_marker_last_are_found() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for at in range(10_050):
            archive.writestr(f"{at}", b"")
        archive.writestr("last", MARKER)

    assert found(look(buffer.getvalue(), "a.zip")) == ["a.zip!/last"]
