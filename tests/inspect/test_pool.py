"""The pool: bounded bytes, bounded threads, and nobody waits for a scanner that never returns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from customhouse.inspect import Limits
from customhouse.inspect.limits import Budget, Exhausted
from customhouse.inspect.pool import Pool
from customhouse.model import Fact, SkipReason
from customhouse.scanners import Member
from tests.inspect.support import MARKER, MarkerScanner, Recorder, found, look, reasons, tarred

PATIENCE = 30.0


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What tasks wait for; opened at the end, whatever the test came to."""
    event = threading.Event()
    yield event
    event.set()


def pool(**limits: int) -> Pool:
    return Pool(Budget(Limits(**limits)))


def waiting(gate: threading.Event, seen: list[int], at: int) -> Callable[[], None]:
    def task() -> None:
        gate.wait(PATIENCE)
        seen.append(at)

    return task


def test_every_task_is_run_before_it_closes() -> None:
    done = list[int]()
    tasks = pool()
    for at in range(500):
        tasks.submit(lambda at=at: done.append(at), 1, at)

    assert tasks.close(PATIENCE) == []
    assert sorted(done) == list(range(500))


def test_one_worker_runs_tasks_in_their_order() -> None:
    done = list[int]()
    tasks = pool(workers=1)
    for at in range(100):
        tasks.submit(lambda at=at: done.append(at), 1, at)

    tasks.close(PATIENCE)
    assert done == list(range(100))


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_no_more_threads_than_workers_ever_scan(workers: int) -> None:
    names = set[int]()
    tasks = pool(workers=workers)
    for at in range(50):
        tasks.submit(lambda: names.add(threading.get_ident()), 1, at)

    tasks.close(PATIENCE)
    assert 1 <= len(names) <= workers


def test_what_did_not_end_is_named_in_its_order(gate: threading.Event) -> None:
    tasks = pool(workers=1)
    for label in ("stuck", "behind", "last"):
        tasks.submit(lambda: gate.wait(PATIENCE) and None, 1, label)

    assert tasks.close(0) == ["stuck", "behind", "last"]


@pytest.mark.parametrize("patience", [0.0, -5.0])
def test_no_patience_is_no_error(gate: threading.Event, patience: float) -> None:
    tasks = pool()
    tasks.submit(lambda: gate.wait(PATIENCE) and None, 0, "x")

    assert tasks.close(patience) == ["x"]


def test_a_pool_without_tasks_closes_at_once() -> None:
    assert pool().close(0) == []


@pytest.mark.parametrize(("queued", "cost", "fits"), [(100, 50, True), (100, 51, False), (99, 50, False)])
def test_bytes_may_wait_up_to_the_limit_and_not_one_more(
    gate: threading.Event, queued: int, cost: int, *, fits: bool
) -> None:
    now = [0.0]
    tasks = Pool(Budget(Limits(queued=queued, seconds=5), lambda: now[0]))
    tasks.submit(lambda: gate.wait(PATIENCE) and None, 50, "first")
    now[0] = 9.0  # no time is left to wait for room

    if fits:
        tasks.submit(lambda: None, cost, "second")
    else:
        with pytest.raises(Exhausted) as hit:
            tasks.submit(lambda: None, cost, "second")
        assert hit.value.rule == "time-limit"


def test_one_task_larger_than_the_limit_runs_by_itself() -> None:
    done = list[int]()
    tasks = pool(queued=10)
    tasks.submit(lambda: done.append(1), 10_000, "large")

    assert tasks.close(PATIENCE) == []
    assert done == [1]


def test_room_comes_back_when_a_task_ends(gate: threading.Event) -> None:
    seen = list[int]()
    tasks = pool(queued=10, workers=1)
    tasks.submit(waiting(gate, seen, 1), 10, "first")
    gate.set()
    for at in (2, 3, 4):
        tasks.submit(waiting(gate, seen, at), 10, at)

    assert tasks.close(PATIENCE) == []
    assert seen == [1, 2, 3, 4]


def stuck(gate: threading.Event, name: str = "b") -> Recorder:
    class Stuck(Recorder):
        """Never returns from one member."""

        def scan(self, member: Member) -> Iterable[Fact]:
            if member.name == name:
                gate.wait(PATIENCE)
            return super().scan(member)

    return Stuck()


NO_TIME = Limits(seconds=0.2, grace=0.1, rate=1 << 60)


def test_a_scanner_that_never_returns_leaves_its_members_unopened(gate: threading.Event) -> None:
    inspection = look(tarred(("a", b"1"), ("b", b"2")), "x.tar", scanners=[stuck(gate)], limits=NO_TIME)

    assert reasons(inspection) == {SkipReason.TIMEOUT}
    assert {skip.member for skip in inspection.coverage.skipped} == {"x.tar!/a", "x.tar!/b"}
    assert (inspection.coverage.members, inspection.coverage.opened) == (3, 1)


def test_what_was_found_before_time_ran_out_is_told(gate: threading.Event) -> None:
    data = tarred(("a", MARKER), ("b", b"2"))

    inspection = look(data, "x.tar", scanners=[MarkerScanner(), stuck(gate)], limits=NO_TIME)

    assert found(inspection) == ["x.tar!/a"]
    assert not inspection.coverage.complete


def test_a_scanner_that_seeks_and_never_returns_is_a_timeout(gate: threading.Event) -> None:
    class Seeking(MarkerScanner):
        def scan(self, member: Member) -> Iterable[Fact]:
            gate.wait(PATIENCE)
            return super().scan(member)

    inspection = look(bytes(5000), "b", scanners=[Seeking("stream")], limits=Limits(seconds=0.2, grace=0.1, window=100))

    assert reasons(inspection) == {SkipReason.TIMEOUT}


def test_a_queue_that_stays_full_ends_the_walk_and_the_digest_is_right(gate: threading.Event) -> None:
    data = tarred(*((f"b{at}", b"x" * 5000) for at in range(300)))
    limits = Limits(seconds=0.3, grace=0.1, rate=1 << 60, queued=600_000, workers=1)

    inspection = look(data, "x.tar", scanners=[stuck(gate, "b0")], limits=limits)

    assert SkipReason.TIMEOUT in reasons(inspection)
    assert inspection.digests == look(data).digests
    assert inspection.size == len(data)


def test_a_scanner_that_fails_on_every_member_leaves_every_member_unopened() -> None:
    class Failing(Recorder):
        def scan(self, member: Member) -> Iterable[Fact]:
            raise KeyboardInterrupt(member.path)

    inspection = look(tarred(*((f"{at}", b"x") for at in range(70))), "x.tar", scanners=[Failing()])

    assert reasons(inspection) == {SkipReason.ENGINE}
    assert inspection.coverage.opened == 1


def test_task_that_breaks_down_is_told_and_the_next_ones_are_done() -> None:
    pool, done = Pool(Budget(Limits(workers=1))), list[str]()

    def broken() -> None:
        raise MemoryError

    pool.submit(broken, 1, "broken")
    pool.submit(lambda: done.append("next"), 1, "next")

    assert pool.close(10) == ["broken"]
    assert done == ["next"]
